//! pauseBatch and resumeBatch (I4).

use usher_auth::{Denied, Permission, Principal};
use usher_database::Transaction;
use usher_events::HoldMailing;
use usher_service::grpc;
use usher_types::{BatchId, BatchState, InvitationAction, OrganizationId, PauseReason};

use super::batch_view::view;
use super::context::{App, actor_of};
use super::hold::announce_holds;
use super::start_batch::check_portal;
use super::{BatchView, Failure, refuse};
use crate::domain::batch::{Step, after, refusal};
use crate::storage::activity::{self, Line};
use crate::storage::batch::{self, Batch};
use crate::storage::organization;

impl App {
    /// Nothing more of the batch is sent until it is resumed, but for the mails that are already under way.
    ///
    /// # Errors
    /// NOT_FOUND where the organization has no such batch, CONFLICT where it is over.
    pub(crate) async fn pause_batch(&self, principal: &Principal, id: BatchId) -> Result<BatchView, Failure> {
        let organization = grpc::organization(principal)?;
        let tx = self.write(organization).await?;
        let found = locked(&tx, organization, id).await?;
        let next = next(&found, Step::Pause)?;
        // held for want of something else, it is the member's from now on: it does not go on by itself
        if found.state == next && found.reason == Some(PauseReason::Member) {
            drop(tx);
            return self.seen(organization, id).await;
        }
        let hold = batch::pause(&tx, found.of(), PauseReason::Member).await?;
        let about = ("batch.paused", "Paused a batch");
        self.conclude(tx, principal, &found, hold, about).await
    }

    /// The batch goes on where it was; one whose time has not come waits for it again. Whoever resumes it answers for it from
    /// then on.
    ///
    /// # Errors
    /// NOT_FOUND, CONFLICT, PORTAL_DISABLED; PERMISSION_DENIED without `email.bulk` for a batch that needs it.
    pub(crate) async fn resume_batch(
        &self,
        principal: &Principal,
        id: BatchId,
    ) -> Result<BatchView, Failure> {
        let organization = grpc::organization(principal)?;
        let tx = self.write(organization).await?;
        // locked first, as where the portal is switched off: that holds what runs, and must not overlook this one
        let firm = organization::lock(&tx, organization)
            .await?
            .ok_or_else(|| Failure::broken("the organization of a token is not there"))?;
        let found = locked(&tx, organization, id).await?;
        let next = next(&found, Step::Resume)?;
        if found.needs_bulk && !principal.has(Permission::EmailBulk) {
            return Err(grpc::denied(Denied::Forbidden).into());
        }
        if found.state == next {
            drop(tx);
            return self.seen(organization, id).await;
        }
        if found.action != InvitationAction::Cancel {
            check_portal(&firm)?;
        }
        let hold = batch::resume(&tx, found.of(), next, principal.member()).await?;
        let about = ("batch.resumed", "Resumed a batch");
        let seen = self.conclude(tx, principal, &found, hold, about).await?;
        self.batches.notify_one();
        Ok(seen)
    }

    /// Writes the line and the command, commits, and tells notifications.
    async fn conclude(
        &self,
        tx: Transaction,
        principal: &Principal,
        batch: &Batch,
        hold: HoldMailing,
        (action, summary): (&'static str, &str),
    ) -> Result<BatchView, Failure> {
        let now = self.now();
        let actor = actor_of(&tx, batch.organization, principal).await?;
        let line = Line {
            organization: batch.organization,
            actor: &actor,
            action,
            contact: None,
            subject: Some(batch.id.uuid()),
            summary: summary.to_owned(),
        };
        activity::write(&tx, line, now).await?;
        announce_holds(&tx, &[hold], now).await?;
        tx.commit().await?;
        self.hold_mailing(&hold).await;
        self.seen(batch.organization, batch.id).await
    }

    /// The batch as it stands now.
    pub(super) async fn seen(&self, organization: OrganizationId, id: BatchId) -> Result<BatchView, Failure> {
        let tx = self.read(organization).await?;
        view(&tx, organization, id).await?.ok_or_else(no_such)
    }
}

/// The batch, locked.
pub(super) async fn locked(
    tx: &Transaction,
    organization: OrganizationId,
    id: BatchId,
) -> Result<Batch, Failure> {
    batch::lock(tx, (organization, id)).await?.ok_or_else(no_such)
}

fn no_such() -> Failure {
    refuse("NOT_FOUND", &["id"], "there is no such batch").into()
}

/// Where the member's step leads.
pub(super) fn next(batch: &Batch, step: Step) -> Result<BatchState, Failure> {
    after(batch.state, batch.has_begun(), step)
        .ok_or_else(|| refuse("CONFLICT", &["id"], refusal(batch.state)).into())
}
