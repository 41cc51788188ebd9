//! Inputs about ways back in.

use async_graphql::{ID, InputObject};
use usher_proto::invitations::v1 as wire;
use usher_types::ContactId;

use crate::ids::Kind;

/// An address whose password was forgotten.
#[derive(InputObject, Clone)]
pub struct RequestPasswordResetInput {
    /// The address.
    email: String,
    /// The organization's slug; needed only where the deployment serves more than one.
    organization: Option<String>,
}

impl RequestPasswordResetInput {
    /// As it travels, with the address that the request came from.
    pub(crate) fn into_wire(self, source: &str) -> wire::RequestPasswordResetRequest {
        wire::RequestPasswordResetRequest {
            email: self.email,
            organization: self.organization,
            source: source.to_owned(),
        }
    }
}

/// A contact.
#[derive(InputObject, Clone, Debug)]
pub struct ContactIdInput {
    /// The contact.
    contact_id: ID,
}

impl ContactIdInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::SendPasswordResetRequest {
        wire::SendPasswordResetRequest {
            contact_id: ContactId::wire(&self.contact_id),
        }
    }
}
