//! Filters and selections as SQL over `contact c`, `contact_portal p` and `contact_search s`. `$1` is the organization, `$2` is
//! `now`.
//!
//! No condition is ever NULL, so that NOT means what it says.

use usher_database::Dialect;
use usher_types::AccountId;

use super::params::Params;
use super::portal::STATUS;
use super::tables::Tables;
use crate::domain::filter::{Condition, Filter, Linked, Selection};

/// The condition that holds for whom a filter matches.
pub(super) fn filter(filter: &Filter, dialect: Dialect, params: &mut Params) -> String {
    let mut joined = |parts: &[Filter], operator: &str, none: &str| {
        if parts.is_empty() {
            return none.to_owned();
        }
        let parts: Vec<String> = parts
            .iter()
            .map(|part| self::filter(part, dialect, params))
            .collect();
        format!("({})", parts.join(operator))
    };
    match filter {
        Filter::All(parts) => joined(parts, " AND ", "TRUE"),
        Filter::Any(parts) => joined(parts, " OR ", "FALSE"),
        Filter::Not(part) => format!("(NOT {})", self::filter(part, dialect, params)),
        Filter::Is(condition) => self::condition(condition, dialect, params),
    }
}

/// The tables that a filter's condition is over.
pub(super) fn tables(filter: &Filter) -> Tables {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().map(tables).fold(Tables::NONE, Tables::and),
        Filter::Not(part) => tables(part),
        Filter::Is(condition) => match condition {
            Condition::Search(words) if words.is_empty() => Tables::NONE,
            Condition::Search(_) => Tables::SEARCH,
            Condition::Roles(_)
            | Condition::Tags(_)
            | Condition::Active(_)
            | Condition::Test(_)
            | Condition::Accounts(_) => Tables::CONTACT,
            Condition::PortalStatus(_) | Condition::SignedIn(_) => Tables::PORTAL,
            Condition::PendingActivation(_) => Tables::CONTACT.and(Tables::PORTAL),
        },
    }
}

/// The condition that holds for whom a selection means.
pub(super) fn selection(selection: &Selection, dialect: Dialect, params: &mut Params) -> String {
    match selection {
        Selection::Ids(ids) => {
            let number = params.add(dialect.uuids(ids.iter().map(|id| id.uuid())));
            dialect.in_uuids("c.id", number)
        }
        Selection::Filter(tree) => filter(tree, dialect, params),
        Selection::Accounts(accounts) => of_accounts(accounts, dialect, params),
        Selection::Linked(linked) => self::linked(linked, dialect, params),
    }
}

fn linked(linked: &Linked, dialect: Dialect, params: &mut Params) -> String {
    let mut condition = of_accounts(&linked.accounts, dialect, params);
    if let Some(only) = linked.only {
        condition.push_str(&format!(" AND c.id = ${}", params.add(only.uuid())));
    }
    if !linked.except.is_empty() {
        let number = params.add(dialect.uuids(linked.except.iter().map(|id| id.uuid())));
        condition.push_str(&format!(" AND NOT ({})", dialect.in_uuids("c.id", number)));
    }
    format!("({condition})")
}

fn condition(condition: &Condition, dialect: Dialect, params: &mut Params) -> String {
    match condition {
        Condition::Search(words) if words.is_empty() => "TRUE".to_owned(),
        Condition::Search(words) => {
            let found = |word: &String| contains(dialect, "s.document", params.add(word.clone()));
            format!("({})", words.iter().map(found).collect::<Vec<_>>().join(" AND "))
        }
        Condition::Roles(roles) => in_names("c.role", roles.iter().map(|role| role.as_str())),
        Condition::Tags(tags) => {
            let number = params.add(serde_json::Value::from(tags.clone()).to_string());
            format!(
                "c.id IN (SELECT t.contact_id FROM contact_tag t WHERE t.organization_id = $1 AND t.tag IN {})",
                json_texts(dialect, number)
            )
        }
        Condition::Active(true) => "c.active".to_owned(),
        Condition::Active(false) => "(NOT c.active)".to_owned(),
        Condition::Test(true) => "c.test".to_owned(),
        Condition::Test(false) => "(NOT c.test)".to_owned(),
        Condition::PortalStatus(statuses) => in_names(
            &format!("({STATUS})"),
            statuses.iter().map(|status| status.as_str()),
        ),
        Condition::PendingActivation(pending) => {
            let pending = if *pending { "" } else { "NOT " };
            format!("({pending}((c.links = 0 OR c.links_with_login > 0) AND p.first_signed_in_at IS NULL))")
        }
        Condition::SignedIn(true) => "(p.first_signed_in_at IS NOT NULL)".to_owned(),
        Condition::SignedIn(false) => "(p.first_signed_in_at IS NULL)".to_owned(),
        Condition::Accounts(accounts) => of_accounts(accounts, dialect, params),
    }
}

fn of_accounts(accounts: &[AccountId], dialect: Dialect, params: &mut Params) -> String {
    let number = params.add(dialect.uuids(accounts.iter().map(|id| id.uuid())));
    format!(
        "c.id IN (SELECT l.contact_id FROM link l WHERE l.organization_id = $1 AND {})",
        dialect.in_uuids("l.account_id", number)
    )
}

/// Names of closed sets stand in the text: there are few, and none comes from outside.
pub(super) fn in_names<'a>(expression: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    if names.is_empty() {
        "FALSE".to_owned()
    } else {
        format!("{expression} IN ({})", names.join(", "))
    }
}

/// A list of texts in one parameter.
pub(super) fn json_texts(dialect: Dialect, number: usize) -> String {
    match dialect {
        Dialect::Sqlite => format!("(SELECT value FROM json_each(${number}))"),
        Dialect::Postgres => format!("(SELECT json_array_elements_text(${number}::text::json))"),
    }
}

/// A text contains another, without any pattern.
pub(super) fn contains(dialect: Dialect, column: &str, number: usize) -> String {
    let function = match dialect {
        Dialect::Sqlite => "instr",
        Dialect::Postgres => "strpos",
    };
    format!("{function}({column}, ${number}) > 0")
}
