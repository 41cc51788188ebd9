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

/// What is used already. Others may use more until it is [`paid`].
pub(crate) async fn used(tx: &Transaction, of: Of) -> Result<Used, DbErr> {
    let sql = "SELECT subject_id, used FROM mail_budget WHERE organization_id = $1 AND day = $2 AND subject_id IN ($1, $3)";
    let organization = of.organization.uuid();
    let member = of.member.map_or(organization, MemberId::uuid);
    let values = [organization.into(), of.day.into(), member.into()];
    let mut used = Used::default();
    for row in tx.query_all_raw(tx.statement(sql, values)).await? {
        let count = row.get("used")?;
        if row.id::<OrganizationId>("subject_id")?.uuid() == organization {
            used.organization = count;
        } else {
            used.member = count;
        }
    }
    Ok(used)
}

/// Notes that `count` more are used of the budget of one subject, of which the whole is `limit`; false where it does not reach any more.
/// The row is locked from here on.
pub(crate) async fn paid(
    tx: &Transaction,
    (of, subject): (Of, Uuid),
    count: i64,
    limit: i64,
) -> Result<bool, DbErr> {
    let sql = "INSERT INTO mail_budget (organization_id, day, subject_id, used) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (organization_id, day, subject_id) DO UPDATE SET used = mail_budget.used + $4 \
               WHERE mail_budget.used + $4 <= $5";
    let values = [
        of.organization.uuid().into(),
        of.day.into(),
        subject.into(),
        count.into(),
        limit.into(),
    ];
    Ok(tx.execute_raw(tx.statement(sql, values)).await?.rows_affected() == 1)
}

/// Drops the days before this one, of every organization.
pub(crate) async fn forget_before(tx: &Transaction, day: i64) -> Result<(), DbErr> {
    let sql = "DELETE FROM mail_budget WHERE day < $1";
    tx.execute_raw(tx.statement(sql, [day.into()])).await?;
    Ok(())
}
