//! Password hashing: Argon2id, a few at a time, on threads that may block (I10).

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Failure;
use crate::domain::password::Password;

/// KiB of memory, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// At a time, at most: more only wait for processors, each with 19 MiB.
const MOST: usize = 4;

/// Hashes and verifies. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hasher {
    argon: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// Of a password that nobody has: verifying it takes as long as verifying a real one.
    nobody: Arc<str>,
}

/// A turn at hashing. What was asked before hashing stays true while it is held, save for the other turns.
pub(crate) struct Turn(#[expect(dead_code, reason = "held for its end")] OwnedSemaphorePermit);

impl Hasher {
    /// # Errors
    /// Where the cost is refused or there is no randomness.
    pub(crate) fn new() -> Result<Self, Failure> {
        let (memory, passes, lanes) = COST;
        let params =
            Params::new(memory, passes, lanes, None).map_err(|error| Failure::broken(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon, b"nobody has this password")?;
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            argon,
            turns: Arc::new(Semaphore::new(processors.min(MOST))),
            nobody: nobody.into(),
        })
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Result<Turn, Failure> {
        let permit = Arc::clone(&self.turns).acquire_owned().await;
        permit.map(Turn).map_err(Failure::broken)
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Failure> {
        let _turn = self.turn().await?;
        let argon = self.argon.clone();
        tokio::task::spawn_blocking(move || hash(&argon, password.bytes()))
            .await
            .map_err(Failure::broken)?
    }

    /// Whether the password is the one that was hashed; without a hash the answer is no, and takes as long.
    pub(crate) async fn verify(
        &self,
        _turn: &Turn,
        password: Option<Password>,
        hash: Option<String>,
    ) -> Result<bool, Failure> {
        let known = hash.is_some() && password.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let argon = self.argon.clone();
        let right = tokio::task::spawn_blocking(move || {
            let typed = password.as_ref().map_or(&[][..], Password::bytes);
            argon.verify_password(typed, hash.as_str()).is_ok()
        });
        Ok(right.await.map_err(Failure::broken)? && known)
    }
}

fn hash(argon: &Argon2<'_>, password: &[u8]) -> Result<String, Failure> {
    argon
        .hash_password(password)
        .map(|hash| hash.to_string())
        .map_err(|error| Failure::broken(error.to_string()))
}
