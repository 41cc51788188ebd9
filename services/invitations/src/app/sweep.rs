//! Time passes: expiry is announced, and what is kept for a while only is dropped.

use std::time::Duration;

use chrono::TimeDelta;
use rand::RngExt;
use tokio_util::sync::CancellationToken;
use usher_database::{Scope, SystemReason};
use usher_events::{Envelope, Lane};
use usher_messaging::enqueue;

use super::Failure;
use super::context::App;
use super::issue::announcement;
use crate::domain::budget::Day;
use crate::domain::portal::{Act, transition};
use crate::domain::waits::ADDRESS_SHUT;
use crate::storage::{
    access, account_told, batch, budget, email_change, expiry, idempotency, password_reset, request_budget,
    session,
};

/// Invitations of one transaction.
const CHUNK: u32 = 500;
/// Between two sweeps; replicas do not sweep at the same moment.
const PAUSE_MS: u64 = 2_000;
const JITTER_MS: u64 = 1_000;
/// Sweeps between two clean-ups.
const RARELY: u32 = 300;
/// Sessions are kept this long after they began.
const SESSION_MEMORY: TimeDelta = TimeDelta::days(30);
/// Failed sign-ins count for this long after the latest.
const FAILURE_MEMORY: TimeDelta = TimeDelta::days(30);
/// Longer than contacts calls a switching on a new one.
const TOLD_MEMORY: TimeDelta = TimeDelta::days(2);
/// Links that confirm an address or reset a password are known to have run out for this long.
const LINK_MEMORY: TimeDelta = TimeDelta::days(30);

impl App {
    /// Sweeps until `stop`.
    pub(crate) async fn sweep_on(self, stop: CancellationToken) {
        let mut sweeps = 0_u32;
        loop {
            let pause = PAUSE_MS + rand::rng().random_range(0..JITTER_MS);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            }
            self.hasher.forget();
            if let Err(failure) = self.sweep().await {
                tracing::warn!(?failure, "a sweep failed and is tried again");
            }
            if sweeps.is_multiple_of(RARELY)
                && let Err(failure) = self.clean_up().await
            {
                tracing::warn!(?failure, "a clean-up failed and is tried again");
            }
            sweeps = sweeps.wrapping_add(1);
        }
    }

    /// Turns the signing keys, announces what ran out, reminds of what is still open, writes the ends of impersonations down, and
    /// ends batches whose last mail went unnoticed.
    pub(crate) async fn sweep(&self) -> Result<(), Failure> {
        self.signer.turn(self.now()).await?;
        while self.announce_expired().await? {}
        self.close_impersonations().await?;
        let tx = self.database.read(Scope::System(SystemReason::Sweep)).await?;
        let done = batch::maybe_done(&tx).await?;
        let open = batch::open_by_state(&tx).await?;
        drop(tx);
        self.meters.open_batches(&open);
        for batch in done {
            self.finish_batch(batch).await?;
        }
        self.remind().await
    }

    /// One part; true while there may be more.
    async fn announce_expired(&self) -> Result<bool, Failure> {
        let now = self.now();
        let tx = self.database.read(Scope::System(SystemReason::Sweep)).await?;
        let due = expiry::due(&tx, now, CHUNK).await?;
        drop(tx);
        if due.is_empty() {
            return Ok(false);
        }
        let tx = self.database.write(Scope::System(SystemReason::Sweep)).await?;
        // everybody takes the contacts' rows first and the invitations' second
        let rows = access::lock_each(
            &tx,
            due.iter()
                .filter_map(|expired| Some((expired.organization, expired.contact?))),
        )
        .await?;
        let marked = expiry::mark(&tx, &due, now).await?;
        let mut events: Vec<Envelope> = Vec::with_capacity(marked.len());
        let mut announced = Vec::with_capacity(marked.len());
        for row in rows {
            let mine = marked.iter().find(|expired| Some(expired.id) == row.invitation);
            let Some(expired) = mine else { continue };
            let Ok((row, effects)) = transition(row, Act::Expire, now) else {
                continue;
            };
            events.extend(announcement(&row, &effects, expired.batch, now));
            announced.push(row);
        }
        access::save_standing(&tx, &announced).await?;
        enqueue(&tx, Lane::Bulk, events).await?;
        tx.commit().await?;
        Ok(due.len() == CHUNK as usize)
    }

    /// Drops what is not kept any more.
    pub(crate) async fn clean_up(&self) -> Result<(), Failure> {
        let now = self.now();
        let tx = self.database.write(Scope::System(SystemReason::Sweep)).await?;
        idempotency::forget(&tx, now).await?;
        session::forget_older(&tx, now - SESSION_MEMORY).await?;
        session::forget_failures(&tx, now - FAILURE_MEMORY, ADDRESS_SHUT).await?;
        email_change::forget_older(&tx, now - LINK_MEMORY).await?;
        password_reset::forget_older(&tx, now - LINK_MEMORY).await?;
        request_budget::forget(&tx, now).await?;
        // the day before yesterday is over in every zone
        budget::forget_before(&tx, Day::of(now, "UTC").number - 2).await?;
        account_told::forget_older(&tx, now - TOLD_MEMORY).await?;
        Ok(tx.commit().await?)
    }
}
