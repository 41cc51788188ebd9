//! Who was told of login that was switched on for a further account (I13).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, names, records};
use usher_types::{AccountId, ContactId, OrganizationId};

use super::row::Columns;

/// A contact is told of one switching on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Told {
    pub(crate) contact: ContactId,
    pub(crate) account: AccountId,
    pub(crate) opened_at: DateTime<Utc>,
}

const COLUMNS: [Column<Told>; 3] = [
    Column::uuid("contact_id", |told| told.contact.uuid()),
    Column::uuid("account_id", |told| told.account.uuid()),
    Column::time("opened_at", |told| told.opened_at),
];

/// Notes what is told; what nobody has told before is given back.
pub(crate) async fn take(
    tx: &Transaction,
    organization: OrganizationId,
    wanted: &[Told],
) -> Result<HashSet<Told>, DbErr> {
    let names = names(&COLUMNS);
    let (from, values) = records(tx.dialect(), [organization.uuid().into()], &COLUMNS, wanted);
    let sql = format!(
        "INSERT INTO account_told (organization_id, {names}) SELECT $1, {names} FROM {from} WHERE true \
         ON CONFLICT (contact_id, account_id, opened_at) DO NOTHING RETURNING {names}"
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let read = |row: &sea_orm::QueryResult| {
        Ok(Told {
            contact: row.id("contact_id")?,
            account: row.id("account_id")?,
            opened_at: row.get("opened_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Drops what nobody will ask for again.
pub(crate) async fn forget_older(tx: &Transaction, than: DateTime<Utc>) -> Result<(), DbErr> {
    let sql = "DELETE FROM account_told WHERE opened_at < $1";
    tx.execute_raw(tx.statement(sql, [than.into()])).await?;
    Ok(())
}
