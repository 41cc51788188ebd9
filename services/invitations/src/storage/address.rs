//! What notifications says about addresses (N6).

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use usher_database::{Dialect, Transaction};
use usher_events::AddressStateChanged;
use usher_types::{EmailState, OrganizationId};
use uuid::Uuid;

use super::recordset::{self, Kind, json, names, recordset};
use super::row::Columns;

const COLUMNS: [(&str, Kind); 4] = [
    ("organization_id", Kind::Uuid),
    ("email_canonical", Kind::Text),
    ("state", Kind::Text),
    ("version", Kind::BigInt),
];

#[derive(Serialize)]
struct Row<'a> {
    #[serde(serialize_with = "recordset::uuid")]
    organization_id: Uuid,
    email_canonical: &'a str,
    state: &'static str,
    version: i64,
}

/// Takes what is newer. The caller leaves one news for an address.
pub(crate) async fn project<'a>(
    tx: &Transaction,
    news: impl IntoIterator<Item = &'a AddressStateChanged>,
) -> Result<(), DbErr> {
    let rows: Vec<Row<'_>> = news
        .into_iter()
        .map(|news| Row {
            organization_id: news.organization_id.uuid(),
            email_canonical: &news.email_canonical,
            state: news.state.as_str(),
            version: news.version.raw(),
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let names = names(&COLUMNS);
    let sql = format!(
        "INSERT INTO address_state ({names}) SELECT {names} FROM {} WHERE true \
         ON CONFLICT (organization_id, email_canonical) DO UPDATE SET state = excluded.state, version = excluded.version \
         WHERE address_state.version < excluded.version",
        recordset(tx.dialect(), 1, &COLUMNS)
    );
    tx.execute_raw(tx.statement(sql, [json(&rows)?])).await?;
    Ok(())
}

/// The states of these addresses, where there is anything to say.
pub(crate) async fn states(
    tx: &Transaction,
    organization: OrganizationId,
    addresses: &[&str],
) -> Result<HashMap<String, EmailState>, DbErr> {
    let list = match tx.dialect() {
        Dialect::Sqlite => "email_canonical IN (SELECT value FROM json_each($2))",
        Dialect::Postgres => "email_canonical IN (SELECT json_array_elements_text($2::text::json))",
    };
    let sql =
        format!("SELECT email_canonical, state FROM address_state WHERE organization_id = $1 AND {list}");
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), json(addresses)?]))
        .await?;
    rows.iter()
        .map(|row| Ok((row.get("email_canonical")?, row.named("state")?)))
        .collect()
}
