//! The end of a batch: everybody was looked at and no mail waits any more.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use usher_types::BatchState;

use super::Failure;
use super::context::App;
use crate::storage::batch;

/// Between two looks. Each finds its way through the entries of all the mails that have just gone out, so looking after every
/// slice would cost more than everything else that is done for a mail.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Batches that may have come to their end.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    batches: Mutex<BTreeSet<batch::Of>>,
    added: Notify,
}

impl Ending {
    /// These are to be looked at.
    pub(crate) fn note(&self, batches: impl IntoIterator<Item = batch::Of>) {
        let mut noted = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let before = noted.len();
        noted.extend(batches);
        if noted.len() > before {
            self.added.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<batch::Of> {
        std::mem::take(&mut *self.batches.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl App {
    /// Looks at what is noted until `stop`.
    pub(crate) async fn finish_on(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.ending.added.notified() => {}
            }
            self.finish_noted().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Looks at what is noted now.
    pub(crate) async fn finish_noted(&self) {
        for batch in self.ending.take() {
            if let Err(failure) = self.finish_batch(batch).await {
                // the sweeper finds it
                tracing::warn!(?failure, "a batch was not finished at once");
            }
        }
    }

    /// Marks a batch DONE where it is. Whoever handles the last mail comes here after that is committed; the row's lock lets the
    /// second of two see what the first has done.
    pub(super) async fn finish_batch(&self, of: batch::Of) -> Result<(), Failure> {
        let tx = self.write(of.0).await?;
        if batch::lock_walked(&tx, of).await? && !batch::has_open_mail(&tx, of).await? {
            batch::finish(&tx, of, BatchState::Done, self.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}
