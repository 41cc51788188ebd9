//! What can go wrong, in the few classes that callers act on.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings or the password are wrong; waiting does not help: exit 78 (R5).
    #[error("{0}")]
    Settings(String),
    /// The database does not answer yet; the caller says so and tries again (R5).
    #[error("the database does not answer yet: {0}")]
    Unavailable(String),
}

impl ConnectError {
    /// Whether trying again later makes sense.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for ConnectError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                let reason = database.message().to_owned();
                if code == "22023" && reason.contains("usher_") {
                    // The migrations make the roles, and may run at this moment.
                    return Self::Unavailable(format!("{reason}: run usher-migrate up"));
                }
                if is_wrong_settings(&code) {
                    Self::Settings(reason)
                } else {
                    Self::Unavailable(reason)
                }
            }
            sqlx::Error::Configuration(_) => Self::Settings("the database URL cannot be read".to_owned()),
            sqlx::Error::Tls(reason) => Self::Settings(format!("TLS towards the database failed: {reason}")),
            other => match usher_tls::distrust(other) {
                Some(reason) => Self::Settings(format!("the database cannot be trusted: {reason}")),
                None => Self::Unavailable(other.to_string()),
            },
        }
    }
}

/// SQLSTATEs of a wrong password, role, database or schema, and SQLite's "unable to open", "not a database", "read-only".
fn is_wrong_settings(code: &str) -> bool {
    matches!(
        code,
        "28000" | "28P01" | "3D000" | "3F000" | "42501" | "42704" | "14" | "26" | "8"
    )
}

/// The database's own code of what went wrong: an SQLSTATE, or SQLite's number.
#[must_use]
pub fn database_code(error: &DbErr) -> Option<String> {
    let (DbErr::Conn(RuntimeErr::SqlxError(inner))
    | DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    inner
        .as_database_error()?
        .code()
        .map(std::borrow::Cow::into_owned)
}

/// A unique index or primary key refused the row.
#[must_use]
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// No connection within two seconds, or none at all: the caller answers UNAVAILABLE.
#[must_use]
pub fn is_unavailable(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed)
        | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            matches!(
                **inner,
                sqlx::Error::Io(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            ) || database_code(error).is_some_and(|code| is_server_going_away(&code))
        }
        _ => false,
    }
}

/// `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`, `too_many_connections` and class 08.
fn is_server_going_away(code: &str) -> bool {
    matches!(code, "57P01" | "57P02" | "57P03" | "53300") || code.starts_with("08")
}

/// A deadlock, a serialization failure or a busy SQLite file: the whole transaction is worth another try, and nobody is
/// to blame.
#[must_use]
pub fn is_conflict(error: &DbErr) -> bool {
    // SQLite: BUSY, BUSY_RECOVERY, BUSY_SNAPSHOT, LOCKED.
    database_code(error)
        .is_some_and(|code| matches!(code.as_str(), "40001" | "40P01" | "5" | "261" | "517" | "6"))
}
