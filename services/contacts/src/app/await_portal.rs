//! Waiting until what invitations did is seen in the lists.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use usher_types::{ContactId, Version};

use super::{App, Caller, Failure};
use crate::domain::refusal::ContactCode as Code;
use crate::storage::portal;

/// Another replica may have applied the change, whose commit does not wake us.
const SAFETY_NET: Duration = Duration::from_millis(100);

impl App {
    /// Whether the portal rows of these contacts have at least these versions, waiting for it for at most `within`.
    /// Contacts that are not there are not waited for.
    pub(crate) async fn await_portal(
        &self,
        caller: &Caller,
        wanted: &[(ContactId, Version)],
        within: Duration,
    ) -> Result<bool, Failure<Code>> {
        let end = Instant::now() + within;
        let mut commits = self.database.committed();
        loop {
            if self.is_applied(caller, wanted).await? {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(false);
            }
            // Whichever comes first; what woke us does not matter.
            let _woken = timeout_at((now + SAFETY_NET).min(end), commits.next()).await;
        }
    }

    async fn is_applied(
        &self,
        caller: &Caller,
        wanted: &[(ContactId, Version)],
    ) -> Result<bool, Failure<Code>> {
        let ids: Vec<ContactId> = wanted.iter().map(|(contact, _)| *contact).collect();
        let tx = self.read(caller).await?;
        let applied = portal::versions(&tx, caller.organization, &ids).await?;
        Ok(wanted
            .iter()
            .all(|(contact, version)| applied.get(contact).is_none_or(|applied| applied >= version)))
    }
}
