//! What is used of an organization's and a member's mails of a day (I17).

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{MemberId, OrganizationId};
use uuid::Uuid;

use super::row::Columns;

/// Whose budgets of which day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Of {
    pub(crate) organization: OrganizationId,
    pub(crate) day: i64,
    /// None where no member is behind it.
    pub(crate) member: Option<MemberId>,
}

/// What is used already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) organization: i64,
    pub(crate) member: i64,
}

/// What is used already, locked until the transaction's end, so that two cannot take the same share: the organization's first, the
/// member's second.
pub(crate) async fn lock(tx: &Transaction, of: Of) -> Result<Used, DbErr> {
    let mut used = Used {
        organization: touch(tx, of, of.organization.uuid()).await?,
        member: 0,
    };
    if let Some(member) = of.member {
        used.member = touch(tx, of, member.uuid()).await?;
    }
    Ok(used)
}

/// Locks one row, which is made where there is none.
async fn touch(tx: &Transaction, of: Of, subject: Uuid) -> Result<i64, DbErr> {
    let sql = "INSERT INTO mail_budget (organization_id, day, subject_id, used) VALUES ($1, $2, $3, 0) \
               ON CONFLICT (organization_id, day, subject_id) DO UPDATE SET used = mail_budget.used RETURNING used";
    let values = [of.organization.uuid().into(), of.day.into(), subject.into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map_or(Ok(0), |row| row.get("used"))
}

/// So many more are used.
pub(crate) async fn add(tx: &Transaction, of: Of, count: i64) -> Result<(), DbErr> {
    let sql = "UPDATE mail_budget SET used = used + $3 WHERE organization_id = $1 AND day = $2 AND subject_id IN ($1, $4)";
    let member = of.member.map_or(of.organization.uuid(), MemberId::uuid);
    let values = [
        of.organization.uuid().into(),
        of.day.into(),
        count.into(),
        member.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Drops the days before this one, of every organization.
pub(crate) async fn forget_before(tx: &Transaction, day: i64) -> Result<(), DbErr> {
    let sql = "DELETE FROM mail_budget WHERE day < $1";
    tx.execute_raw(tx.statement(sql, [day.into()])).await?;
    Ok(())
}
