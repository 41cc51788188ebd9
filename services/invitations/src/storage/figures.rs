//! What batches have come to, counted.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, keyset::Keyset, records};
use usher_types::{BatchId, BatchState, ContactId, DeliveryState, IneligibleReason, OrganizationId};

use super::batch::Batch;
use super::row::Columns;

/// What a batch has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// In the order of the reasons.
    pub(crate) skipped: Vec<(IneligibleReason, i64)>,
    pub(crate) queued: i64,
    pub(crate) sent: i64,
    pub(crate) failed: i64,
    pub(crate) cancelled: i64,
    pub(crate) accepted: i64,
}

impl Figures {
    /// Everybody who was looked at.
    pub(crate) fn looked_at(&self) -> i64 {
        let skipped: i64 = self.skipped.iter().map(|(_, count)| count).sum();
        skipped + self.queued + self.sent + self.failed + self.cancelled
    }

    /// `InvitationBatch.total`: what the preview counted, until everybody was looked at.
    pub(crate) fn total(&self, batch: &Batch) -> i64 {
        if batch.walked || batch.state == BatchState::Cancelled {
            self.looked_at()
        } else {
            self.looked_at().max(batch.expected)
        }
    }

    fn add_mail(&mut self, delivery: DeliveryState, count: i64) {
        let place = match delivery {
            DeliveryState::Queued | DeliveryState::Sending | DeliveryState::Deferred => &mut self.queued,
            DeliveryState::Sent => &mut self.sent,
            DeliveryState::Failed | DeliveryState::Bounced | DeliveryState::Suppressed => &mut self.failed,
            DeliveryState::Cancelled => &mut self.cancelled,
        };
        *place += count;
    }
}

/// The figures of these batches of an organization; one that has none is left out.
pub(crate) async fn figures(
    tx: &Transaction,
    organization: OrganizationId,
    batches: &[BatchId],
) -> Result<HashMap<BatchId, Figures>, DbErr> {
    let mut all: HashMap<BatchId, Figures> = HashMap::new();
    let mails = "SELECT batch_id, delivery, state, count(*) AS n FROM invitation WHERE {} GROUP BY batch_id, delivery, state";
    for row in rows(tx, organization, (mails, "batch_id"), batches).await? {
        let figures = all.entry(row.id("batch_id")?).or_default();
        let count: i64 = row.get("n")?;
        figures.add_mail(row.named("delivery")?, count);
        if row.get::<String>("state")? == "ACCEPTED" {
            figures.accepted += count;
        }
    }
    let ended = "SELECT ended_by_batch, count(*) AS n FROM invitation WHERE {} GROUP BY ended_by_batch";
    for row in rows(tx, organization, (ended, "ended_by_batch"), batches).await? {
        all.entry(row.id("ended_by_batch")?).or_default().cancelled += row.get::<i64>("n")?;
    }
    let skipped = "SELECT batch_id, reason, count(*) AS n FROM batch_skip WHERE {} GROUP BY batch_id, reason";
    for row in rows(tx, organization, (skipped, "batch_id"), batches).await? {
        let figures = all.entry(row.id("batch_id")?).or_default();
        figures.skipped.push((row.named("reason")?, row.get("n")?));
    }
    for figures in all.values_mut() {
        figures.skipped.sort_unstable();
    }
    Ok(all)
}

/// The batches say whose the counted rows are.
async fn rows(
    tx: &Transaction,
    organization: OrganizationId,
    (sql, column): (&str, &str),
    batches: &[BatchId],
) -> Result<Vec<sea_orm::QueryResult>, DbErr> {
    let dialect = tx.dialect();
    let ours = dialect.in_uuids("batch.id", 1);
    let ours = format!("{column} IN (SELECT id FROM batch WHERE organization_id = $2 AND {ours})");
    let ids = dialect.uuids(batches.iter().map(|id| id.uuid()));
    let statement = tx.statement(sql.replace("{}", &ours), [ids, organization.uuid().into()]);
    tx.query_all_raw(statement).await
}

/// Notes who was left out.
pub(crate) async fn insert_skipped(
    tx: &Transaction,
    batch: &Batch,
    skipped: &[(IneligibleReason, ContactId)],
) -> Result<(), DbErr> {
    const COLUMNS: [Column<(IneligibleReason, ContactId)>; 2] = [
        Column::text("reason", |skipped| skipped.0.as_str()),
        Column::uuid("contact", |skipped| skipped.1.uuid()),
    ];
    if skipped.is_empty() {
        return Ok(());
    }
    let fixed = [batch.id.uuid().into(), batch.organization.uuid().into()];
    let (from, values) = records(tx.dialect(), fixed, &COLUMNS, skipped);
    let sql = format!(
        "INSERT INTO batch_skip (batch_id, organization_id, reason, contact_id) SELECT $1, $2, r.reason, r.contact FROM {from}"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// One page of those left out for a reason.
pub(crate) async fn list_skipped(
    tx: &Transaction,
    (organization, batch): (OrganizationId, BatchId),
    reason: &str,
    keyset: &Keyset,
) -> Result<Vec<ContactId>, DbErr> {
    let seek = keyset.seek(4);
    let sql = format!(
        "SELECT contact_id FROM batch_skip WHERE organization_id = $1 AND batch_id = $2 AND reason = $3{} \
         ORDER BY {} LIMIT {}",
        seek.condition,
        keyset.order_by(),
        keyset.fetch()
    );
    let known: [sea_orm::Value; 3] = [organization.uuid().into(), batch.uuid().into(), reason.into()];
    let rows = tx
        .query_all_raw(tx.statement(sql, known.into_iter().chain(seek.values)))
        .await?;
    rows.iter().map(|row| row.id("contact_id")).collect()
}
