//! Batches that wait for a budget, and their contacts who wait for their own (I17).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, records};
use usher_types::{ContactId, OrganizationId};

use super::Of;
use crate::storage::row::Columns;

/// Where a batch goes on, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// After this contact; none: from the beginning.
    pub(crate) after: Option<ContactId>,
    /// Which round it is then: see [`super::Batch::round`].
    pub(crate) round: i64,
    pub(crate) until: DateTime<Utc>,
}

/// The batch is not through with everybody and waits.
pub(crate) async fn wait(tx: &Transaction, (organization, id): Of, wait: Wait) -> Result<(), DbErr> {
    let sql = "UPDATE batch SET walked = (1 = 0), last_contact_id = $3, round = $4, waiting_until = $5, leased_until = NULL \
               WHERE id = $1 AND organization_id = $2";
    let values = [
        id.uuid().into(),
        organization.uuid().into(),
        wait.after.map(ContactId::uuid).into(),
        wait.round.into(),
        wait.until.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The organization's batches wait no longer: its budgets have changed.
pub(crate) async fn wake_waiting(tx: &Transaction, organization: OrganizationId) -> Result<(), DbErr> {
    let sql = "UPDATE batch SET waiting_until = NULL \
               WHERE organization_id = $1 AND finished_at IS NULL AND waiting_until IS NOT NULL";
    tx.execute_raw(tx.statement(sql, [organization.uuid().into()]))
        .await?;
    Ok(())
}

/// These contacts wait for their own budget.
pub(crate) async fn put_off(
    tx: &Transaction,
    (organization, id): Of,
    contacts: &[ContactId],
) -> Result<(), DbErr> {
    const COLUMNS: [Column<ContactId>; 1] = [Column::uuid("contact", |contact| contact.uuid())];
    if contacts.is_empty() {
        return Ok(());
    }
    let fixed = [id.uuid().into(), organization.uuid().into()];
    let (from, values) = records(tx.dialect(), fixed, &COLUMNS, contacts);
    let sql = format!(
        "INSERT INTO batch_waiting (batch_id, organization_id, contact_id) SELECT $1, $2, r.contact FROM {from}"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// These contacts wait no longer.
pub(crate) async fn take_up(
    tx: &Transaction,
    (organization, id): Of,
    contacts: &[ContactId],
) -> Result<(), DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "DELETE FROM batch_waiting WHERE batch_id = $2 AND organization_id = $3 AND {}",
        dialect.in_uuids("contact_id", 1)
    );
    let ids = dialect.uuids(contacts.iter().copied().map(ContactId::uuid));
    let values = [ids, id.uuid().into(), organization.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The next contacts who wait, in the order of their ids.
pub(crate) async fn next_waiting(
    tx: &Transaction,
    (organization, id): Of,
    after: Option<ContactId>,
    limit: usize,
) -> Result<Vec<ContactId>, DbErr> {
    let sql = format!(
        "SELECT contact_id FROM batch_waiting WHERE batch_id = $1 AND organization_id = $2 AND contact_id > $3 \
         ORDER BY contact_id LIMIT {limit}"
    );
    let after = after.map_or(uuid::Uuid::nil(), ContactId::uuid);
    let values = [id.uuid().into(), organization.uuid().into(), after.into()];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| row.id("contact_id")).collect()
}
