//! The next chunk of a batch, fetched while the one before is written, so that contacts' work and ours go on at the same time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use usher_types::{BatchId, ContactId};

use super::Failure;
use super::context::App;
use super::round::Chunk;
use crate::storage::batch::Batch;

/// For so long a chunk may wait for its turn. What contacts say of people hardly ages: whoever changed meanwhile is known by a newer
/// version when the chunk is written. But nobody knows whether a batch goes on, and chunks take memory.
const KEPT: Duration = Duration::from_secs(5);

/// Chunks that are being fetched, or wait for their turn.
#[derive(Default)]
pub(crate) struct Ahead(Mutex<HashMap<BatchId, Fetching>>);

struct Fetching {
    /// Whom the chunk comes after.
    after: Option<ContactId>,
    since: Instant,
    chunk: AbortOnDropHandle<Result<Chunk, Failure>>,
}

impl Ahead {
    fn fetching(&self) -> MutexGuard<'_, HashMap<BatchId, Fetching>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The batch's next chunk, where that is what was fetched.
    fn take(&self, batch: &Batch) -> Option<Fetching> {
        let found = self.fetching().remove(&batch.id)?;
        let next = batch.round == 0 && found.after == batch.last_contact && found.since.elapsed() < KEPT;
        next.then_some(found)
    }

    fn put(&self, batch: BatchId, next: Fetching) {
        self.forget_old();
        self.fetching().insert(batch, next);
    }

    /// Lets go of what a batch does not need any more.
    pub(super) fn forget(&self, batch: BatchId) {
        self.fetching().remove(&batch);
    }

    /// Lets go of what has waited too long.
    pub(super) fn forget_old(&self) {
        self.fetching().retain(|_, next| next.since.elapsed() < KEPT);
    }
}

impl App {
    /// The next chunk, waited for where it is being fetched.
    pub(super) async fn chunk_of(&self, batch: &Batch) -> Result<Chunk, Failure> {
        match self.ahead.take(batch) {
            Some(fetching) => fetching.chunk.await.map_err(Failure::broken)?,
            None => self.next_chunk(batch).await,
        }
    }

    /// Begins to fetch what comes after a chunk. Those who wait for their own budget are not looked up ahead: the chunk that is
    /// written changes who they are.
    pub(super) fn fetch_ahead(&self, batch: &Batch, chunk: &Chunk) {
        if chunk.last || batch.round > 0 {
            return;
        }
        let app = self.clone();
        let next = Batch {
            last_contact: chunk.reaches,
            ..batch.clone()
        };
        let fetching = Fetching {
            after: chunk.reaches,
            since: Instant::now(),
            chunk: AbortOnDropHandle::new(tokio::spawn(async move { app.next_chunk(&next).await })),
        };
        self.ahead.put(batch.id, fetching);
    }
}
