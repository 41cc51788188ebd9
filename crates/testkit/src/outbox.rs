//! What tests ask about messages.

use sea_orm::ConnectionTrait;
use usher_database::{Database, Scope, SystemReason};
use usher_events::{Data, Envelope};
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::contract::keeps_the_contract;

/// What the outbox holds, in the order it was spoken; each event keeps the contract. Rows that a relay has already published have lost
/// their data.
pub async fn published(database: &Database) -> Vec<Envelope> {
    let tx = database
        .read(Scope::System(SystemReason::Test))
        .await
        .expect("a transaction");
    let sql = "SELECT id, source, kind, time, subject, organization_id, key, queue, traceparent, data, events \
               FROM outbox ORDER BY position";
    let rows = tx.query_all_raw(tx.statement(sql, [])).await.expect("the outbox");
    let envelopes = |row: &sea_orm::QueryResult| {
        let organization: Option<Uuid> = row.try_get_by_index(5)?;
        let data: Option<String> = row.try_get_by_index(9)?;
        if row.try_get_by_index::<i16>(10)? > 1
            && let Some(data) = &data
        {
            return Ok(serde_json::from_str::<Vec<Envelope>>(data).expect("a pack"));
        }
        Ok::<_, sea_orm::DbErr>(vec![Envelope {
            id: row.try_get_by_index(0)?,
            source: row.try_get_by_index(1)?,
            kind: row.try_get_by_index(2)?,
            time: row.try_get_by_index(3)?,
            subject: row.try_get_by_index(4)?,
            organization: organization.map(OrganizationId::from),
            key: row.try_get_by_index(6)?,
            queue: row.try_get_by_index(7)?,
            traceparent: row.try_get_by_index(8)?,
            publisher: None,
            data: data.map_or_else(
                || Data::of(&()),
                |text| Data::parse(text.as_bytes()).expect("JSON"),
            ),
        }])
    };
    let all: Vec<Envelope> = rows
        .iter()
        .flat_map(|row| envelopes(row).expect("an outbox row"))
        .collect();
    let kept = all.iter().filter(|envelope| envelope.data != Data::of(&()));
    kept.for_each(keeps_the_contract);
    all
}
