//! Ended sessions, for every service: read at most every 400 ms, whichever replica ended them, and at once where this one did.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use usher_auth::Verifier;
use usher_types::SessionId;

use super::Failure;
use super::context::App;
use crate::storage::session;

/// "Refused in every service within a second" leaves this much for reading.
const POLL: Duration = Duration::from_millis(400);

/// Sessions that ended while an access token of theirs may still live.
pub(crate) type RevokedNow = Arc<BTreeMap<SessionId, DateTime<Utc>>>;

impl App {
    /// What has ended, as of now.
    pub(crate) async fn revoked(&self) -> Result<RevokedNow, Failure> {
        let tx = self.read_any().await?;
        let ended = session::ended(&tx, self.now()).await?;
        Ok(Arc::new(ended.into_iter().collect()))
    }

    /// Follows the table until `stop`, for all who watch and for this service's own verifier.
    pub(crate) async fn follow_revoked(
        self,
        verifier: Verifier,
        sender: watch::Sender<RevokedNow>,
        stop: CancellationToken,
    ) {
        let mut committed = self.database.committed();
        loop {
            match self.revoked().await {
                Ok(now) => {
                    let last = sender.borrow().clone();
                    if *last != *now {
                        verifier.add_ended(now.iter().map(|(id, at)| (*id, *at)));
                        sender.send_replace(now);
                    }
                }
                Err(failure) => tracing::warn!(?failure, "ended sessions cannot be read"),
            }
            // a busy service commits all the time: it is not read more often than the pause allows
            tokio::select! {
                () = stop.cancelled() => return,
                () = async {
                    tokio::time::sleep(POLL / 8).await;
                    tokio::select! {
                        () = committed.next() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                } => {}
            }
        }
    }
}
