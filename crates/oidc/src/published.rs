//! What a provider has published: asked for once by many, kept, and asked for again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use hyper::StatusCode;

use crate::http::Answer;
use crate::metadata::Metadata;
use crate::{Http, Keys, Trouble};

/// How long what was published is taken for granted.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// How soon it is asked for again where a token names another key, or the provider was away: not by each token that a stranger
/// makes up.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How long those who come while nothing is known are told why without asking again; longer than asking takes.
const SOON: TimeDelta = TimeDelta::seconds(10);
/// For the document and the keys together.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a provider has published.
pub(crate) struct Known {
    pub(crate) metadata: Metadata,
    pub(crate) keys: Keys,
}

/// Why somebody wants to know it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    SomebodySignsIn,
    AKeyIsUnknown,
}

type Asked = Shared<BoxFuture<'static, Result<Arc<Known>, Trouble>>>;

#[derive(Default)]
struct Memory {
    known: Option<Arc<Known>>,
    /// When it came.
    at: DateTime<Utc>,
    /// When it was last asked for, with success or without.
    tried: DateTime<Utc>,
    /// When it was last asked for because of a key.
    for_key: DateTime<Utc>,
    /// Why that was in vain.
    trouble: Option<Trouble>,
    /// While it is asked for.
    asked: Option<Asked>,
}

impl Memory {
    fn is_due(&self, because: Because, now: DateTime<Utc>) -> bool {
        match (because, &self.known) {
            (_, None) => self.trouble.is_none() || now - self.tried >= SOON,
            (Because::AKeyIsUnknown, Some(_)) => now - self.for_key >= AGAIN,
            (Because::SomebodySignsIn, Some(_)) => now - self.at >= FRESH && now - self.tried >= AGAIN,
        }
    }
}

/// The memory of it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Published {
    issuer: Arc<str>,
    http: Http,
    memory: Arc<Mutex<Memory>>,
}

impl Published {
    /// Nothing is asked for yet.
    pub(crate) fn new(issuer: &str, http: Http) -> Self {
        Self {
            issuer: issuer.into(),
            http,
            memory: Arc::default(),
        }
    }

    /// What is known: what is older than it should be at once, while it is asked for again. Those who come while it is asked for wait
    /// together, and what comes is kept even where none of them waits any more.
    pub(crate) async fn known(&self, because: Because, now: DateTime<Utc>) -> Result<Arc<Known>, Trouble> {
        let asked = {
            let mut memory = self.memory();
            if memory.asked.is_none() && memory.is_due(because, now) {
                memory.tried = now;
                if because == Because::AKeyIsUnknown {
                    memory.for_key = now;
                }
                memory.asked = Some(self.ask(now));
            }
            match (&memory.known, &memory.asked, because) {
                (Some(known), _, Because::SomebodySignsIn) | (Some(known), None, _) => {
                    return Ok(Arc::clone(known));
                }
                (_, Some(asked), _) => asked.clone(),
                (None, None, _) => {
                    let trouble = memory.trouble.clone();
                    return Err(trouble.unwrap_or_else(|| Trouble::Away("it was not asked".to_owned())));
                }
            }
        };
        asked.await
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks in a task of its own: whoever asked first may go away.
    fn ask(&self, now: DateTime<Utc>) -> Asked {
        let asking = self.clone();
        let task = tokio::spawn(async move {
            let came = tokio::time::timeout(PATIENCE, asking.fetch()).await;
            let came = came.unwrap_or_else(|_| Err(Trouble::Away("it does not answer".to_owned())));
            asking.keep(came, now)
        });
        let ended =
            |joined: Result<_, _>| joined.unwrap_or_else(|_| Err(Trouble::Away("we stop".to_owned())));
        task.map(ended).boxed().shared()
    }

    /// What is older than it should be is better than nothing.
    fn keep(&self, came: Result<Known, Trouble>, now: DateTime<Utc>) -> Result<Arc<Known>, Trouble> {
        let mut memory = self.memory();
        memory.asked = None;
        match came {
            Ok(known) => {
                let known = Arc::new(known);
                memory.known = Some(Arc::clone(&known));
                memory.at = now;
                Ok(known)
            }
            Err(trouble) => match &memory.known {
                Some(known) => {
                    tracing::warn!(%trouble, "what the identity provider published before still counts");
                    Ok(Arc::clone(known))
                }
                None => {
                    memory.trouble = Some(trouble.clone());
                    Err(trouble)
                }
            },
        }
    }

    async fn fetch(&self) -> Result<Known, Trouble> {
        let document = self.get(&Metadata::address(&self.issuer)).await?;
        let metadata = Metadata::read(&document.body, &self.issuer)?;
        let keys = self.get(metadata.jwks_uri.as_str()).await?;
        let keys =
            Keys::read(&keys.body).map_err(|_| Trouble::Wrong("its keys cannot be read".to_owned()))?;
        Ok(Known { metadata, keys })
    }

    async fn get(&self, address: &str) -> Result<Answer, Trouble> {
        let answer = self.http.get(address, None).await?;
        if answer.status == StatusCode::OK {
            return Ok(answer);
        }
        let status = answer.status.as_u16();
        Err(Trouble::Wrong(format!("{address} answered {status}")))
    }
}

#[cfg(test)]
#[path = "published_tests.rs"]
mod tests;
