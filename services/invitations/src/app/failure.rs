//! How a use case ends when it does not succeed.

use std::fmt;

use sea_orm::DbErr;
use tonic::Status;
use usher_database::{is_conflict, is_unavailable};
use usher_proto::common::v1::Refusal;
use usher_service::grpc;

/// Why a use case did nothing.
pub(crate) enum Failure {
    /// The caller can mend it; it travels in the answer.
    Refused(Vec<Refusal>),
    /// Not permitted, or a peer that did not answer.
    Status(Status),
    /// The database.
    Database(DbErr),
    /// Somebody else was faster, and took what this one had looked at.
    Overtaken,
    /// Ours.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// A failure of ours.
    pub(crate) fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Broken(error.into())
    }

    /// The code of the first thing that the caller can mend.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusals) => refusals.first().map(|refusal| refusal.code.as_str()),
            _ => None,
        }
    }

    /// Two transactions were in each other's way: the whole use case is worth another try.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Database(error) => is_conflict(error),
            Self::Overtaken => true,
            _ => false,
        }
    }

    /// What crosses gRPC; refusals do not get here.
    pub(crate) fn status(self) -> Status {
        match self {
            Self::Status(status) => status,
            Self::Database(error) if is_unavailable(&error) => grpc::unavailable(&error),
            Self::Database(error) => grpc::internal(&error),
            Self::Overtaken => Status::unavailable("too many at once; try again"),
            Self::Broken(error) => grpc::internal(error.as_ref()),
            Self::Refused(_) => Status::internal("a refusal lost its way"),
        }
    }
}

/// Without the database's details, which quote rows with names and addresses: failures are logged.
impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusals) => {
                let codes = refusals.iter().map(|refusal| &refusal.code);
                formatter.debug_list().entries(codes).finish()
            }
            Self::Status(status) => write!(formatter, "{:?}: {}", status.code(), status.message()),
            Self::Database(error) => write!(formatter, "{error}"),
            Self::Overtaken => formatter.write_str("overtaken"),
            Self::Broken(error) => write!(formatter, "{error}"),
        }
    }
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

/// One refusal.
pub(crate) fn refuse(code: &str, field: &[&str], message: impl Into<String>) -> Refusal {
    Refusal {
        code: code.to_owned(),
        field: field.iter().map(|part| (*part).to_owned()).collect(),
        message: message.into(),
        contact_id: None,
        retry_after: None,
    }
}
