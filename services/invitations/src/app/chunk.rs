//! A part of a selection: decided again in the transaction that writes, set-based.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::Withdrawn;
use usher_types::{ContactId, EmailState, IneligibleReason, InvitationAction, InvitationId, OrganizationId};

use super::budget::Bill;
use super::context::App;
use super::follow_up::AfterCommit;
use super::issue::{Sending, mailing, withdraw, withdrawals};
use super::round::{Chunk, Stop};
use super::selection::{Opened, Walked};
use super::{Failure, budget};
use crate::domain::budget::Day;
use crate::domain::link::InvitationState;
use crate::domain::organization::Organization;
use crate::domain::portal::{Access, Act, Effects, Offer, Refused, transition};
use crate::storage::batch::{self, Batch};
use crate::storage::invitation::Ending;
use crate::storage::{access, address, figures, invitation};

/// What a chunk came to.
#[derive(Default)]
pub(crate) struct Outcome {
    /// What is left to do once it is committed.
    pub(crate) after: AfterCommit,
    /// How many the action reached, or will when their budgets let it.
    pub(crate) eligible: i64,
    /// When the budgets begin anew; none where nothing is mailed.
    pub(super) day_ends: Option<DateTime<Utc>>,
    /// Where a budget stopped it.
    pub(super) stopped: Option<Stop>,
}

/// The batch with what it needs of the organization.
pub(crate) struct Job<'a> {
    pub(crate) batch: &'a Batch,
    pub(crate) organization: &'a Organization,
    /// Of the inviter, for answers.
    pub(crate) inviter_address: Option<&'a str>,
    pub(crate) now: DateTime<Utc>,
}

impl Job<'_> {
    /// What the batch does to a contact of whose address this is known.
    fn act(&self, address: EmailState) -> Act {
        let offer = || Offer {
            invitation: InvitationId::new(self.now),
            by: self.batch.created_by.clone(),
            expires_at: self.now + self.life(),
            address,
        };
        match self.batch.action {
            InvitationAction::Send => Act::Send(offer()),
            InvitationAction::Resend => Act::Resend(offer()),
            InvitationAction::Cancel => Act::Cancel,
        }
    }

    pub(super) fn life(&self) -> TimeDelta {
        TimeDelta::seconds(self.organization.invitation_life)
    }
}

impl App {
    /// Works on the contacts of one chunk.
    pub(crate) async fn work_on(
        &self,
        tx: &Transaction,
        job: &Job<'_>,
        chunk: Chunk,
    ) -> Result<Outcome, Failure> {
        let batch = job.batch;
        let Chunk {
            people, mut waited, ..
        } = chunk;
        let ids: Vec<ContactId> = people.iter().map(|walked| walked.contact).collect();
        let rows = rows_of(tx, batch.organization, &people).await?;
        let states = self.address_states(tx, job, &rows, &people).await?;
        let Decided {
            reached,
            mut skipped,
            learned,
            mut in_already,
        } = decide(job, rows, people, &states)?;
        let reachable = reached.len();
        let Afforded {
            reached,
            put_off,
            stopped,
            day_ends,
            bill,
        } = afford(tx, job, reached, &ids).await?;
        if let Some(stop) = stopped {
            // whoever comes after is looked at another time
            skipped.retain(|(_, contact)| Some(*contact) <= stop.after);
            waited.retain(|contact| Some(*contact) <= stop.after);
            in_already.retain(|(row, _)| Some(row.contact) <= stop.after);
        }
        waited.retain(|contact| !put_off.contains(contact));
        batch::take_up(tx, batch.of(), &waited).await?;
        let withdrawn = self.reach(tx, job, &reached).await?;
        let told = self.tell_of_accounts(tx, job, in_already, &mut skipped).await?;
        figures::insert_skipped(tx, batch, &skipped).await?;
        let eligible = i64::try_from(reachable + told).unwrap_or(i64::MAX);
        let moved = reached.iter().map(|(row, _)| (row.contact, row.version.raw()));
        let moved = moved.collect();
        let rows = reached.into_iter().map(|(row, _)| row);
        let (changed, others): (Vec<Access>, Vec<Access>) =
            rows.partition(|row| learned.contains(&row.contact));
        access::save(tx, &changed).await?;
        access::save_standing(tx, &others).await?;
        if let Some(bill) = bill {
            bill.pay(tx).await?;
        }
        Ok(Outcome {
            after: AfterCommit { moved, withdrawn },
            eligible,
            day_ends,
            stopped,
        })
    }

