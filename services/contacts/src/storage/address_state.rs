//! What is known of addresses, projected from what notifications publishes.

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction};
use usher_events::AddressStateChanged;

use super::rows::Rows;

/// Applies states; at most one row an address. Older versions change nothing.
pub(crate) async fn apply(tx: &Transaction, rows: &[AddressStateChanged]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let (sql, values) = APPLIED.insert(tx.dialect(), rows);
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

const APPLIED: Rows<AddressStateChanged> = Rows {
    table: "address_state",
    columns: &[
        Column::uuid("organization_id", |row| row.organization_id.uuid()),
        Column::text("email_canonical", |row| &row.email_canonical),
        Column::text("state", |row| row.state.as_str()),
        Column::number("version", |row| row.version.raw()),
    ],
    conflict: "ON CONFLICT (organization_id, email_canonical) DO UPDATE SET state = excluded.state, \
         version = excluded.version WHERE address_state.version < excluded.version",
};
