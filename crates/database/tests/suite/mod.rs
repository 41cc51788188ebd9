//! Rows of the table `dead_letter`, which every service has, stand for any tenant's rows.

mod connections;
mod pages;
mod records;
mod transactions;
mod walls;

use chrono::{DateTime, Duration, Utc};
use sea_orm::ConnectionTrait;
use usher_database::{Database, Scope, SystemReason, Transaction};
use usher_types::OrganizationId;
use uuid::Uuid;

const SYSTEM: Scope = Scope::System(SystemReason::Test);

fn organization(number: u128) -> OrganizationId {
    OrganizationId::from(Uuid::from_u128(number))
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap() + Duration::seconds(seconds)
}

/// One row; `queue` and `reason` are its sort columns.
async fn insert(
    tx: &Transaction,
    owner: OrganizationId,
    id: u128,
    queue: &str,
    reason: &str,
) -> Result<(), sea_orm::DbErr> {
    let sql = "INSERT INTO dead_letter (queue, id, organization_id, reason, envelope, at) VALUES ($1, $2, $3, $4, '{}', $5)";
    let at = moment(i64::try_from(id % 3).unwrap());
    let values = [
        queue.into(),
        Uuid::from_u128(id).into(),
        owner.uuid().into(),
        reason.into(),
        at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await.map(|_| ())
}

async fn ids(database: &Database, scope: Scope) -> Vec<u128> {
    let tx = database.read(scope).await.unwrap();
    let rows = tx
        .query_all_raw(tx.statement("SELECT id FROM dead_letter ORDER BY id", []))
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index::<Uuid>(0).unwrap().as_u128())
        .collect()
}
