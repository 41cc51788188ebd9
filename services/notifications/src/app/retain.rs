//! Messages are kept for some days only (I9).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Scope, SystemReason};
use usher_types::SharedClock;

use crate::storage::{Kept, forget};

/// Between two sweeps; several replicas at it do no harm.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Rows in one transaction, so that nobody waits for long.
const WINDOW: u32 = 5_000;
/// A sending's time is as fresh as its newest letter's but for a day (`insert_mailings`).
const DAY: TimeDelta = TimeDelta::days(1);

/// Drops letters and what belongs to them once they are old.
#[derive(Clone, Debug)]
pub struct Retention {
    database: Database,
    clock: SharedClock,
    keep: TimeDelta,
    window: u32,
}

impl Retention {
    /// Keeps letters for so long from their coming on.
    #[must_use]
    pub const fn new(database: Database, clock: SharedClock, keep: TimeDelta) -> Self {
        Self::in_windows(database, clock, keep, WINDOW)
    }

    /// The same with other windows.
    #[must_use]
    pub const fn in_windows(database: Database, clock: SharedClock, keep: TimeDelta, window: u32) -> Self {
        Self {
            database,
            clock,
            keep,
            window,
        }
    }

    /// Sweeps every hour until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(INTERVAL) => {}
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "old messages were not dropped; tried again in an hour");
            }
        }
    }

    /// Drops what is older than its time; how many letters it were.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn sweep(&self) -> Result<u64, DbErr> {
        let now = self.clock.now();
        let mut letters = 0;
        for kept in Kept::ALL {
            let keep = match kept {
                Kept::Mailings => self.keep + DAY,
                Kept::Letters | Kept::Tombstones | Kept::Holds => self.keep,
            };
            let dropped = self.drop_old(kept, now - keep).await?;
            if kept == Kept::Letters {
                letters = dropped;
            }
        }
        Ok(letters)
    }

    async fn drop_old(&self, kept: Kept, before: DateTime<Utc>) -> Result<u64, DbErr> {
        let mut all = 0;
        loop {
            let tx = self.database.write(Scope::System(SystemReason::Sweep)).await?;
            let dropped = forget(&tx, kept, before, self.window).await?;
            tx.commit().await?;
            all += dropped;
            if dropped < u64::from(self.window) {
                return Ok(all);
            }
        }
    }
}
