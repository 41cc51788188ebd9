//! Selections: counted by reason, and walked in the order of ids (I2, I3).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Dialect, Transaction};
use usher_types::{ContactId, IneligibleReason, InvitationAction, OrganizationId};
use uuid::Uuid;

use super::columns::Columns;
use super::list::Listed;
use super::list_walk;
use super::lookup::Lookup;
use super::params::Params;
use super::tables::Tables;
use super::view::{FROM, OWN, View, columns, read};
use super::{eligibility, filter};
use crate::domain::filter::{Filter, Selection};

/// So many are collected and sorted sooner than the first of them is met on a walk.
const FEW: i64 = 5_000;

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
    /// Tables and condition. `by_words`: from those who have the words of a search, rather than from everyone.
    fn from(&self, dialect: Dialect, by_words: bool) -> (String, Params) {
        let mut params = Params::new([self.organization.uuid().into(), self.now.into()]);
        let from = match self.selection {
            Selection::Filter(filter) if filter.searches() => {
                searched(filter, by_words, dialect, &mut params)
            }
            selection => {
                let condition = filter::selection(selection, dialect, &mut params);
                format!("{FROM} WHERE {OWN} AND {condition}")
            }
        };
        (from, params)
    }

    /// Counts with one grouped statement.
    pub(crate) async fn count(&self, tx: &Transaction, action: InvitationAction) -> Result<Counts, DbErr> {
        let (from, mut params) = self.from(tx.dialect(), true);
        let sql = format!(
            "SELECT reason, count(*) FROM (SELECT {} AS reason FROM {from}) AS judged GROUP BY reason",
            eligibility::reason(action, self.selection, tx.dialect(), &mut params)
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

    /// How many there are, without looking at what stands against any of them: for all of an organization that takes a tenth of
    /// the time of [`Self::count`].
    pub(crate) async fn total(&self, tx: &Transaction) -> Result<i64, DbErr> {
        let mut params = Params::new([self.organization.uuid().into(), self.now.into()]);
        let sql = match self.selection {
            Selection::Filter(filter) => {
                list_walk::count(&Listed::Filter(filter.clone()), tx.dialect(), &mut params)
            }
            selection => {
                let condition = filter::selection(selection, tx.dialect(), &mut params);
                format!("SELECT count(*) FROM contact c WHERE c.organization_id = $1 AND {condition}")
            }
        };
        let row = tx.query_one_raw(tx.statement(sql, params.into_values())).await?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0))
    }

    /// The first contact, in the order of ids, whom an action reaches. How many there are in all tells whether they are soon met on
    /// a walk.
    pub(crate) async fn first_eligible(
        &self,
        tx: &Transaction,
        action: InvitationAction,
        total: i64,
    ) -> Result<Option<View>, DbErr> {
        let (from, mut params) = self.from(tx.dialect(), total <= FEW);
        let sql = format!(
            "SELECT {} FROM {from} AND ({}) IS NULL ORDER BY c.id LIMIT 1",
            columns(),
            eligibility::reason(action, self.selection, tx.dialect(), &mut params)
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
        let after = after.map_or(Uuid::nil(), ContactId::uuid);
        let organization = self.organization.uuid();
        let mut params = Params::new([organization.into(), self.now.into(), after.into()]);
        let (dialect, limit) = (tx.dialect(), limit + 1);
        let sql = match self.selection {
            Selection::Filter(filter) if filter.searches() => {
                next_searched(filter, limit, dialect, &mut params)
            }
            selection => next_of(selection, limit, dialect, &mut params),
        };
        let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
        rows.iter().map(read).collect()
    }
}

/// Tables and condition of a filter with a search in it.
fn searched(filter: &Filter, by_words: bool, dialect: Dialect, params: &mut Params) -> String {
    let lookup = Lookup::of(filter).filter(|_| by_words);
    let known = lookup.as_ref().map(Lookup::words).unwrap_or_default();
    let left = filter.without_words(known);
    let tables = filter::tables(&left).and(Tables::SHOWN);
    let from = match lookup {
        Some(lookup) => {
            let found = lookup.contacts(dialect, params);
            format!("{found}{} WHERE TRUE", tables.joined("f.id", dialect))
        }
        None => {
            let joined = tables.but(Tables::CONTACT).joined("c.id", dialect);
            format!("contact c{joined} WHERE c.organization_id = $1")
        }
    };
    format!("{from} AND {}", filter::filter(&left, dialect, params))
}

/// The next contacts after `$3` whom a selection without a search means, with what is shown of them. All steps together look at
/// each contact of the organization once.
fn next_of(selection: &Selection, limit: u32, dialect: Dialect, params: &mut Params) -> String {
    let tables = match selection {
        Selection::Filter(filter) => filter::tables(filter).but(Tables::CONTACT),
        Selection::Ids(_) | Selection::Accounts(_) | Selection::Linked(_) => Tables::NONE,
    };
    let walked = tables.looked_up("c.id", dialect);
    let condition = filter::selection(selection, dialect, params);
    let next = format!(
        "SELECT c.id AS id FROM contact c{walked} WHERE c.organization_id = $1 AND c.id > $3 AND {condition} \
         ORDER BY c.id LIMIT {limit}"
    );
    shown(&next, dialect)
}

/// The next contacts after `$3` whom a filter with a search in it matches, with what is shown of them. The search is a walk
/// through the documents: all steps together read each once, where each step would otherwise collect all matches.
fn next_searched(filter: &Filter, limit: u32, dialect: Dialect, params: &mut Params) -> String {
    let joined = filter::tables(filter)
        .but(Tables::SEARCH)
        .joined("s.contact_id", dialect);
    let condition = filter::filter(filter, dialect, params);
    let matching = format!(
        "SELECT s.contact_id AS id FROM contact_search s{joined} \
         WHERE s.organization_id = $1 AND s.contact_id > $3 AND {condition} ORDER BY s.contact_id LIMIT {limit}"
    );
    shown(&matching, dialect)
}

/// What is shown of contacts, given by `id`, in the order of ids.
fn shown(contacts: &str, dialect: Dialect) -> String {
    format!(
        "SELECT {} FROM ({contacts}) AS w{} ORDER BY w.id",
        columns(),
        Tables::SHOWN.looked_up("w.id", dialect)
    )
}
