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
    let mails = Counted {
        table: "invitation",
        batch: "batch_id",
        by: "delivery, invitation.state",
    };
    for row in mails.rows(tx, organization, batches).await? {
        let figures = all.entry(row.id("of_batch")?).or_default();
        let count: i64 = row.get("n")?;
        figures.add_mail(row.named("delivery")?, count);
        if row.get::<String>("state")? == "ACCEPTED" {
            figures.accepted += count;
        }
    }
    let ended = Counted {
        table: "invitation",
        batch: "ended_by_batch",
        by: "ended_by_batch",
    };
    for row in ended.rows(tx, organization, batches).await? {
        all.entry(row.id("of_batch")?).or_default().cancelled += row.get::<i64>("n")?;
    }
    let skipped = Counted {
        table: "batch_skip",
        batch: "batch_id",
        by: "batch_skip.reason",
    };
    for row in skipped.rows(tx, organization, batches).await? {
        let figures = all.entry(row.id("of_batch")?).or_default();
        figures.skipped.push((row.named("reason")?, row.get("n")?));
    }
    for figures in all.values_mut() {
        figures.skipped.sort_unstable();
    }
    Ok(all)
}

/// Rows of a table that are counted for batches.
struct Counted {
    table: &'static str,
    /// The column that names the batch.
    batch: &'static str,
    /// What they are counted by.
    by: &'static str,
}

impl Counted {
    /// The batches say whose the rows are. The rows are found by two bounds rather than an equation: PostgreSQL takes any batch for
    /// as large as the largest ones, and would read all invitations to count the one of a small batch.
    async fn rows(
        &self,
        tx: &Transaction,
        organization: OrganizationId,
        batches: &[BatchId],
    ) -> Result<Vec<sea_orm::QueryResult>, DbErr> {
        let Self { table, batch, by } = self;
        let sql = format!(
            "SELECT batch.id AS of_batch, {by}, count(*) AS n FROM batch JOIN {table} ON {batch} >= batch.id AND {batch} <= batch.id \
             WHERE batch.organization_id = $2 AND {} GROUP BY batch.id, {by}",
            tx.dialect().in_uuids("batch.id", 1)
        );
        let ids = tx.dialect().uuids(batches.iter().map(|id| id.uuid()));
        let statement = tx.statement(sql, [ids, organization.uuid().into()]);
        tx.query_all_raw(statement).await
    }
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
