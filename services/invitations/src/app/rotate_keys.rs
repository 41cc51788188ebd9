//! `usher keys rotate`: the operator turns the signing keys before their time (I11).

use chrono::{DateTime, Utc};
use usher_auth::Keyring;
use usher_database::{Database, Scope, SystemReason};
use usher_types::SharedClock;

use super::Failure;
use super::keys::fresh;
use crate::domain::signing::NOTICE;
use crate::storage::signing_key::{self, Wrapped};

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeysError {
    /// The newest key does not sign yet: turning again would only add keys that never do.
    #[error(
        "the newest key was made less than an hour ago and signs from {0} on: there is nothing to turn yet"
    )]
    Announced(DateTime<Utc>),
    /// Database, randomness, or the keys that wrap.
    #[error("{0}")]
    Failed(String),
}

/// How the keys are turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// A new key is published now and signs after an hour; the old one verifies a day longer. Nobody notices.
    Announced,
    /// The old keys are dropped: somebody else may have them. Every access token ends within seconds, and the sessions go on with
    /// their refresh tokens.
    AtOnce,
}

fn failed(failure: Failure) -> RotateKeysError {
    RotateKeysError::Failed(failure.status().message().to_owned())
}

/// Makes the next signing key; from when on it signs is returned. Running services take it over within seconds.
///
/// # Errors
/// [`RotateKeysError`]; nothing has changed then.
pub async fn rotate_keys(
    database: &Database,
    wrap: &Keyring,
    clock: &SharedClock,
    rotation: Rotation,
) -> Result<DateTime<Utc>, RotateKeysError> {
    let failed_there = |error| failed(Failure::Database(error));
    let now = clock.now();
    let made = fresh(wrap, now).map_err(failed)?;
    let tx = database
        .write(Scope::System(SystemReason::SigningKeys))
        .await
        .map_err(failed_there)?;
    signing_key::lock(&tx).await.map_err(failed_there)?;
    let kept = signing_key::all(&tx).await.map_err(failed_there)?;
    let signs_from = match rotation {
        Rotation::Announced => from_when(&kept, now)?,
        Rotation::AtOnce => {
            let ids: Vec<String> = kept.iter().map(|key| key.id.clone()).collect();
            signing_key::delete(&tx, &ids).await.map_err(failed_there)?;
            now
        }
    };
    signing_key::insert(&tx, &made).await.map_err(failed_there)?;
    tx.commit().await.map_err(failed_there)?;
    Ok(signs_from)
}

/// The very first key signs at once, so there is always one that does.
fn from_when(kept: &[Wrapped], now: DateTime<Utc>) -> Result<DateTime<Utc>, RotateKeysError> {
    match kept {
        [newest, _, ..] if newest.created_at + NOTICE > now => {
            Err(RotateKeysError::Announced(newest.created_at + NOTICE))
        }
        [] => Ok(now),
        _ => Ok(now + NOTICE),
    }
}
