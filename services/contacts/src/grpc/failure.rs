//! How a use case's end travels.

use tonic::Status;
use usher_database::{is_conflict, is_unavailable};
use usher_proto::{bytes_of, common::v1 as pb};
use usher_service::grpc;

use crate::app::Failure;
use crate::domain::refusal::{Code, Refusal};

/// Refusals of an expected kind, or the status that ends the call.
pub(super) fn refused<C: Code + std::fmt::Debug + 'static>(
    failure: Failure<C>,
) -> Result<Vec<pb::Refusal>, Status> {
    match failure {
        Failure::Refused(refusals) => Ok(refusals.into_iter().map(refusal).collect()),
        other => Err(status(other)),
    }
}

/// For operations that refuse nothing by itself.
pub(super) fn status<C: Code + std::fmt::Debug + 'static>(failure: Failure<C>) -> Status {
    match failure {
        // A read never refuses; were it to, the caller still learns what to mend.
        Failure::Refused(refusals) => {
            let messages: Vec<String> = refusals.into_iter().map(|refusal| refusal.message).collect();
            grpc::invalid(messages.join(" "))
        }
        Failure::Denied(denied) => grpc::denied(denied),
        Failure::Invalid(reason) => grpc::invalid(reason),
        // Others were in the way until the last try; it may go better in a moment.
        Failure::Overtaken => grpc::unavailable(&Failure::<C>::Overtaken),
        Failure::Database(error) if is_unavailable(&error) || is_conflict(&error) => {
            grpc::unavailable(&error)
        }
        Failure::Database(error) => grpc::internal(&error),
    }
}

fn refusal<C: Code>(refusal: Refusal<C>) -> pb::Refusal {
    pb::Refusal {
        code: refusal.code.as_str().to_owned(),
        field: refusal.field,
        message: refusal.message,
        contact_id: refusal.contact.map(bytes_of),
        retry_after: None,
    }
}
