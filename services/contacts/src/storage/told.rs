//! A contact as a change has left it, read by the statement that changed it.

use sea_orm::{DbErr, QueryResult};
use usher_database::Dialect;
use usher_types::{AccountId, EmailState};

use super::columns::{Columns, named};
use super::contacts;
use crate::domain::contact::Contact;

/// A contact after a change, with what its event, its search document and its row in lists say besides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) contact: Contact,
    /// Where login is on, oldest link first.
    pub(crate) login_accounts: Vec<AccountId>,
    /// In the order of the accounts' ids.
    pub(crate) account_names: Vec<String>,
    /// What notifications knows of the address.
    pub(crate) known: Option<EmailState>,
}

/// `RETURNING …` of an UPDATE of `contact`, read by [`read`].
pub(super) fn returning(dialect: Dialect) -> String {
    let (logins, names) = match dialect {
        Dialect::Postgres => (
            "coalesce(json_agg(l.account_id ORDER BY l.id), '[]')",
            "coalesce(json_agg(n.name ORDER BY n.id), '[]')",
        ),
        Dialect::Sqlite => (
            "json_group_array(hex(l.account_id) ORDER BY l.id)",
            "json_group_array(n.name ORDER BY n.id)",
        ),
    };
    let links = "link l WHERE l.organization_id = contact.organization_id AND l.contact_id = contact.id";
    format!(
        "RETURNING {}, (SELECT {logins} FROM {links} AND l.login), \
         (SELECT {names} FROM account n WHERE n.organization_id = contact.organization_id \
         AND n.id IN (SELECT l.account_id FROM {links})), \
         (SELECT s.state FROM address_state s WHERE s.organization_id = contact.organization_id \
         AND s.email_canonical = contact.email_canonical)",
        named("contact", &contacts::COLUMNS)
    )
}

/// Reads what [`returning`] returns.
pub(super) fn read(row: &QueryResult) -> Result<Told, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Told {
        contact: contacts::read(&mut columns)?,
        login_accounts: columns.ids()?,
        account_names: columns.texts()?,
        known: columns.optional_name()?,
    })
}
