//! Why a use case did not do what it was asked.

use sea_orm::DbErr;
use usher_auth::Denied;
use usher_database::{is_conflict, keyset::WindowError};

use crate::domain::refusal::Refusal;

/// Two writers in each other's way are tried again this often.
const TRIES: usize = 4;

/// Why a use case did not do what it was asked. Nothing of it lasts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure<C: std::fmt::Debug> {
    /// The caller can mend it.
    #[error("refused")]
    Refused(Vec<Refusal<C>>),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The request itself is wrong: BAD_USER_INPUT.
    #[error("{0}")]
    Invalid(String),
    /// Another writer came between two locks.
    #[error("overtaken by another writer")]
    Overtaken,
    /// The database refused or is away.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl<C: std::fmt::Debug> From<Refusal<C>> for Failure<C> {
    fn from(refusal: Refusal<C>) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl<C: std::fmt::Debug> From<Vec<Refusal<C>>> for Failure<C> {
    fn from(refusals: Vec<Refusal<C>>) -> Self {
        Self::Refused(refusals)
    }
}

impl<C: std::fmt::Debug> From<WindowError> for Failure<C> {
    fn from(error: WindowError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl<C: std::fmt::Debug> Failure<C> {
    /// Whether the whole use case is worth another try.
    fn is_conflict(&self) -> bool {
        match self {
            Self::Overtaken => true,
            Self::Database(error) => is_conflict(error),
            _ => false,
        }
    }
}

/// Runs a use case, again where another writer was in its way.
pub(crate) async fn attempt<T, C, Work>(work: impl Fn() -> Work) -> Result<T, Failure<C>>
where
    C: std::fmt::Debug,
    Work: Future<Output = Result<T, Failure<C>>>,
{
    let mut tries = 1;
    loop {
        match work().await {
            Err(failure) if tries < TRIES && failure.is_conflict() => tries += 1,
            other => return other,
        }
    }
}
