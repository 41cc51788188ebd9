//! The keys that sign access tokens: in the database, wrapped. The first start makes one, and time makes the next ones.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use usher_auth::{InvalidJwks, Keyring, SigningKey, VerifyingKeys, unwrap_secret, wrap_secret, wrapped_with};
use usher_database::{Database, Scope, SystemReason};
use uuid::Uuid;

use super::Failure;
use crate::domain::signing::plan;
use crate::storage::signing_key::{self, Wrapped};

const PURPOSE: &str = "usher.signing-key.v1";
const SCOPE: Scope = Scope::System(SystemReason::SigningKeys);

/// The keys in use. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct Signer(Arc<Inner>);

struct Inner {
    database: Database,
    wrap: Keyring,
    /// The newest first; never empty.
    keys: RwLock<Vec<Held>>,
    jwks: watch::Sender<Arc<str>>,
}

#[derive(Clone)]
struct Held {
    made: DateTime<Utc>,
    key: Arc<SigningKey>,
}

impl Signer {
    /// Reads the keys, making the first one where there is none.
    ///
    /// # Errors
    /// Where the database does not answer, or the keys were wrapped with one that is not accepted any more.
    pub(crate) async fn open(
        database: &Database,
        wrap: Keyring,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let signer = Self(Arc::new(Inner {
            database: database.clone(),
            wrap,
            keys: RwLock::default(),
            jwks: watch::Sender::new("".into()),
        }));
        signer.turn(now).await?;
        Ok(signer)
    }

    /// Makes the next key when it is time, drops what nobody needs any more, wraps the others with the first of our own keys,
    /// and takes over what other replicas did.
    pub(crate) async fn turn(&self, now: DateTime<Utc>) -> Result<(), Failure> {
        let tx = self.0.database.read(SCOPE).await?;
        let kept = signing_key::all(&tx).await?;
        drop(tx);
        let kept = if asks_for_anything(&kept, &self.0.wrap, now) {
            self.write_turn(now).await?
        } else {
            kept
        };
        let held = kept.iter().map(|kept| open(kept, &self.0.wrap));
        self.take(held.collect::<Result<_, _>>()?)
    }

    /// Decides with what is there once nobody else writes, and keeps what is left.
    async fn write_turn(&self, now: DateTime<Utc>) -> Result<Vec<Wrapped>, Failure> {
        let wrap = &self.0.wrap;
        let tx = self.0.database.write(SCOPE).await?;
        signing_key::lock(&tx).await?;
        let kept = signing_key::all(&tx).await?;
        let plan = plan(&made(&kept), now);
        let (needed, over) = kept.split_at(plan.over);
        let over: Vec<String> = over.iter().map(|kept| kept.id.clone()).collect();
        signing_key::delete(&tx, &over).await?;
        if plan.due {
            signing_key::insert(&tx, &fresh(wrap, now)?).await?;
        }
        let stale = needed.iter().filter(|kept| is_stale(kept, wrap));
        let again = stale
            .map(|kept| rewrap(kept, wrap))
            .collect::<Result<Vec<_>, _>>()?;
        signing_key::rewrap(&tx, &again).await?;
        let kept = signing_key::all(&tx).await?;
        tx.commit().await?;
        Ok(kept)
    }

    fn take(&self, held: Vec<Held>) -> Result<(), Failure> {
        if held.is_empty() {
            return Err(Failure::broken("there is no signing key"));
        }
        let all: Vec<&SigningKey> = held.iter().map(|held| held.key.as_ref()).collect();
        let jwks: Arc<str> = SigningKey::jwks(&all).into();
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = held;
        self.0.jwks.send_if_modified(|last| {
            let differs = *last != jwks;
            *last = jwks;
            differs
        });
        Ok(())
    }

    /// The key that signs now.
    pub(crate) fn current(&self, now: DateTime<Utc>) -> Result<Arc<SigningKey>, Failure> {
        let held = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        let made: Vec<DateTime<Utc>> = held.iter().map(|held| held.made).collect();
        let signing = held.get(plan(&made, now).signing);
        let key = signing.map(|held| Arc::clone(&held.key));
        key.ok_or_else(|| Failure::broken("there is no signing key"))
    }

    /// The public halves (RFC 7517).
    pub(crate) fn jwks(&self) -> Arc<str> {
        self.0.jwks.borrow().clone()
    }

    /// The public halves now and whenever they change.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<str>> {
        self.0.jwks.subscribe()
    }

    /// The public halves, for our own verifier.
    pub(crate) fn verifying(&self) -> Result<VerifyingKeys, InvalidJwks> {
        VerifyingKeys::from_jwks(&self.jwks())
    }
}

fn made(kept: &[Wrapped]) -> Vec<DateTime<Utc>> {
    kept.iter().map(|kept| kept.created_at).collect()
}

fn asks_for_anything(kept: &[Wrapped], wrap: &Keyring, now: DateTime<Utc>) -> bool {
    let plan = plan(&made(kept), now);
    plan.due || plan.over < kept.len() || kept.iter().any(|kept| is_stale(kept, wrap))
}

/// Wrapped with another key than the first, which can go once nothing is wrapped with it.
fn is_stale(kept: &Wrapped, wrap: &Keyring) -> bool {
    wrapped_with(&kept.secret) != Some(wrap.current().0)
}

fn rewrap(kept: &Wrapped, wrap: &Keyring) -> Result<Wrapped, Failure> {
    let pkcs8 = unwrap_secret(wrap, PURPOSE, &kept.secret).map_err(|_| unknown_wrap())?;
    Ok(Wrapped {
        secret: wrap_secret(wrap, PURPOSE, &pkcs8).map_err(Failure::broken)?,
        ..kept.clone()
    })
}

fn unknown_wrap() -> Failure {
    Failure::broken("USHER_SIGNING_KEYS: the signing keys in the database were wrapped with another key")
}

pub(super) fn fresh(wrap: &Keyring, now: DateTime<Utc>) -> Result<Wrapped, Failure> {
    let pkcs8 = SigningKey::generate().map_err(Failure::broken)?;
    Ok(Wrapped {
        id: Uuid::new_v4().simple().to_string(),
        secret: wrap_secret(wrap, PURPOSE, &pkcs8).map_err(Failure::broken)?,
        created_at: now,
    })
}

fn open(kept: &Wrapped, wrap: &Keyring) -> Result<Held, Failure> {
    let pkcs8 = unwrap_secret(wrap, PURPOSE, &kept.secret).map_err(|_| unknown_wrap())?;
    let key = SigningKey::from_pkcs8(kept.id.clone(), &pkcs8).map_err(Failure::broken)?;
    Ok(Held {
        made: kept.created_at,
        key: Arc::new(key),
    })
}
