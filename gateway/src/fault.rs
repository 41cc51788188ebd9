//! What becomes a GraphQL error, and its code. Mapped from gRPC once, here.

use std::borrow::Cow;

use async_graphql::ErrorExtensionValues;
use tonic::{Code as GrpcCode, Status};
use usher_auth::Denied;
use usher_service::grpc::request_id;

/// The header of a refusal by a service that says more than the gRPC code.
const USHER_CODE: &str = "usher-code";

/// The closed set of `extensions.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// There is no token, or it is not valid.
    Unauthenticated,
    /// The token was good and has run out.
    TokenExpired,
    /// The caller may not do this.
    Forbidden,
    /// What was asked for is not there.
    NotFound,
    /// The request is wrong in a way that types do not say.
    BadUserInput,
    /// An impersonating session wanted to change something.
    ReadOnlySession,
    /// Too many requests.
    Throttled,
    /// A part of the system does not answer.
    Unavailable,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document does not fit the schema, or breaks a limit.
    ValidationFailed,
    /// There is no trusted document with this hash.
    DocumentUnknown,
    /// Only trusted documents are taken here, and this is none.
    DocumentUntrusted,
    /// We broke.
    Internal,
}

impl Code {
    /// The text in `extensions.code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::ReadOnlySession => "READ_ONLY_SESSION",
            Self::Throttled => "THROTTLED",
            Self::Unavailable => "UNAVAILABLE",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::DocumentUnknown => "PERSISTED_QUERY_NOT_FOUND",
            Self::DocumentUntrusted => "DOCUMENT_NOT_TRUSTED",
            Self::Internal => "INTERNAL_SERVER_ERROR",
        }
    }
}

/// An error on its way to the caller. Its message may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub code: Code,
    /// For people.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// Whether a new session is needed: there is none, or the token has run out.
    pub(crate) const fn is_signed_out(&self) -> bool {
        matches!(self.code, Code::Unauthenticated | Code::TokenExpired)
    }

    /// A fault of this kind.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The request is wrong in a way that types do not say.
    pub fn input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// We broke: `what` is logged under the request's id and not shown.
    pub fn internal(what: &str) -> Self {
        tracing::error!(request_id = request_id(), "{what}");
        Self::masked()
    }

    fn masked() -> Self {
        Self::new(Code::Internal, "internal error")
    }

    /// What a service's failure means to the caller.
    pub fn from_status(status: &Status) -> Self {
        match status.code() {
            GrpcCode::Unauthenticated => Self::new(Code::Unauthenticated, "sign in first"),
            GrpcCode::PermissionDenied => Self::denied(status),
            GrpcCode::NotFound => Self::new(Code::NotFound, "not found"),
            GrpcCode::InvalidArgument | GrpcCode::OutOfRange => Self::input(status.message().to_owned()),
            GrpcCode::ResourceExhausted => Self::new(Code::Throttled, "too many requests: wait a little"),
            // a deadline that ran out and a service on its way down look the same to the caller: try again
            GrpcCode::Unavailable | GrpcCode::DeadlineExceeded | GrpcCode::Cancelled => Self::new(
                Code::Unavailable,
                "a part of the service does not answer; try again",
            ),
            code => {
                tracing::error!(request_id = request_id(), %code, message = status.message(), "service failed");
                Self::masked()
            }
        }
    }

    fn denied(status: &Status) -> Self {
        let code = status
            .metadata()
            .get(USHER_CODE)
            .and_then(|value| value.to_str().ok());
        if code == Some(Code::ReadOnlySession.as_str()) {
            Denied::ReadOnlySession.into()
        } else {
            Denied::Forbidden.into()
        }
    }

    /// As the `extensions` of an error.
    pub fn extensions(&self) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.code.as_str());
        if self.code == Code::Internal {
            values.set("requestId", request_id());
        }
        values
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Unauthenticated => Code::Unauthenticated,
            Denied::Forbidden => Code::Forbidden,
            Denied::ReadOnlySession => Code::ReadOnlySession,
        };
        Self::new(code, denied.to_string())
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::from_status(&status)
    }
}

impl From<Fault> for async_graphql::Error {
    fn from(fault: Fault) -> Self {
        let extensions = Some(fault.extensions());
        Self {
            message: fault.message.into_owned(),
            source: None,
            extensions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_a_service_has_one_code() {
        let code = |grpc| Fault::from_status(&Status::new(grpc, "text")).code;
        assert_eq!(code(GrpcCode::Unauthenticated), Code::Unauthenticated);
        assert_eq!(code(GrpcCode::PermissionDenied), Code::Forbidden);
        assert_eq!(code(GrpcCode::NotFound), Code::NotFound);
        assert_eq!(code(GrpcCode::InvalidArgument), Code::BadUserInput);
        assert_eq!(code(GrpcCode::ResourceExhausted), Code::Throttled);
        assert_eq!(code(GrpcCode::Unavailable), Code::Unavailable);
        assert_eq!(code(GrpcCode::DeadlineExceeded), Code::Unavailable);
        assert_eq!(code(GrpcCode::Internal), Code::Internal);
        assert_eq!(code(GrpcCode::Unknown), Code::Internal);
    }

    #[test]
    fn i14_a_read_only_session_is_told_so() {
        let mut status = Status::permission_denied("no");
        let value = tonic::metadata::MetadataValue::from_static("READ_ONLY_SESSION");
        status.metadata_mut().insert(USHER_CODE, value);
        assert_eq!(Fault::from_status(&status).code, Code::ReadOnlySession);
    }

    #[test]
    fn the_text_of_an_internal_failure_is_not_shown() {
        let fault = Fault::from_status(&Status::internal("select * from secrets"));
        assert_eq!(fault.message, "internal error");
        assert!(fault.extensions().get("requestId").is_some());
    }
}
