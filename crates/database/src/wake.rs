//! Commits wake whoever waits for new rows, so that nobody needs to poll often.

use tokio::sync::watch;

/// Counts commits and wakes those who wait for the next.
#[derive(Clone, Debug)]
pub struct Wake {
    commits: watch::Sender<u64>,
    messages: watch::Sender<u64>,
    urgent: watch::Sender<u64>,
}

/// One listener. Commits between two calls of [`Waking::next`] are not missed.
#[derive(Debug)]
pub struct Waking(watch::Receiver<u64>);

impl Default for Wake {
    fn default() -> Self {
        Self {
            commits: watch::Sender::new(0),
            messages: watch::Sender::new(0),
            urgent: watch::Sender::new(0),
        }
    }
}

impl Wake {
    pub(crate) fn committed(&self, speaks: bool, urgently: bool) {
        self.commits.send_modify(|count| *count += 1);
        if speaks {
            self.messages.send_modify(|count| *count += 1);
        }
        if urgently {
            self.urgent.send_modify(|count| *count += 1);
        }
    }

    pub(crate) fn commits(&self) -> Waking {
        Waking(self.commits.subscribe())
    }

    pub(crate) fn messages(&self) -> Waking {
        Waking(self.messages.subscribe())
    }

    pub(crate) fn urgent(&self) -> Waking {
        Waking(self.urgent.subscribe())
    }
}

impl Waking {
    /// Returns at the next commit, or at once if there was one since the last call. Cancel safe.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The database is closed: nothing will ever be committed again.
            std::future::pending::<()>().await;
        }
    }
}
