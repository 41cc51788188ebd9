//! Failures on their way out of a service. Texts of libraries stay in the log; the caller gets the request's id.

use tonic::Status;

use super::request_id;
use crate::error::chain;

/// We broke: logs the error with its sources and answers INTERNAL without them.
pub fn internal(error: &(dyn std::error::Error + 'static)) -> Status {
    let request_id = request_id();
    tracing::error!(%request_id, error = chain(error), "internal error");
    Status::internal(format!("internal error, request {request_id}"))
}

/// A part that we need is away: logs the error and answers UNAVAILABLE without its text.
pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Status {
    let request_id = request_id();
    tracing::warn!(%request_id, error = chain(error), "temporarily unavailable");
    Status::unavailable("temporarily unavailable")
}

/// The caller sent something that our own gateway would not send; it becomes BAD_USER_INPUT. `what` is shown.
pub fn invalid(what: impl Into<String>) -> Status {
    Status::invalid_argument(what)
}
