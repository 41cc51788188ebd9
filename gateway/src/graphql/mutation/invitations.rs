//! Inviting, and the firm's settings.

use async_graphql::{Context, Object, PathSegment, ServerError, SimpleObject};
use usher_auth::Operation;
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1 as contacts;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::invitations::v1 as wire;
use usher_proto::timestamp;

use crate::fault::Fault;
use crate::graphql::input::{BatchInput, InvitationsInput, SetPortalTogglesInput, UpdateOrganizationInput};
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::{
    Account, Family, InvitationAction, InvitationBatch, InvitationError, Organization, OrganizationError,
    to_wire,
};

/// The batch, or what stands in the way.
#[derive(SimpleObject, Debug)]
pub struct InvitationsPayload {
    /// The batch. Accepted at once; follow it with `invitationBatch`.
    batch: Option<InvitationBatch>,
    /// What the caller can mend.
    user_errors: Vec<InvitationError>,
}

impl InvitationsPayload {
    pub(super) fn new(reply: wire::BatchReply) -> Result<Self, Fault> {
        Ok(Self {
            batch: reply.batch.map(InvitationBatch),
            user_errors: InvitationError::all(reply.refusals)?,
        })
    }
}

/// The accounts as they are now, and the batch that invites.
#[derive(SimpleObject, Debug)]
pub struct SetPortalTogglesPayload {
    /// The accounts.
    accounts: Vec<Account>,
    /// The batch, where `sendInvitations` was asked for.
    batch: Option<InvitationBatch>,
    /// What the caller can mend.
    user_errors: Vec<InvitationError>,
}

/// The firm as it is now, or what stands in the way.
#[derive(SimpleObject, Debug)]
pub struct OrganizationPayload {
    /// The firm.
    organization: Option<Organization>,
    /// What the caller can mend.
    user_errors: Vec<OrganizationError>,
}

async fn start(
    ctx: &Context<'_>,
    input: InvitationsInput,
    action: InvitationAction,
) -> Result<InvitationsPayload, Fault> {
    let scope = Scope::permitted(ctx, Operation::StartBatch)?;
    let request = scope.ask(input.into_wire(action)?);
    InvitationsPayload::new(answer(
        scope.backends.invitations.clone().start_batch(request).await,
    )?)
}

/// What would refuse the invitations of a change to links, before anything is changed.
async fn check(
    scope: &Scope,
    change: &contacts::SetTogglesRequest,
    message: Option<String>,
) -> Result<Vec<Refusal>, Fault> {
    let request = scope.ask(wire::CheckInvitationRequest {
        account_ids: change.account_ids.clone(),
        contact_id: change.contact_id.clone(),
        except_contact_ids: change.except_contact_ids.clone(),
        message,
    });
    let mut invitations = scope.backends.invitations.clone();
    Ok(answer(invitations.check_invitation(request).await)?.refusals)
}

/// Whom the change was about, any number of them. Whoever is in already is told of what has just been switched on for them.
fn people(change: &contacts::SetTogglesRequest, reply: &contacts::SetTogglesReply, scope: &Scope) -> Of {
    let switched_on = reply.since.filter(|_| change.login == Some(true));
    let only = match reply.contacts.as_slice() {
        [only] => Some(only.contact_id.clone()),
        _ => change.contact_id.clone(),
    };
    Of::Linked(contacts::LinkedContacts {
        account_ids: change.account_ids.clone(),
        contact_id: only,
        except_contact_ids: change.except_contact_ids.clone(),
        since: Some(switched_on.unwrap_or_else(|| timestamp(scope.now))),
    })
}

/// Invites people.
async fn invite(scope: &Scope, people: Of, message: Option<String>) -> Result<wire::BatchReply, Fault> {
    let request = scope.ask(wire::StartBatchRequest {
        action: to_wire(InvitationAction::Send),
        selection: Some(contacts::ContactSelection { of: Some(people) }),
        message,
        ..wire::StartBatchRequest::default()
    });
    answer(scope.backends.invitations.clone().start_batch(request).await)
}

