//! Selections: counted by reason, and walked in the order of ids (I2, I3).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{ContactId, IneligibleReason, InvitationAction, OrganizationId};
use uuid::Uuid;

use super::columns::Columns;
use super::params::Params;
use super::view::{FROM, OWN, View, read, select};
use super::{eligibility, filter};
use crate::domain::filter::Selection;

/// How many an action would reach, and how many not, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) total: i64,
    pub(crate) eligible: i64,
    /// In the order of the reasons, none with zero.
    pub(crate) ineligible: Vec<(IneligibleReason, i64)>,
}

/// A selection in an organization at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selected<'a> {
    pub(crate) organization: OrganizationId,
    pub(crate) selection: &'a Selection,
    pub(crate) now: DateTime<Utc>,
}

impl Selected<'_> {
    fn condition(&self, tx: &Transaction) -> (String, Params) {
        let mut params = Params::new([self.organization.uuid().into(), self.now.into()]);
        let condition = filter::selection(self.selection, tx.dialect(), &mut params);
        (condition, params)
    }

    /// Counts with one grouped statement.
    pub(crate) async fn count(&self, tx: &Transaction, action: InvitationAction) -> Result<Counts, DbErr> {
        let (condition, params) = self.condition(tx);
        let sql = format!(
            "SELECT reason, count(*) FROM (SELECT {} AS reason FROM {FROM} WHERE {OWN} AND {condition}) AS judged \
             GROUP BY reason",
            eligibility::reason(action)
        );
        let mut counts = Counts::default();
        for row in tx.query_all_raw(tx.statement(sql, params.into_values())).await? {
            let mut columns = Columns::of(&row);
            let reason: Option<IneligibleReason> = columns.optional_name()?;
            let count: i64 = columns.get()?;
            counts.total += count;
            match reason {
                Some(reason) => counts.ineligible.push((reason, count)),
                None => counts.eligible = count,
            }
        }
        counts.ineligible.sort_unstable_by_key(|(reason, _)| *reason);
        Ok(counts)
    }

    /// The first contact, in the order of ids, whom an action reaches.
    pub(crate) async fn first_eligible(
        &self,
        tx: &Transaction,
        action: InvitationAction,
    ) -> Result<Option<View>, DbErr> {
        let (condition, params) = self.condition(tx);
        let sql = format!(
            "{} FROM {FROM} WHERE {OWN} AND {condition} AND ({}) IS NULL ORDER BY c.id LIMIT 1",
            select(),
            eligibility::reason(action)
        );
        let row = tx.query_one_raw(tx.statement(sql, params.into_values())).await?;
        row.as_ref().map(read).transpose()
    }

    /// The next contacts in the order of ids; one more than `limit` where there are more.
    pub(crate) async fn walk(
        &self,
        tx: &Transaction,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<View>, DbErr> {
        let (condition, mut params) = self.condition(tx);
        let after = params.add(after.map_or(Uuid::nil(), ContactId::uuid));
        let sql = format!(
            "{} FROM {FROM} WHERE {OWN} AND {condition} AND c.id > ${after} ORDER BY c.id LIMIT {}",
            select(),
            limit + 1
        );
        let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
        rows.iter().map(read).collect()
    }
}
