//! The keys that sign access tokens: in the database, wrapped; the first start makes one.

use std::sync::{Arc, PoisonError, RwLock};

use usher_auth::{Keyring, SigningKey, VerifyingKeys, unwrap_secret, wrap_secret};
use usher_database::{Database, Scope, SystemReason};
use usher_types::SharedClock;
use uuid::Uuid;

use super::Failure;
use crate::storage::signing_key::{self, Wrapped};

const PURPOSE: &str = "usher.signing-key.v1";

/// The keys in use. Cheap to clone; clones share them.
#[derive(Clone)]
pub(crate) struct Signer(Arc<RwLock<Keys>>);

#[derive(Clone)]
struct Keys {
    current: Arc<SigningKey>,
    jwks: Arc<str>,
}

impl Signer {
    /// Reads the keys, making the first one where there is none.
    ///
    /// # Errors
    /// Where the database does not answer, or the keys were wrapped with one that is not accepted any more.
    pub(crate) async fn open(
        database: &Database,
        wrap: &Keyring,
        clock: &SharedClock,
    ) -> Result<Self, Failure> {
        let reason = Scope::System(SystemReason::SigningKeys);
        let tx = database.read(reason).await?;
        let mut kept = signing_key::all(&tx).await?;
        drop(tx);
        if kept.is_empty() {
            let first = fresh(wrap, clock)?;
            let tx = database.write(reason).await?;
            signing_key::insert_first(&tx, &first).await?;
            kept = signing_key::all(&tx).await?;
            tx.commit().await?;
        }
        let keys = kept
            .iter()
            .map(|kept| open(kept, wrap))
            .collect::<Result<Vec<_>, _>>()?;
        let jwks = SigningKey::jwks(&keys.iter().collect::<Vec<_>>());
        let current = keys
            .into_iter()
            .next()
            .ok_or_else(|| Failure::broken("there is no signing key"))?;
        Ok(Self(Arc::new(RwLock::new(Keys {
            current: Arc::new(current),
            jwks: jwks.into(),
        }))))
    }

    fn keys(&self) -> Keys {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that signs.
    pub(crate) fn current(&self) -> Arc<SigningKey> {
        self.keys().current
    }

    /// The public halves (RFC 7517).
    pub(crate) fn jwks(&self) -> Arc<str> {
        self.keys().jwks
    }

    /// The public halves, for our own verifier.
    pub(crate) fn verifying(&self) -> Result<VerifyingKeys, Failure> {
        VerifyingKeys::from_jwks(&self.jwks()).map_err(Failure::broken)
    }
}

fn fresh(wrap: &Keyring, clock: &SharedClock) -> Result<Wrapped, Failure> {
    let pkcs8 = SigningKey::generate().map_err(Failure::broken)?;
    Ok(Wrapped {
        id: Uuid::new_v4().simple().to_string(),
        secret: wrap_secret(wrap, PURPOSE, &pkcs8).map_err(Failure::broken)?,
        created_at: clock.now(),
    })
}

fn open(kept: &Wrapped, wrap: &Keyring) -> Result<SigningKey, Failure> {
    let pkcs8 = unwrap_secret(wrap, PURPOSE, &kept.secret).map_err(|_| {
        Failure::broken("USHER_SIGNING_KEYS: the signing keys in the database were wrapped with another key")
    })?;
    SigningKey::from_pkcs8(kept.id.clone(), &pkcs8).map_err(Failure::broken)
}
