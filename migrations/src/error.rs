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
    /// Somebody uses a table that a step has to change; nothing of the step lasts, and it is tried again.
    #[error("a table is in use: {0}")]
    InUse(String),
    /// A step failed; nothing of it lasts.
    #[error("{0}")]
    Step(DbErr),
}

impl MigrateError {
    /// Whether another try may succeed.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::InUse(_))
    }
}

/// PostgreSQL's `lock_not_available`, which is what `lock_timeout` ends a statement with.
const IN_USE: &str = "55P03";

impl From<DbErr> for MigrateError {
    fn from(error: DbErr) -> Self {
        if usher_database::database_code(&error).is_some_and(|code| code == IN_USE) {
            return Self::InUse(error.to_string());
        }
        Self::Step(error)
    }
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
        let state = error.as_database_error().and_then(|database| database.code());
        if state.is_some_and(|state| state == IN_USE) {
            return Self::InUse(error.to_string());
        }
        ConnectError::from(error).into()
    }
}
