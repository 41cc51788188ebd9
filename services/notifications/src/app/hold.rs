//! Sendings that are held and let go (I4): the word is noted at once, the letters follow in slices.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Scope, SystemReason};
use usher_types::MailingId;

use crate::sender::Sender;
use crate::storage::{self, Moved};

/// Letters of one transaction.
const SLICE: u32 = 2_000;
/// Between two looks when nobody says that there is something to move.
const POLL: Duration = Duration::from_secs(5);
/// The pause where somebody else was writing what is left, or the database did not answer.
const AGAIN: Duration = Duration::from_millis(100);

/// Moves letters into the lanes where they belong. Clones share everything.
#[derive(Clone, Debug)]
pub struct Mover(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    sender: Sender,
    wake: Notify,
    slice: u32,
}

/// Where the next slice of a sending begins, as of this version of the word about it.
type Places = HashMap<MailingId, (i64, DateTime<Utc>)>;

impl Mover {
    /// `sender` is woken when letters are let go.
    #[must_use]
    pub fn new(database: Database, sender: Sender) -> Self {
        Self::in_slices(database, sender, SLICE)
    }

    /// As [`Mover::new`], with another number of letters a transaction.
    #[must_use]
    pub fn in_slices(database: Database, sender: Sender, slice: u32) -> Self {
        Self(Arc::new(Shared {
            database,
            sender,
            wake: Notify::new(),
            slice,
        }))
    }

    /// There is something to move.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Moves until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut places = Places::new();
        while !stop.is_cancelled() {
            let pause = match self.step(&mut places).await {
                Ok(Some(Moved::UpTo(_) | Moved::All)) => continue,
                Ok(Some(Moved::ButSome)) => AGAIN,
                Ok(None) => POLL,
                Err(error) => {
                    tracing::warn!(%error, "letters of a held sending could not be moved");
                    AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.wake.notified() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Moves everything that is to be moved now. For tests.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn drain(&self) -> Result<(), DbErr> {
        let mut places = Places::new();
        while self.step(&mut places).await?.is_some() {}
        Ok(())
    }

    /// One slice of one sending; none where there is nothing to move.
    async fn step(&self, places: &mut Places) -> Result<Option<Moved>, DbErr> {
        let tx = self.0.database.write(Scope::System(SystemReason::Claim)).await?;
        let Some(hold) = storage::next_to_move(&tx).await? else {
            places.clear();
            return Ok(None);
        };
        let begun = places
            .get(&hold.mailing)
            .filter(|(version, _)| *version == hold.version);
        let from = begun.map_or(DateTime::UNIX_EPOCH, |(_, from)| *from);
        let moved = storage::move_letters(&tx, hold, (from, self.0.slice)).await?;
        tx.commit().await?;
        match moved {
            Moved::UpTo(at) => places.insert(hold.mailing, (hold.version, at)),
            Moved::ButSome | Moved::All => places.remove(&hold.mailing),
        };
        if !hold.held {
            self.0.sender.wake();
        }
        Ok(Some(moved))
    }
}
