//! Inputs about invitations.

use async_graphql::{ID, InputObject};
use bytes::Bytes;
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as wire;
use usher_proto::timestamp;
use usher_types::{AccountId, BatchId, ContactId};

use super::ContactSelection;
use crate::fault::Fault;
use crate::graphql::types::{InvitationAction, Moment, to_wire};
use crate::ids::Kind;

/// A bulk action.
#[derive(InputObject, Clone, Debug)]
pub struct InvitationsInput {
    /// Whom it is for.
    contacts: ContactSelection,
    /// Plain text put into the e-mail as it stands: nothing in it is a placeholder.
    message: Option<String>,
    /// For this sending only; the organization's template where left out. Placeholders such as `[FirstName]`, `[ContactName]`,
    /// `[OrganizationName]`, `[InvitedBy]` and `[ExpiresAt]` are filled in; an unknown one is refused with all that there are.
    subject: Option<String>,
    /// The text of the e-mail, for this sending only, with the same placeholders, `[Message]` and the link,
    /// `[CustomerPortalLink]`, which is obligatory.
    body: Option<String>,
    /// Refuse with CONFLICT if this is no longer the number that the preview showed.
    expect_eligible: Option<i32>,
    /// Later than now, within a year: the batch waits, survives restarts, and can be cancelled until then. Whom it reaches is
    /// decided when it starts.
    send_at: Option<Moment>,
    /// A member's own, kept 24 hours and looked at before anything else: the same key with the same input answers with
    /// the same batch and sends nothing twice; with another input it is a CONFLICT.
    idempotency_key: Option<String>,
}

impl InvitationsInput {
    /// As it travels.
    pub(crate) fn into_wire(self, action: InvitationAction) -> Result<wire::StartBatchRequest, Fault> {
        Ok(wire::StartBatchRequest {
            action: to_wire(action),
            selection: Some(self.contacts.into_wire()?),
            message: self.message,
            subject: self.subject,
            body: self.body,
            expect_eligible: self.expect_eligible.map(i64::from),
            idempotency_key: self.idempotency_key,
            send_at: self.send_at.map(|at| timestamp(at.0)),
        })
    }
}

/// A batch.
#[derive(InputObject, Clone, Debug)]
pub struct BatchInput {
    /// The batch.
    id: ID,
}

impl BatchInput {
    /// The id as it travels.
    pub(crate) fn wire(&self) -> Bytes {
        BatchId::wire(&self.id)
    }
}

/// A change of toggles on one link, or on every link of many accounts.
#[derive(InputObject, Clone, Debug)]
pub struct SetPortalTogglesInput {
    /// The accounts.
    account_ids: Vec<ID>,
    /// Only this contact's link; every contact of the accounts where left out.
    contact_id: Option<ID>,
    /// Not the links of these contacts.
    except_contact_ids: Option<Vec<ID>>,
    /// May sign in to the portal; unchanged where left out.
    login: Option<bool>,
    /// Gets notification e-mail; unchanged where left out.
    notify: Option<bool>,
    /// E-mail is filed under the account; unchanged where left out.
    email_sync: Option<bool>,
    /// Invite the contacts in the same step. Left out: no.
    pub(crate) send_invitations: Option<bool>,
    /// Plain text put into the invitations' e-mail.
    pub(crate) message: Option<String>,
}

impl SetPortalTogglesInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> contacts::SetTogglesRequest {
        contacts::SetTogglesRequest {
            account_ids: AccountId::wires(&self.account_ids),
            contact_id: self.contact_id.as_ref().map(ContactId::wire),
            except_contact_ids: ContactId::wires(&self.except_contact_ids.unwrap_or_default()),
            login: self.login,
            notify: self.notify,
            email_sync: self.email_sync,
        }
    }
}

/// The chosen password.
#[derive(InputObject, Clone)]
pub struct AcceptInvitationInput {
    /// The token in the link that was mailed.
    token: String,
    /// At least 15 characters, unless the organization asks for more.
    password: String,
}

impl AcceptInvitationInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::AcceptInvitationRequest {
        wire::AcceptInvitationRequest {
            token: self.token,
            password: self.password,
        }
    }

    /// As it travels where it is another password.
    pub(crate) fn into_reset(self) -> wire::ResetPasswordRequest {
        wire::ResetPasswordRequest {
            token: self.token,
            password: self.password,
        }
    }
}
