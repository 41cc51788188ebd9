//! A part of a selection: decided again in the transaction that writes, set-based.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::Withdrawn;
use usher_types::{ContactId, EmailState, InvitationAction};

use super::Failure;
use super::context::App;
use super::issue::{Sending, mailing, withdraw, withdrawals};
use super::selection::Walked;
use crate::domain::access::Access;
use crate::domain::link::InvitationState;
use crate::domain::organization::Organization;
use crate::storage::batch::Batch;
use crate::storage::invitation::Ending;
use crate::storage::{access, address, figures, invitation};

/// What a chunk came to.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Contacts whose portal version moved.
    pub(crate) moved: Vec<(ContactId, i64)>,
    /// How many the action reached.
    pub(crate) eligible: i64,
    /// Invitations whose mail is to be stopped, ahead of the queue.
    pub(crate) withdrawn: Vec<Withdrawn>,
}

/// The batch with what it needs of the organization.
pub(crate) struct Job<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) organization: &'a Organization,
    /// Of the inviter, for answers.
    pub(crate) inviter_address: Option<&'a str>,
    pub(crate) now: DateTime<Utc>,
}

impl App {
    /// Works on the contacts of one chunk.
    pub(crate) async fn work_on(
        &self,
        tx: &Transaction,
        job: &Job<'_>,
        people: Vec<Walked>,
    ) -> Result<Outcome, Failure> {
        let batch = job.batch;
        let fresh: Vec<Access> = people
            .iter()
            .map(|walked| Access::new(walked.contact, batch.organization, walked.person.clone()))
            .collect();
        access::insert_unknown(tx, &fresh).await?;
        let mut rows = access::lock(tx, people.iter().map(|walked| walked.contact)).await?;
        // SQLite has no second wall
        rows.retain(|row| row.organization == batch.organization);
        let states = self.address_states(tx, job, &rows).await?;
        let mut walked: HashMap<ContactId, Walked> = people
            .into_iter()
            .map(|walked| (walked.contact, walked))
            .collect();
        let (mut reached, mut skipped) = (Vec::new(), Vec::new());
        for mut row in rows {
            let Some(walked) = walked.remove(&row.contact) else {
                continue;
            };
            row.learn(walked.person);
            let own = row
                .person
                .email_canonical
                .as_ref()
                .and_then(|address| states.get(address));
            let state = worse(own.copied().unwrap_or(EmailState::Valid), walked.email_state);
            match row.eligibility(batch.action, state, job.now) {
                Ok(()) => reached.push(row),
                // What was learned of those is not kept: with it stored, the event that brings it would count as known,
                // and what follows from it (an invitation ends, sessions end) would not happen.
                Err(reason) => skipped.push((reason, row.contact)),
            }
        }
        let withdrawn = self.reach(tx, job, &mut reached).await?;
        figures::insert_skipped(tx, batch, &skipped).await?;
        let moved = reached
            .iter()
            .map(|row| (row.contact, row.version.raw()))
            .collect();
        let eligible = i64::try_from(reached.len()).unwrap_or(i64::MAX);
        access::save(tx, &reached).await?;
        Ok(Outcome {
            moved,
            eligible,
            withdrawn,
        })
    }

    async fn address_states(
        &self,
        tx: &Transaction,
        job: &Job<'_>,
        rows: &[Access],
    ) -> Result<HashMap<String, EmailState>, Failure> {
        if job.batch.action == InvitationAction::Cancel {
            return Ok(HashMap::new());
        }
        let addresses: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.person.email_canonical.as_deref())
            .collect();
        Ok(address::states(tx, job.batch.organization, &addresses).await?)
    }

    async fn reach(
        &self,
        tx: &Transaction,
        job: &Job<'_>,
        reached: &mut [Access],
    ) -> Result<Vec<Withdrawn>, Failure> {
        if reached.is_empty() {
            return Ok(Vec::new());
        }
        if job.batch.action == InvitationAction::Cancel {
            return cancel(tx, job, reached).await;
        }
        let batch = job.batch;
        let mut mailing = mailing(
            job.organization,
            batch.mailing,
            Some(&batch.created_by),
            job.inviter_address,
        );
        mailing.subject.clone_from(&batch.subject);
        mailing.body.clone_from(&batch.body);
        mailing.message.clone_from(&batch.message);
        let sending = Sending {
            mailing,
            lane: batch.lane,
            batch: Some(batch.id),
            by: &batch.created_by,
            by_id: batch.created_by_id.map(Into::into),
            life: TimeDelta::seconds(job.organization.invitation_life),
            now: job.now,
        };
        let replaced = self.issue(tx, &sending, reached).await?;
        let ending = Ending {
            state: InvitationState::Superseded,
            at: job.now,
            by_batch: None,
        };
        if !replaced.is_empty() {
            invitation::end(tx, replaced.iter().map(|gone| gone.invitation_id), ending).await?;
            let commands = withdrawals(batch.organization, &replaced, job.now);
            usher_messaging::enqueue(tx, batch.lane, commands).await?;
        }
        Ok(replaced)
    }
}

async fn cancel(tx: &Transaction, job: &Job<'_>, reached: &mut [Access]) -> Result<Vec<Withdrawn>, Failure> {
    let ids: Vec<_> = reached.iter_mut().filter_map(Access::end).collect();
    let ended: Vec<_> = ids.into_iter().zip(reached.iter()).collect();
    let ending = Ending {
        state: InvitationState::Cancelled,
        at: job.now,
        by_batch: Some(job.batch.id),
    };
    withdraw(tx, (job.batch.organization, job.batch.lane), &ended, ending).await
}

/// What speaks more against an address: two services tell of it, and neither is always first.
fn worse(ours: EmailState, theirs: EmailState) -> EmailState {
    let rank = |state| match state {
        EmailState::Suppressed => 2,
        EmailState::Bounced => 1,
        _ => 0,
    };
    if rank(theirs) > rank(ours) { theirs } else { ours }
}
