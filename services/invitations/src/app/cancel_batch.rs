//! cancelBatch: takes back what is not sent yet (I4).

use chrono::{DateTime, Utc};
use usher_auth::Principal;
use usher_database::Transaction;
use usher_events::Withdrawn;
use usher_messaging::enqueue;
use usher_service::grpc;
use usher_types::{BatchId, BatchState};

use super::context::{App, actor_of};
use super::issue::{withdraw, withdrawals, withdrawn_notice};
use super::pause_batch::{locked, next};
use super::{BatchView, Failure};
use crate::domain::batch::Step;
use crate::domain::link::InvitationState;
use crate::domain::portal::{Act, transition};
use crate::storage::activity::{self, Line};
use crate::storage::batch::{self, Batch};
use crate::storage::invitation::Ending;
use crate::storage::{access, invitation};

/// Contacts of one transaction.
const CHUNK: u32 = 1000;

impl App {
    /// Stops the batch at once; a big one's mail is taken back by the worker.
    ///
    /// # Errors
    /// NOT_FOUND where the organization has no such batch, CONFLICT where it is done.
    pub(crate) async fn cancel_batch(
        &self,
        principal: &Principal,
        id: BatchId,
    ) -> Result<BatchView, Failure> {
        let organization = grpc::organization(principal)?;
        let now = self.now();
        let tx = self.write(organization).await?;
        let found = locked(&tx, organization, id).await?;
        if next(&found, Step::Cancel)? != found.state {
            batch::cancel(&tx, found.of()).await?;
            let actor = actor_of(&tx, organization, principal).await?;
            let line = Line {
                organization,
                actor: &actor,
                action: "batch.cancelled",
                contact: None,
                subject: Some(id.uuid()),
                summary: "Cancelled a batch".to_owned(),
            };
            activity::write(&tx, line, now).await?;
            tx.commit().await?;
            if let Err(failure) = self.take_back(&found).await {
                // it is cancelled all the same
                tracing::debug!(batch = %id, ?failure, "the worker takes back the mail");
            }
            self.batches.notify_one();
        } else {
            drop(tx);
        }
        self.seen(organization, id).await
    }

    /// Takes back a part of a cancelled batch's mail; false when nothing is left.
    pub(crate) async fn take_back(&self, batch: &Batch) -> Result<bool, Failure> {
        let now = self.now();
        let tx = self.write(batch.organization).await?;
        let notices = take_back_notices(&tx, batch, now).await?;
        let unsent = batch::unsent(&tx, batch.of(), CHUNK).await?;
        if unsent.is_empty() {
            batch::finish(&tx, batch.of(), BatchState::Cancelled, now).await?;
            tx.commit().await?;
            self.cancel_messages(batch.organization, &notices).await;
            return Ok(false);
        }
        let mut rows = access::lock(
            &tx,
            batch.organization,
            unsent.iter().map(|(contact, _)| *contact),
        )
        .await?;
        // a contact who has a newer invitation, or has accepted, keeps it
        rows.retain(|row| {
            row.invitation
                .is_some_and(|current| unsent.contains(&(row.contact, current)))
        });
        let moved: Vec<_> = rows
            .into_iter()
            .filter_map(|row| transition(row, Act::Cancel, now).ok())
            .collect();
        let ending = Ending {
            state: InvitationState::Cancelled,
            at: now,
            by_batch: None,
        };
        let whose = (batch.organization, batch.lane);
        let ended = moved.iter().map(|(row, effects)| (row, effects));
        let mut withdrawn = withdraw(&tx, whose, ended, ending).await?;
        withdrawn.extend(notices);
        let rows: Vec<_> = moved.into_iter().map(|(row, _)| row).collect();
        access::save_standing(&tx, &rows).await?;
        tx.commit().await?;
        self.cancel_messages(batch.organization, &withdrawn).await;
        // where nothing could be ended, somebody else is about to
        Ok(!withdrawn.is_empty())
    }
}

/// Mails that tell of further accounts carry no link, so nothing else ends with them.
async fn take_back_notices(
    tx: &Transaction,
    batch: &Batch,
    now: DateTime<Utc>,
) -> Result<Vec<Withdrawn>, Failure> {
    let ended = invitation::take_back_notices(tx, batch.of(), now).await?;
    let ended: Vec<Withdrawn> = ended.into_iter().map(withdrawn_notice).collect();
    enqueue(tx, batch.lane, withdrawals(batch.organization, &ended, now)).await?;
    Ok(ended)
}
