//! Works on batches in the background: leases one, works on one chunk of its selection, and gives it back, so that organizations take
//! turns (ADR 15). It can be stopped or killed anywhere (I4).

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use usher_auth::Permission;
use usher_database::{Scope, SystemReason};
use usher_types::{BatchState, InvitationAction, PauseReason};

use super::Failure;
use super::chunk::{Job, Outcome};
use super::context::App;
use super::hold::announce_holds;
use super::round::Chunk;
use crate::storage::batch::{self, Batch};
use crate::storage::member::Member;
use crate::storage::{member, organization};

/// Chunks that one process works on at a time.
const AT_A_TIME: usize = 3;
/// The safety net behind the wake-up.
const POLL: Duration = Duration::from_secs(1);
/// Waits of a batch whose peers do not answer.
const FIRST_WAIT_MS: i64 = 250;
const LONGEST_WAIT_MS: i64 = 15_000;

/// What became of a turn.
enum Turn {
    /// The batch is given back, or somebody else has it.
    Over,
    /// Held until somebody mends the reason.
    Held(PauseReason),
}

impl App {
    /// Runs until `stop`.
    pub(crate) async fn work(self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        loop {
            while running.len() < AT_A_TIME && !stop.is_cancelled() {
                match self.claim().await {
                    Ok(Some(batch)) => {
                        let app = self.clone();
                        running.spawn(async move { app.take_turn(batch).await });
                    }
                    Ok(None) => break,
                    Err(failure) => {
                        tracing::warn!(?failure, "batches cannot be looked for");
                        break;
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.batches.notified() => {}
                () = tokio::time::sleep(POLL) => self.ahead.forget_old(),
                Some(_) = running.join_next() => {}
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Works on everything that is due, in this task; for tests.
    pub(crate) async fn work_until_idle(&self) -> Result<(), Failure> {
        while let Some(batch) = self.claim().await? {
            self.take_turn(batch).await;
        }
        Ok(())
    }

    async fn claim(&self) -> Result<Option<Batch>, Failure> {
        let tx = self.database.write(Scope::System(SystemReason::Claim)).await?;
        let claimed = batch::claim(&tx, self.now()).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// One chunk of a batch that is leased, in a trace of its own that tells which request it goes back to.
    async fn take_turn(&self, batch: Batch) {
        let span = tracing::debug_span!(
            parent: None,
            "chunk",
            otel.name = "work on batch",
            usher.batch.id = %batch.id,
            usher.lane = batch.lane.as_str(),
        );
        usher_messaging::relate(&span, batch.lane, batch.traceparent.as_deref());
        self.work_on_turn(batch).instrument(span).await;
    }

    async fn work_on_turn(&self, batch: Batch) {
        let worked = if batch.state == BatchState::Cancelled {
            self.take_back_some(&batch).await
        } else {
            self.work_on_chunk(&batch).await
        };
        let ended = match worked {
            Ok(Turn::Over) => Ok(()),
            Ok(Turn::Held(reason)) => self.hold(&batch, reason).await,
            Err(failure) => {
                tracing::warn!(batch = %batch.id, ?failure, "a batch waits");
                self.back_off(&batch).await
            }
        };
        if let Err(failure) = ended {
            tracing::warn!(batch = %batch.id, ?failure, "a batch is left to its lease");
        }
    }

    async fn work_on_chunk(&self, batch: &Batch) -> Result<Turn, Failure> {
        if let Some(reason) = self.not_permitted(batch).await? {
            return Ok(Turn::Held(reason));
        }
        let chunk = self.chunk_of(batch).await?;
        self.fetch_ahead(batch, &chunk);
        let last = chunk.last;
        let ended = match self.write_chunk(batch, chunk).await? {
            Step::Written => None,
            Step::Lost => Some(Turn::Over),
            Step::Held(reason) => Some(Turn::Held(reason)),
        };
        if let Some(ended) = ended {
            self.ahead.forget(batch.id);
            return Ok(ended);
        }
        if last {
            self.finish_batch(batch.of()).await?;
        }
        Ok(Turn::Over)
    }

    /// One chunk: cursor, invitations, skipped rows and outbox commit together, under the lease.
    async fn write_chunk(&self, batch: &Batch, chunk: Chunk) -> Result<Step, Failure> {
        let mut tries = 0;
        loop {
            match self.try_chunk(batch, chunk.clone()).await {
                Err(failure) if failure.is_conflict() && tries < 5 => tries += 1,
                Err(failure) => return Err(failure),
                Ok((step, outcome)) => {
                    self.cancel_messages(batch.organization, &outcome.after.withdrawn)
                        .await;
                    return Ok(step);
                }
            }
        }
    }

    async fn try_chunk(&self, batch: &Batch, chunk: Chunk) -> Result<(Step, Outcome), Failure> {
        let tx = self.write(batch.organization).await?;
        if !batch::advance(&tx, batch, chunk.reaches, chunk.last).await? {
            return Ok((Step::Lost, Outcome::default()));
        }
        let firm = super::context::organization_of(&tx, batch.organization).await?;
        if !firm.portal_enabled && batch.action != InvitationAction::Cancel {
            return Ok((Step::Held(PauseReason::PortalDisabled), Outcome::default()));
        }
        let inviter = match batch.created_by_id {
            Some(id) => member::find(&tx, batch.organization, id).await?,
            None => None,
        };
        let job = Job {
            batch,
            organization: &firm,
            inviter_address: inviter.as_ref().and_then(Member::address),
            now: self.now(),
        };
        let last = chunk.last;
        let outcome = self.work_on(&tx, &job, chunk).await?;
        outcome.settle(&tx, batch, last).await?;
        tx.commit().await?;
        Ok((Step::Written, outcome))
    }

    /// A batch keeps its member, who must still be active and permitted when it starts or goes on.
    async fn not_permitted(&self, batch: &Batch) -> Result<Option<PauseReason>, Failure> {
        let Some(id) = batch.responsible else {
            return Ok(None);
        };
        let tx = self.read(batch.organization).await?;
        let found = member::find(&tx, batch.organization, id).await?;
        let permitted = found.is_some_and(|member| {
            member.active
                && member.permissions.contains(Permission::PortalInvite)
                && (!batch.needs_bulk || member.permissions.contains(Permission::EmailBulk))
        });
        Ok((!permitted).then_some(PauseReason::NotPermitted))
    }

    async fn hold(&self, batch: &Batch, reason: PauseReason) -> Result<(), Failure> {
        let tx = self.write(batch.organization).await?;
        // Locked first, as where the portal is switched on: that resumes what is held, and must not overlook this one.
        let firm = organization::lock(&tx, batch.organization).await?;
        let mended = reason == PauseReason::PortalDisabled && firm.is_some_and(|firm| firm.portal_enabled);
        let found = batch::lock(&tx, batch.of()).await?;
        if mended {
            batch::release(&tx, batch, 0).await?;
        } else if found.is_some_and(|found| found.state == BatchState::Running) {
            let hold = batch::pause(&tx, batch.of(), reason).await?;
            announce_holds(&tx, &[hold], self.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn back_off(&self, batch: &Batch) -> Result<(), Failure> {
        let wait = FIRST_WAIT_MS
            .saturating_mul(1 << batch.tries.clamp(0, 10))
            .min(LONGEST_WAIT_MS);
        let tx = self.write(batch.organization).await?;
        batch::release(&tx, batch, wait).await?;
        Ok(tx.commit().await?)
    }

    async fn take_back_some(&self, batch: &Batch) -> Result<Turn, Failure> {
        if self.take_back(batch).await? {
            let tx = self.write(batch.organization).await?;
            batch::give_back(&tx, batch).await?;
            tx.commit().await?;
        }
        Ok(Turn::Over)
    }
}

enum Step {
    Written,
    /// Another worker has it, or it was paused or cancelled.
    Lost,
    Held(PauseReason),
}
