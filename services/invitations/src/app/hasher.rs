//! Password hashing: Argon2id, a few at a time, on threads that may block (I10).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Failure;
use crate::domain::password::Password;

/// KiB of memory, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// At a time, at most: more only wait for processors, each with 19 MiB.
const MOST: usize = 4;
/// Memory that nobody has hashed in for so long is given back.
const KEPT: Duration = Duration::from_secs(5);

/// Hashes and verifies. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hasher {
    argon: Argon2<'static>,
    turns: Arc<Semaphore>,
    memory: Memory,
    /// Of a password that nobody has: verifying it takes as long as verifying a real one.
    nobody: Arc<str>,
}

/// A turn at hashing. What was asked before hashing stays true while it is held, save for the other turns. It lasts as long as the
/// hashing, also where nobody waits for that any more.
#[derive(Clone)]
pub(crate) struct Turn(#[expect(dead_code, reason = "held for its end")] Arc<OwnedSemaphorePermit>);

impl Hasher {
    /// # Errors
    /// Where the cost is refused or there is no randomness.
    pub(crate) fn new() -> Result<Self, Failure> {
        let (memory, passes, lanes) = COST;
        let params =
            Params::new(memory, passes, lanes, None).map_err(|error| Failure::broken(error.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon, b"nobody has this password", &mut Vec::new())?;
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            argon,
            turns: Arc::new(Semaphore::new(processors.min(MOST))),
            memory: Memory::default(),
            nobody: nobody.into(),
        })
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Result<Turn, Failure> {
        let permit = Arc::clone(&self.turns).acquire_owned().await;
        let permit = permit.map_err(Failure::broken)?;
        Ok(Turn(Arc::new(permit)))
    }

    /// Hashes a new password.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Failure> {
        let turn = self.turn().await?;
        let (argon, memory) = (self.argon.clone(), self.memory.clone());
        let hash = move || {
            let hashed = memory.lend(|blocks| hash(&argon, password.bytes(), blocks));
            drop(turn);
            hashed
        };
        tokio::task::spawn_blocking(hash).await.map_err(Failure::broken)?
    }

    /// Whether the password is the one that was hashed; without a hash the answer is no, and takes as long.
    pub(crate) async fn verify(
        &self,
        turn: &Turn,
        password: Option<Password>,
        hash: Option<String>,
    ) -> Result<bool, Failure> {
        let known = hash.is_some() && password.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let (turn, memory) = (turn.clone(), self.memory.clone());
        let right = tokio::task::spawn_blocking(move || {
            let typed = password.as_ref().map_or(&[][..], Password::bytes);
            let right = memory.lend(|blocks| is_hash_of(typed, &hash, blocks));
            drop(turn);
            right
        });
        Ok(right.await.map_err(Failure::broken)? && known)
    }

    /// Gives memory back that was not needed lately.
    pub(super) fn forget(&self) {
        self.memory.blocks().retain(|(used, _)| used.elapsed() < KEPT);
    }
}

/// What was hashed in last. Memory from the system is empty, page by page, and emptying it takes a fifth of the time of a hash.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Used>>>);

/// When it was hashed in, and the memory.
type Used = (Instant, Vec<Block>);

impl Memory {
    fn blocks(&self) -> MutexGuard<'_, Vec<Used>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lend<T>(&self, hash: impl FnOnce(&mut Vec<Block>) -> T) -> T {
        let kept = self.blocks().pop();
        let mut blocks = kept.map_or_else(Vec::new, |(_, blocks)| blocks);
        let hashed = hash(&mut blocks);
        self.blocks().push((Instant::now(), blocks));
        hashed
    }
}

fn hash(argon: &Argon2<'_>, password: &[u8], blocks: &mut Vec<Block>) -> Result<String, Failure> {
    let salt = Salt::generate();
    let output = output(argon, (password, &salt), blocks);
    let hashed = output.and_then(|output| {
        Ok(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(argon.params())?,
            salt: Some(salt),
            hash: Some(output),
        })
    });
    match hashed {
        Ok(hash) => Ok(hash.to_string()),
        Err(error) => Err(Failure::broken(error.to_string())),
    }
}

/// At the cost that the hash names, whatever ours has become meanwhile.
fn is_hash_of(password: &[u8], hash: &str, blocks: &mut Vec<Block>) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let (Some(salt), Some(expected), Some(version)) = (&hash.salt, &hash.hash, hash.version) else {
        return false;
    };
    let (Ok(algorithm), Ok(version), Ok(params)) = (
        Algorithm::try_from(hash.algorithm.as_str()),
        Version::try_from(version),
        Params::try_from(&hash),
    ) else {
        return false;
    };
    let argon = Argon2::new(algorithm, version, params);
    // two outputs are compared in constant time
    output(&argon, (password, salt), blocks).is_ok_and(|output| output == *expected)
}

fn output(
    argon: &Argon2<'_>,
    (password, salt): (&[u8], &Salt),
    blocks: &mut Vec<Block>,
) -> Result<Output, argon2::password_hash::Error> {
    let length = argon.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let mut output = [0; Output::MAX_LENGTH];
    let output = output
        .get_mut(..length)
        .ok_or(argon2::password_hash::Error::OutputSize)?;
    blocks.resize(argon.params().block_count(), Block::default());
    argon.hash_password_into_with_memory(password, salt, output, blocks)?;
    Ok(Output::new(output)?)
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher, PasswordVerifier};

    use super::*;

    #[test]
    fn i10_hashes_are_those_of_the_library_whatever_stood_in_the_memory() {
        let ours = Params::new(64, 2, 1, None).unwrap();
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, ours);
        let other = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(32, 1, 1, None).unwrap(),
        );
        let mut blocks = Vec::new();
        for password in [b"kestrel orchid lantern".as_slice(), b"other", b""] {
            let hashed = hash(&argon, password, &mut blocks).unwrap();
            assert!(hashed.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{hashed}");
            assert_eq!(argon.verify_password(password, hashed.as_str()), Ok(()));
            for library in [&argon, &other] {
                let hashed = library.hash_password(password).unwrap().to_string();
                assert!(is_hash_of(password, &hashed, &mut blocks));
                assert!(!is_hash_of(b"another", &hashed, &mut blocks));
            }
        }
        assert!(!is_hash_of(b"", "", &mut blocks));
        assert!(!is_hash_of(b"", "$argon2id$v=19$m=64,t=2,p=1", &mut blocks));
    }

    #[tokio::test(start_paused = true)]
    async fn i10_memory_is_kept_while_there_is_hashing() {
        let memory = Memory::default();
        memory.lend(|blocks| blocks.push(Block::default()));
        memory.lend(|blocks| assert_eq!(blocks.len(), 1));
        let hasher = Hasher {
            memory: memory.clone(),
            ..Hasher::new().unwrap()
        };
        hasher.forget();
        assert_eq!(memory.blocks().len(), 1);
        tokio::time::advance(KEPT).await;
        hasher.forget();
        assert_eq!(memory.blocks().len(), 0);
    }
}
