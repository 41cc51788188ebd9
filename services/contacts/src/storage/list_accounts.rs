//! Pages of accounts, by name.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{
    Dialect, Transaction,
    keyset::{Direction, Keyset, Order, Page, Position, Window, WindowError, fingerprint},
};
use usher_types::{AccountKind, OrganizationId, fold};

use super::columns::{Columns, named};
use super::params::Params;
use super::{accounts, filter};
use crate::domain::account::Account;

/// Which accounts a list holds. Everything given must hold; a list matches any of its values.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountFilter {
    /// Folded words, each found somewhere in the name.
    pub(crate) words: Vec<String>,
    pub(crate) kinds: Option<Vec<AccountKind>>,
    pub(crate) tags: Option<Vec<String>>,
    /// True: ACTIVE, false: OFFLINE (C11).
    pub(crate) portal_active: Option<bool>,
}

impl AccountFilter {
    fn condition(&self, dialect: Dialect, params: &mut Params) -> String {
        let mut parts: Vec<String> = self
            .words
            .iter()
            .map(|word| has_word(word, dialect, params))
            .collect();
        if let Some(kinds) = &self.kinds {
            parts.push(filter::in_names("a.kind", kinds.iter().map(|kind| kind.as_str())));
        }
        if let Some(tags) = &self.tags {
            let number = params.add(serde_json::Value::from(tags.clone()).to_string());
            parts.push(format!(
                "a.id IN (SELECT t.account_id FROM account_tag t WHERE t.organization_id = $1 AND t.tag IN {})",
                filter::json_texts(dialect, number)
            ));
        }
        match self.portal_active {
            Some(true) => parts.push("a.portal_contacts > 0".to_owned()),
            Some(false) => parts.push("a.portal_contacts = 0".to_owned()),
            None => {}
        }
        parts.iter().map(|part| format!(" AND {part}")).collect()
    }
}

fn has_word(word: &str, dialect: Dialect, params: &mut Params) -> String {
    if dialect == Dialect::Sqlite || word.chars().count() < 3 {
        let number = params.add(word.to_owned());
        return filter::contains(dialect, "a.name_sort", number);
    }
    let number = params.add(filter::like(word));
    format!("a.id IN (SELECT found FROM accounts_like($1, ${number}) AS found)")
}

/// A list of accounts.
#[derive(Clone, Debug)]
pub(crate) struct AccountList {
    pub(crate) organization: OrganizationId,
    pub(crate) filter: AccountFilter,
}

impl AccountList {
    /// The place of a page in it.
    pub(crate) fn keyset(&self, window: Window, now: DateTime<Utc>) -> Result<Keyset, WindowError> {
        let listed = format!("{:?}", self.filter);
        let filter = fingerprint([self.organization.uuid().as_bytes().as_slice(), listed.as_bytes()]);
        let order = Order::new("ACCOUNT NAME", "a.id").column("a.name_sort", Direction::Ascending);
        Keyset::new(order, window, filter, now)
    }

    /// One page.
    pub(crate) async fn page(&self, tx: &Transaction, keyset: &Keyset) -> Result<Page<Account>, DbErr> {
        let mut params = Params::new([self.organization.uuid().into()]);
        let condition = self.filter.condition(tx.dialect(), &mut params);
        let seek = keyset.seek(params.next());
        params.extend(seek.values);
        let sql = format!(
            "SELECT {} FROM account a WHERE a.organization_id = $1{condition}{} ORDER BY {} LIMIT {}",
            named("a", &accounts::COLUMNS),
            seek.condition,
            keyset.order_by(),
            keyset.fetch(),
        );
        let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
        let read = |row| accounts::read(&mut Columns::of(row));
        let found = rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()?;
        Ok(keyset.page(found, |account| {
            Position::new(account.id, [fold(&account.name).into()])
        }))
    }

    /// How many accounts it holds, exactly.
    pub(crate) async fn total(&self, tx: &Transaction) -> Result<i64, DbErr> {
        let mut params = Params::new([self.organization.uuid().into()]);
        let condition = self.filter.condition(tx.dialect(), &mut params);
        let sql = format!("SELECT count(*) FROM account a WHERE a.organization_id = $1{condition}");
        let row = tx.query_one_raw(tx.statement(sql, params.into_values())).await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    }
}
