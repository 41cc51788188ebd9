//! Why a schema was not brought up to date.

use sea_orm::DbErr;
use usher_database::ConnectError;

/// Why a schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The settings, the password or the rights are wrong; waiting does not help: exit 78 (R5).
    #[error("{0}")]
    Settings(String),
    /// The database does not answer yet; the caller says so and tries again.
    #[error("the database does not answer yet: {0}")]
    Unavailable(String),
    /// A step failed; nothing of it lasts.
    #[error("{0}")]
    Step(#[from] DbErr),
}

impl From<ConnectError> for MigrateError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Settings(reason) => Self::Settings(reason),
            ConnectError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        ConnectError::from(error).into()
    }
}
