//! The batch's row, its key and its line in the log; a small one is worked on in the same transaction.

use chrono::{DateTime, Utc};
use prost::Message;
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{BatchId, BatchState, InvitationAction, MailingId, OrganizationId};
use uuid::Uuid;

use super::plan::{Plan, check_eligible, check_portal};
use super::{AT_ONCE, StartBatch};
use crate::app::batch_view::view;
use crate::app::chunk::{Job, Outcome};
use crate::app::round::Chunk;
use crate::app::selection::{Walked, ids_of};
use crate::app::{App, BatchView, Failure};
use crate::domain::organization::Organization;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::batch::{self, Batch};
use crate::storage::idempotency::{self, Key};
use crate::storage::organization;

impl App {
    pub(super) async fn write_batch(
        &self,
        plan: &Plan,
        start: &StartBatch,
        owner: Uuid,
        hash: &[u8],
    ) -> Result<BatchView, Failure> {
        let organization = plan.batch.organization;
        let mut batch = plan.batch.clone();
        let tx = self.write(organization).await?;
        // as it is now, and until this is written: whoever switches the portal off afterwards finds the batch
        let firm = organization::share(&tx, organization).await?;
        let firm = firm.ok_or_else(|| Failure::broken("the organization of a token is not there"))?;
        if start.action != InvitationAction::Cancel {
            check_portal(&firm)?;
        }
        if let Some(text) = &start.key {
            let key = Key {
                organization,
                owner,
                text,
            };
            idempotency::take(&tx, &key, hash, batch.id, batch.created_at).await?;
        }
        batch.walked = plan.people.is_some();
        batch.started_at = batch.walked.then_some(batch.created_at);
        if let Some(people) = &plan.people {
            // stands for the total where a budget lets it wait
            batch.expected = i64::try_from(people.len()).unwrap_or(i64::MAX);
        }
        batch::insert(&tx, &batch).await?;
        let outcome = match &plan.people {
            Some(people) => {
                self.work_at_once(&tx, (plan, &firm), start, people.clone())
                    .await?
            }
            None => Outcome::default(),
        };
        log(&tx, plan, &batch).await?;
        let view = view(&tx, organization, batch.id).await?;
        tx.commit().await?;
        if batch.walked {
            self.follow_up(organization, &outcome.after).await;
        } else {
            self.batches.notify_one();
        }
        view.ok_or_else(|| Failure::broken("a batch that was just written is not there"))
    }

    async fn work_at_once(
        &self,
        tx: &Transaction,
        (plan, firm): (&Plan, &Organization),
        start: &StartBatch,
        people: Vec<Walked>,
    ) -> Result<Outcome, Failure> {
        let job = Job {
            batch: &plan.batch,
            organization: firm,
            inviter_address: plan.inviter_address.as_deref(),
            now: plan.batch.created_at,
        };
        let outcome = self.work_on(tx, &job, Chunk::whole(people)).await?;
        check_eligible(outcome.eligible, start)?;
        outcome.settle(tx, &plan.batch, true).await?;
        if start.action == InvitationAction::Cancel {
            batch::finish(tx, plan.batch.of(), BatchState::Done, plan.batch.created_at).await?;
        }
        Ok(outcome)
    }
}

/// A batch that nobody has worked on.
pub(crate) fn new_batch(
    start: &StartBatch,
    actor: &Actor,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Batch {
    let few = ids_of(&start.selection)
        .and_then(Result::ok)
        .is_some_and(|ids| ids.len() <= AT_ONCE);
    Batch {
        id: BatchId::new(now),
        organization,
        action: start.action,
        state: match start.send_at {
            Some(_) => BatchState::Scheduled,
            None => BatchState::Running,
        },
        reason: None,
        lane: if few { Lane::Interactive } else { Lane::Bulk },
        selection: start.selection.encode_to_vec(),
        message: start.message.clone(),
        subject: start.subject.clone(),
        body: start.body.clone(),
        expected: 0,
        walked: false,
        last_contact: None,
        mailing: MailingId::new(now),
        created_by: actor.name.clone(),
        created_by_id: None,
        responsible: None,
        needs_bulk: false,
        created_at: now,
        send_at: start.send_at,
        started_at: None,
        finished_at: None,
        fence: 0,
        tries: 0,
        round: 0,
        waiting_until: None,
        traceparent: usher_messaging::traceparent(),
    }
}

async fn log(tx: &Transaction, plan: &Plan, batch: &Batch) -> Result<(), Failure> {
    let (action, summary) = match batch.action {
        _ if batch.send_at.is_some() => ("batch.scheduled", "Scheduled a batch"),
        InvitationAction::Send => ("invitations.sent", "Sent invitations"),
        InvitationAction::Resend => ("invitations.resent", "Sent invitations again"),
        InvitationAction::Cancel => ("invitations.cancelled", "Took invitations back"),
    };
    let only = match plan.people.as_deref() {
        Some([only]) => Some(only.contact),
        _ => None,
    };
    let line = Line {
        organization: batch.organization,
        actor: &plan.actor,
        action,
        contact: only,
        subject: Some(batch.id.uuid()),
        summary: summary.to_owned(),
    };
    Ok(activity::write(tx, line, batch.created_at).await?)
}
