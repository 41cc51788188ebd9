//! Search documents: written in the transaction that changes what they say.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Column, Dialect, Transaction};
use usher_types::{AccountId, OrganizationId};

use super::batch::Batch;
use super::columns::{Columns, named};
use super::contacts;
use super::rows::Rows;
use super::told::Told;
use crate::domain::contact::Contact;

/// Documents that stay the same are left alone, so that most changes do not touch the search index.
const ROWS: Rows<Searched> = Rows {
    table: "contact_search",
    columns: &[
        Column::uuid("contact_id", |searched| searched.contact.id.uuid()),
        Column::uuid("organization_id", |searched| searched.contact.organization.uuid()),
        Column::string("document", |searched| {
            searched.contact.document(&searched.account_names)
        }),
    ],
    conflict: "ON CONFLICT (contact_id) DO UPDATE SET document = excluded.document \
         WHERE contact_search.organization_id = excluded.organization_id \
         AND contact_search.document <> excluded.document",
};

/// A contact and the names of their accounts, in the order of the accounts' ids.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Searched {
    pub(crate) contact: Contact,
    pub(crate) account_names: Vec<String>,
}

impl From<&Told> for Searched {
    fn from(told: &Told) -> Self {
        Self {
            contact: told.contact.clone(),
            account_names: told.account_names.clone(),
        }
    }
}

/// Writes the documents of contacts, which are locked.
pub(crate) fn write(batch: &mut Batch, searched: impl IntoIterator<Item = Searched>) {
    batch.rows(&ROWS, &searched.into_iter().collect::<Vec<_>>());
}

/// Everyone who is linked to one of these accounts, in the order of ids.
pub(crate) async fn of_accounts(
    tx: &Transaction,
    organization: OrganizationId,
    accounts: &[AccountId],
) -> Result<Vec<Searched>, DbErr> {
    let dialect = tx.dialect();
    let names = match dialect {
        Dialect::Postgres => "coalesce(json_agg(n.name ORDER BY n.id), '[]')",
        Dialect::Sqlite => "json_group_array(n.name ORDER BY n.id)",
    };
    let sql = format!(
        "SELECT {}, (SELECT {names} FROM account n WHERE n.organization_id = $1 \
         AND n.id IN (SELECT l.account_id FROM link l WHERE l.organization_id = $1 AND l.contact_id = c.id)) \
         FROM contact c WHERE c.organization_id = $1 \
         AND c.id IN (SELECT l.contact_id FROM link l WHERE l.organization_id = $1 AND {}) ORDER BY c.id",
        named("c", &contacts::COLUMNS),
        dialect.in_uuids("l.account_id", 2)
    );
    let accounts = dialect.uuids(accounts.iter().map(|id| id.uuid()));
    let values = [organization.uuid().into(), accounts];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let read = |row: &QueryResult| {
        let mut columns = Columns::of(row);
        Ok(Searched {
            contact: contacts::read(&mut columns)?,
            account_names: columns.texts()?,
        })
    };
    rows.iter().map(read).collect()
}
