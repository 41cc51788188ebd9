//! Sessions that ended while an access token of theirs may still live.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use usher_types::SessionId;

/// Ended sessions, each kept until no access token of it can live any more.
#[derive(Clone, Debug, Default)]
pub struct EndedSessions(HashMap<SessionId, DateTime<Utc>>);

impl EndedSessions {
    /// Adds sessions, and forgets those whose time is over.
    #[must_use]
    pub fn with(
        &self,
        ended: impl IntoIterator<Item = (SessionId, DateTime<Utc>)>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut sessions: HashMap<_, _> = self
            .0
            .iter()
            .filter(|&(_, forget_at)| *forget_at > now)
            .map(|(id, at)| (*id, *at))
            .collect();
        sessions.extend(ended);
        Self(sessions)
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn contains(&self, session: SessionId) -> bool {
        self.0.contains_key(&session)
    }
}
