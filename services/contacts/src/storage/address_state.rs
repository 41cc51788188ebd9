//! What is known of addresses, projected from what notifications publishes.

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_events::AddressStateChanged;

use super::params::Params;

/// Applies states; at most one row an address. Older versions change nothing.
pub(crate) async fn apply(tx: &Transaction, rows: &[AddressStateChanged]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut params = Params::default();
    let mut tuples = Vec::with_capacity(rows.len());
    for row in rows {
        let first = params.next();
        params.extend([
            row.organization_id.uuid().into(),
            row.email_canonical.clone().into(),
            row.state.as_str().into(),
            row.version.raw().into(),
        ]);
        tuples.push(format!(
            "(${first}, ${}, ${}, ${})",
            first + 1,
            first + 2,
            first + 3
        ));
    }
    let sql = format!(
        "INSERT INTO address_state (organization_id, email_canonical, state, version) VALUES {} \
         ON CONFLICT (organization_id, email_canonical) DO UPDATE SET state = excluded.state, \
         version = excluded.version WHERE address_state.version < excluded.version",
        tuples.join(", ")
    );
    tx.execute_raw(tx.statement(sql, params.into_values())).await?;
    Ok(())
}
