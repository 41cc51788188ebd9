//! What notifications says about addresses (N6).

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, names, records};
use usher_events::AddressStateChanged;
use usher_types::{EmailState, OrganizationId};

use super::row::Columns;

const COLUMNS: [Column<AddressStateChanged>; 4] = [
    Column::uuid("organization_id", |news| news.organization_id.uuid()),
    Column::text("email_canonical", |news| &news.email_canonical),
    Column::text("state", |news| news.state.as_str()),
    Column::number("version", |news| news.version.raw()),
];

/// Takes what is newer. The caller leaves one news for an address.
pub(crate) async fn project<'a>(
    tx: &Transaction,
    news: impl IntoIterator<Item = &'a AddressStateChanged>,
) -> Result<(), DbErr> {
    let mut news = news.into_iter().peekable();
    if news.peek().is_none() {
        return Ok(());
    }
    let names = names(&COLUMNS);
    let (from, values) = records(tx.dialect(), [], &COLUMNS, news);
    let sql = format!(
        "INSERT INTO address_state ({names}) SELECT {names} FROM {from} WHERE true \
         ON CONFLICT (organization_id, email_canonical) DO UPDATE SET state = excluded.state, version = excluded.version \
         WHERE address_state.version < excluded.version"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The states of these addresses, where there is anything to say.
pub(crate) async fn states(
    tx: &Transaction,
    organization: OrganizationId,
    addresses: &[&str],
) -> Result<HashMap<String, EmailState>, DbErr> {
    let columns = [Column::text("address", |address: &&str| address)];
    let (from, values) = records(tx.dialect(), [organization.uuid().into()], &columns, addresses);
    let sql = format!(
        "SELECT email_canonical, state FROM address_state \
         WHERE organization_id = $1 AND email_canonical IN (SELECT r.address FROM {from})"
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter()
        .map(|row| Ok((row.get("email_canonical")?, row.named("state")?)))
        .collect()
}