    async fn address_states(
        &self,
        tx: &Transaction,
        job: &Job<'_>,
        rows: &[Access],
        people: &[Walked],
    ) -> Result<HashMap<String, EmailState>, Failure> {
        if job.batch.action == InvitationAction::Cancel {
            return Ok(HashMap::new());
        }
        // what was heard so far, and what is newer: which of the two counts is not decided yet
        let heard = rows.iter().map(|row| &row.person);
        let newest = people.iter().map(|walked| &walked.person);
        let addresses = heard
            .chain(newest)
            .filter_map(|person| person.email_canonical.as_deref());
        let addresses: HashSet<&str> = addresses.collect();
        let addresses: Vec<&str> = addresses.into_iter().collect();
        Ok(address::states(tx, job.batch.organization, &addresses).await?)
    }

    async fn reach(
        &self,
        tx: &Transaction,
        job: &Job<'_>,
        reached: &[(Access, Effects)],
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
            life: job.life(),
            now: job.now,
        };
        let replaced = self.issue(tx, &sending, reached).await?;
        let ending = Ending {
            state: InvitationState::Superseded,
            at: job.now,
            by_batch: None,
        };
        if !replaced.is_empty() {
            invitation::end(
                tx,
                batch.organization,
                replaced.iter().map(|gone| gone.invitation_id),
                ending,
            )
            .await?;
            let commands = withdrawals(batch.organization, &replaced, job.now);
            usher_messaging::enqueue(tx, batch.lane, commands).await?;
        }
        Ok(replaced)
    }
}

/// Whom the budgets of the day let through (I17).
#[derive(Default)]
struct Afforded {
    reached: Vec<(Access, Effects)>,
    /// These wait for their own budget, and nobody waits for them.
    put_off: Vec<ContactId>,
    stopped: Option<Stop>,
    day_ends: Option<DateTime<Utc>>,
    bill: Option<Bill>,
}

/// Looks at the day's budgets for those who are reached, in the order of `ids`, whom the chunk is about.
async fn afford(
    tx: &Transaction,
    job: &Job<'_>,
    mut reached: Vec<(Access, Effects)>,
    ids: &[ContactId],
) -> Result<Afforded, Failure> {
    let batch = job.batch;
    if batch.action == InvitationAction::Cancel {
        return Ok(Afforded {
            reached,
            ..Afforded::default()
        });
    }
    reached.sort_unstable_by_key(|(access, _)| access.contact);
    let day = Day::of(job.now, &job.organization.time_zone);
    let whose = (batch.responsible, day);
    let (granted, bill) = budget::grant(tx, job.organization, whose, reached, |(access, _)| {
        &mut access.mails
    })
    .await?;
    let first_past = granted.past.first().map(|(access, _)| access.contact);
    let stopped = first_past.map(|past| Stop {
        after: ids.iter().copied().rfind(|contact| *contact < past),
    });
    let over_own = granted.over_own.iter().map(|(access, _)| access.contact);
    let put_off: Vec<ContactId> = over_own
        .filter(|contact| stopped.is_none_or(|stop| Some(*contact) <= stop.after))
        .collect();
    let fresh: Vec<ContactId> = match batch.round {
        0 => put_off.clone(),
        // they stand there already
        _ => Vec::new(),
    };
    batch::put_off(tx, batch.of(), &fresh).await?;
    Ok(Afforded {
        reached: granted.through,
        put_off,
        stopped,
        day_ends: Some(day.ends),
        bill: Some(bill),
    })
}

