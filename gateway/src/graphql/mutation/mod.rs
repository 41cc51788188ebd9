//! The mutations, by the service that answers them. Every one takes one `input` and answers a payload; what the caller
//! can mend comes back in `userErrors`.

mod batches;
mod contacts;
mod invitations;
mod members;
mod operations;
mod recovery;
mod segments;
mod service_accounts;
mod sessions;

use async_graphql::MergedObject;

use batches::BatchMutations;
use contacts::ContactMutations;
use invitations::InvitationMutations;
use members::MemberMutations;
use operations::OperationsMutations;
use recovery::RecoveryMutations;
use segments::SegmentMutations;
use service_accounts::ServiceAccountMutations;
use sessions::SessionMutations;

/// Changes.
#[derive(MergedObject, Debug)]
pub struct Mutation(
    SessionMutations,
    RecoveryMutations,
    ContactMutations,
    SegmentMutations,
    InvitationMutations,
    BatchMutations,
    MemberMutations,
    ServiceAccountMutations,
    OperationsMutations,
);

impl Mutation {
    pub(crate) fn new() -> Self {
        Self(
            SessionMutations,
            RecoveryMutations,
            ContactMutations,
            SegmentMutations,
            InvitationMutations,
            BatchMutations,
            MemberMutations,
            ServiceAccountMutations,
            OperationsMutations,
        )
    }
}