/// A fault that leaves the rest of the answer as it is.
fn at_batch(ctx: &Context<'_>, fault: Fault) -> ServerError {
    let mut error = async_graphql::Error::from(fault).into_server_error(ctx.item.pos);
    let mutation = ctx.item.node.response_key().node.to_string();
    error.path = [mutation, "batch".to_owned()].map(PathSegment::Field).into();
    error
}

#[derive(Debug, Default)]
pub(super) struct InvitationMutations;

#[Object]
impl InvitationMutations {
    /// Changes the firm's settings. A field left out stays, null goes back to the default. Needs `settings.write`.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateOrganizationInput,
    ) -> Result<OrganizationPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::UpdateOrganization)?;
        let request = scope.ask(input.into_wire());
        let reply = answer(
            scope
                .backends
                .invitations
                .clone()
                .update_organization(request)
                .await,
        )?;
        Ok(OrganizationPayload {
            organization: reply.organization.map(Organization),
            user_errors: OrganizationError::all(reply.refusals)?,
        })
    }

    /// Change toggles on one link, or on every link of many accounts, and invite in the same step. With `sendInvitations` whoever
    /// waits is invited, and whoever has a password already is told of the accounts for which `login` has just been switched on,
    /// by a mail without a password step; see `portalTogglesPreview` first. Needs `contacts.write`; with `sendInvitations` also
    /// `portal.invite`, and `email.bulk` for more than one contact.
    async fn set_portal_toggles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which links, and what they shall be.")] mut input: SetPortalTogglesInput,
    ) -> Result<SetPortalTogglesPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::SetToggles)?;
        let send = input.send_invitations.unwrap_or_default();
        if send {
            // refused before anything is changed
            Scope::permitted(ctx, Operation::StartBatch)?;
        }
        let message = input.message.take();
        let change = input.into_wire();
        if send {
            let refusals = check(scope, &change, message.clone()).await?;
            if !refusals.is_empty() {
                return Ok(SetPortalTogglesPayload {
                    accounts: Vec::new(),
                    batch: None,
                    user_errors: InvitationError::all(refusals)?,
                });
            }
        }
        let request = scope.ask(change.clone());
        let mut reply = answer(scope.backends.contacts.clone().set_toggles(request).await)?;
        let mut batch = None;
        if send && reply.refusals.is_empty() && !reply.contacts.is_empty() {
            match invite(scope, people(&change, &reply, scope), message).await {
                Ok(started) => {
                    reply.refusals = started.refusals;
                    batch = started.batch.map(InvitationBatch);
                }
                // the toggles are set, and the answer shows them
                Err(fault) => ctx.add_error(at_batch(ctx, fault)),
            }
        }
        let accounts = reply.accounts.into_iter().map(|row| Account::new(row, scope));
        Ok(SetPortalTogglesPayload {
            accounts: accounts.collect(),
            batch,
            user_errors: InvitationError::all(reply.refusals)?,
        })
    }

    /// Invites contacts who wait. Needs `portal.invite`, and `email.bulk` for more than one contact.
    async fn send_invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom, and with which words.")] input: InvitationsInput,
    ) -> Result<InvitationsPayload, Fault> {
        start(ctx, input, InvitationAction::Send).await
    }

    /// Sends a new link, with a full new life; the old one dies. Needs `portal.invite`, and `email.bulk` for more than
    /// one contact.
    async fn resend_invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom, and with which words.")] input: InvitationsInput,
    ) -> Result<InvitationsPayload, Fault> {
        start(ctx, input, InvitationAction::Resend).await
    }

    /// Ends invitations; their links die. Needs `portal.invite`, and `email.bulk` for more than one contact.
    async fn cancel_invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] input: InvitationsInput,
    ) -> Result<InvitationsPayload, Fault> {
        start(ctx, input, InvitationAction::Cancel).await
    }

    /// Takes back what is not sent yet. A batch that is done answers CONFLICT. Needs `portal.invite`.
    async fn cancel_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The batch.")] input: BatchInput,
    ) -> Result<InvitationsPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::CancelBatch)?;
        let request = scope.ask(wire::CancelBatchRequest { id: input.wire() });
        InvitationsPayload::new(answer(
            scope.backends.invitations.clone().cancel_batch(request).await,
        )?)
    }
}