/// Whom the action reaches, and who is left out and why.
#[derive(Default)]
struct Decided {
    reached: Vec<(Access, Effects)>,
    skipped: Vec<(IneligibleReason, ContactId)>,
    /// Of whom contacts said something newer.
    learned: HashSet<ContactId>,
    /// Who is in already and has been let into further accounts.
    in_already: Vec<(Access, Vec<Opened>)>,
}

/// Decides about each contact with what is newest: our row, what contacts said, and what is known of the address.
fn decide(
    job: &Job<'_>,
    rows: Vec<Access>,
    people: Vec<Walked>,
    states: &HashMap<String, EmailState>,
) -> Result<Decided, Failure> {
    let by_id = |walked: Walked| (walked.contact, walked);
    let mut walked: HashMap<ContactId, Walked> = people.into_iter().map(by_id).collect();
    let mut decided = Decided::default();
    for mut row in rows {
        let contact = row.contact;
        let Some(walked) = walked.remove(&contact) else {
            continue;
        };
        if row.learn(walked.person) {
            decided.learned.insert(contact);
        }
        let canonical = row.person.email_canonical.as_ref();
        let own = canonical.and_then(|address| states.get(address)).copied();
        let state = worse(own.unwrap_or(EmailState::Valid), walked.email_state);
        if row.is_in() && !walked.opened.is_empty() && job.batch.action == InvitationAction::Send {
            match row.can_be_told(state, job.now) {
                Ok(()) => decided.in_already.push((row, walked.opened)),
                Err(reason) => decided.skipped.push((reason, contact)),
            }
            continue;
        }
        match transition(row, job.act(state), job.now) {
            Ok(moved) => decided.reached.push(moved),
            // What was learned of those is not kept: with it stored, the event that brings it would count as known,
            // and what follows from it (an invitation ends, sessions end) would not happen.
            Err(Refused::Ineligible(reason)) => decided.skipped.push((reason, contact)),
            Err(Refused::Impossible) => return Err(Failure::broken("an eligible contact was refused")),
        }
    }
    Ok(decided)
}

async fn cancel(
    tx: &Transaction,
    job: &Job<'_>,
    reached: &[(Access, Effects)],
) -> Result<Vec<Withdrawn>, Failure> {
    let ending = Ending {
        state: InvitationState::Cancelled,
        at: job.now,
        by_batch: Some(job.batch.id),
    };
    let moved = reached.iter().map(|(access, effects)| (access, effects));
    withdraw(tx, (job.batch.organization, job.batch.lane), moved, ending).await
}

/// The rows of these people, locked, all at once. Nearly all were heard of before, so rows are made only where one is missing.
async fn rows_of(
    tx: &Transaction,
    organization: OrganizationId,
    people: &[Walked],
) -> Result<Vec<Access>, Failure> {
    let contacts = people.iter().map(|walked| walked.contact);
    let mut rows = access::lock(tx, organization, contacts).await?;
    if rows.len() == people.len() {
        return Ok(rows);
    }
    let known: HashSet<ContactId> = rows.iter().map(|row| row.contact).collect();
    let fresh = people.iter().filter(|walked| !known.contains(&walked.contact));
    let fresh: Vec<Access> = fresh
        .map(|walked| Access::new(walked.contact, organization, walked.person.clone()))
        .collect();
    access::insert_unknown(tx, &fresh).await?;
    let fresh = fresh.iter().map(|row| row.contact);
    rows.extend(access::lock(tx, organization, fresh).await?);
    Ok(rows)
}

/// What speaks more against an address: two services tell of it, and neither is always first.
pub(super) fn worse(ours: EmailState, theirs: EmailState) -> EmailState {
    let rank = |state| match state {
        EmailState::Suppressed => 2,
        EmailState::Bounced => 1,
        _ => 0,
    };
    if rank(theirs) > rank(ours) { theirs } else { ours }
}
