//! What is known of addresses, projected from what notifications publishes.

use sea_orm::{ConnectionTrait, DbErr};
use serde_json::json;
use usher_database::Transaction;
use usher_events::AddressStateChanged;

use super::rows::{Kind, Rows, many};

/// Applies states; at most one row an address. Older versions change nothing.
pub(crate) async fn apply(tx: &Transaction, rows: &[AddressStateChanged]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = many(rows.iter().map(|row| {
        json!({
            "organization_id": row.organization_id.uuid(),
            "email_canonical": row.email_canonical,
            "state": row.state.as_str(),
            "version": row.version.raw(),
        })
    }));
    tx.execute_raw(tx.statement(APPLIED.insert(tx.dialect()), [rows]))
        .await?;
    Ok(())
}

const APPLIED: Rows = Rows {
    table: "address_state",
    columns: &[
        ("organization_id", Kind::Id),
        ("email_canonical", Kind::Text),
        ("state", Kind::Text),
        ("version", Kind::Number),
    ],
    conflict: "ON CONFLICT (organization_id, email_canonical) DO UPDATE SET state = excluded.state, \
         version = excluded.version WHERE address_state.version < excluded.version",
};
