//! The queries.

use async_graphql::{Context, ID, MergedObject, Object};
use futures::future::join_all;
use usher_auth::{Operation, Principal, Subject, authorize};
use usher_proto::contacts::v1 as contacts;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::invitations::v1 as invitations;
use usher_proto::timestamp;
use usher_types::{AccountId, BatchId, ContactId, OrganizationId, SegmentId};

use super::input::{AccountFilter, ContactFilter, ContactOrder, ContactSelection};
use super::query_operations::OperationsQueries;
use super::query_people::PeopleQueries;
use super::scope::{Scope, answer, item_or_null};
use super::types::{
    AccessExplanation, Account, AccountConnection, Contact, ContactConnection, InvitationAction,
    InvitationBatch, InvitationBatchConnection, InvitationFunnel, InvitationLanding, InvitationPreview,
    Moment, Node, Organization, PortalUser, Segment, SegmentConnection, Viewer, Window, Words, to_wire,
};
use crate::fault::Fault;
use crate::ids::{Kind, NodeId};

/// The most ids that `nodes` takes.
const MOST_NODES: usize = 100;

/// Questions.
#[derive(MergedObject, Debug, Default)]
pub struct Query(Questions, PeopleQueries, OperationsQueries);

#[derive(Debug, Default)]
struct Questions;

/// Members need `contacts.read` for people and accounts; contacts see their own (I22), which the service decides.
fn may_look<'a>(ctx: &Context<'a>, operation: Operation) -> Result<&'a Scope, Fault> {
    let scope = Scope::permitted(ctx, operation)?;
    if scope.principal().and_then(Principal::member).is_some() {
        authorize(scope.principal(), Operation::ListContacts)?;
    }
    Ok(scope)
}

/// What an id points at, if the caller may see it.
async fn node(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>, Fault> {
    let scope = Scope::permitted(ctx, Operation::GetContacts)?;
    match NodeId::decode(&id.0) {
        Some(NodeId::Contact(id)) => {
            let found = may_look(ctx, Operation::GetContacts)?.contact(id).await?;
            Ok(found.map(|found| Node::Contact(Box::new(found))))
        }
        Some(NodeId::Account(id)) => {
            let found = may_look(ctx, Operation::GetAccounts)?.account(id).await?;
            Ok(found.map(|found| Node::Account(Box::new(found))))
        }
        Some(NodeId::Link(id)) => {
            let found = may_look(ctx, Operation::GetLinks)?.link(id).await?;
            Ok(found.map(|found| Node::AccountContact(Box::new(found))))
        }
        Some(NodeId::Segment(id)) => {
            let found = Scope::permitted(ctx, Operation::ReadSegments)?
                .segment(id)
                .await?;
            Ok(found.map(|found| Node::Segment(Box::new(found))))
        }
        Some(NodeId::Batch(id)) => {
            let found = Scope::permitted(ctx, Operation::ReadBatches)?.batch(id).await?;
            Ok(found.map(|found| Node::InvitationBatch(Box::new(found))))
        }
        Some(NodeId::Member(id)) => {
            let found = Scope::permitted(ctx, Operation::GetMembers)?.member(id).await?;
            let found = found.filter(|found| !found.0.service_account);
            Ok(found.map(|found| Node::Member(Box::new(found))))
        }
        Some(NodeId::ServiceAccount(id)) => {
            let scope = Scope::permitted(ctx, Operation::GetServiceAccounts)?;
            let found = scope.service_account(id).await?;
            Ok(found.map(|found| Node::ServiceAccount(Box::new(found))))
        }
        Some(NodeId::Organization(id)) => own_organization(scope, id).await,
        Some(NodeId::PortalUser(id)) => {
            let own = scope.portal_contact() == Some(id);
            Ok(own.then_some(Node::PortalUser(PortalUser(id))))
        }
        // a line of the log is read through its contact, the others through their lists
        Some(NodeId::Activity(_) | NodeId::Session(_) | NodeId::DeadLetter(..)) | None => Ok(None),
    }
}

async fn own_organization(scope: &Scope, id: OrganizationId) -> Result<Option<Node>, Fault> {
    let own = scope.principal().and_then(|principal| principal.organization);
    if own != Some(id) {
        return Ok(None);
    }
    let found = scope.organization().await?;
    Ok(found.map(|found| Node::Organization(Box::new(found))))
}

/// What an action would do to a selection.
async fn preview(
    ctx: &Context<'_>,
    selection: contacts::ContactSelection,
    action: InvitationAction,
    words: Words,
) -> Result<Option<InvitationPreview>, Fault> {
    let scope = Scope::permitted(ctx, Operation::PreviewSelection)?;
    let action = to_wire(action);
    let request = scope.ask(contacts::PreviewSelectionRequest {
        selection: Some(selection.clone()),
        action: action.clone(),
    });
    let mut reply = answer(scope.backends.contacts.clone().preview_selection(request).await)?;
    if let Some(refusal) = reply.refusals.pop() {
        return Err(Fault::input(refusal.message));
    }
    // of a segment the preview shows whom its filter leaves out, whatever becomes of the segment
    let selection = reply.resolved.take().unwrap_or(selection);
    Ok(Some(InvitationPreview::new(reply, selection, action, words)))
}

/// Questions.
#[Object]
impl Questions {
    /// Who is asking; null without a token. Public.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>, Fault> {
        let scope = Scope::of(ctx)?;
        match scope.principal().map(|principal| principal.subject) {
            Some(Subject::Member(id)) => {
                let member = scope.member(id).await?;
                Ok(member.map(|member| Viewer::Member(Box::new(member))))
            }
            Some(Subject::ServiceAccount(id)) => {
                let account = scope.service_account(id.uuid().into()).await?;
                Ok(account.map(|account| Viewer::ServiceAccount(Box::new(account))))
            }
            Some(Subject::Contact(id)) => Ok(Some(Viewer::PortalUser(PortalUser(id)))),
            Some(Subject::Service(_)) | None => Ok(None),
        }
    }

    /// The caller's own. Needs a session.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>, Fault> {
        Scope::permitted(ctx, Operation::GetOrganization)?
            .organization()
            .await
    }

    /// Whatever has this id; null where it is unknown, malformed or not the caller's to see. Needs a session, and what
    /// the operation for that type needs.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id.")] id: ID,
    ) -> Result<Option<Node>, Fault> {
        node(ctx, &id).await
    }

    /// As `node`, for at most 100 ids, in their order; null, with an error at its place, for one that cannot be had. Needs a session, and what
    /// the operation for each type needs.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ids.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, Fault> {
        if ids.len() > MOST_NODES {
            return Err(Fault::input(format!("at most {MOST_NODES} ids at once")));
        }
        // one refusal for the field, and not one for each id
        Scope::permitted(ctx, Operation::GetContacts)?;
        let found = join_all(ids.iter().map(|id| node(ctx, id))).await.into_iter();
        let nodes = found.enumerate();
        Ok(nodes
            .map(|(place, found)| item_or_null(ctx, place, found).flatten())
            .collect())
    }

    /// A contact. Needs `contacts.read`; a portal session sees its own, and the names of those on its accounts.
    async fn contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] id: ID,
    ) -> Result<Option<Contact>, Fault> {
        let scope = may_look(ctx, Operation::GetContacts)?;
        match ContactId::read(&id) {
            Some(id) => scope.contact(id).await,
            None => Ok(None),
        }
    }

    /// Contacts, by last name unless ordered otherwise. Needs `contacts.read`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the field are those of the contract"
    )]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<ContactFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ContactOrder>,
    ) -> Result<Option<ContactConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListContacts)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(contacts::ListContactsRequest {
            page: Some(window.request(ctx)?),
            filter: filter.map(ContactFilter::into_wire).transpose()?,
            order: order_by.map(ContactOrder::into_wire),
        });
        let reply = answer(scope.backends.contacts.clone().list_contacts(request).await)?;
        let nodes = reply.contacts.into_iter().map(|row| Contact::new(row, scope));
        Ok(Some(ContactConnection::new(nodes.collect(), reply.page)))
    }

    /// An account. Needs `contacts.read`; a portal session sees those it has login on.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] id: ID,
    ) -> Result<Option<Account>, Fault> {
        let scope = may_look(ctx, Operation::GetAccounts)?;
        match AccountId::read(&id) {
            Some(id) => scope.account(id).await,
            None => Ok(None),
        }
    }

    /// Accounts by name. Needs `contacts.read`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the field are those of the contract"
    )]
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<AccountFilter>,
    ) -> Result<Option<AccountConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListAccounts)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(contacts::ListAccountsRequest {
            page: Some(window.request(ctx)?),
            ..filter.unwrap_or_default().into_wire()
        });
        let reply = answer(scope.backends.contacts.clone().list_accounts(request).await)?;
        let nodes = reply.accounts.into_iter().map(|row| Account::new(row, scope));
        Ok(Some(AccountConnection::new(nodes.collect(), reply.page)))
    }

    /// Whom a bulk action would reach and why not the others, and the mail as the first one would get it. Needs
    /// `portal.invite`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the arguments of the field are those of the contract"
    )]
    async fn invitation_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom it is for.")] contacts: ContactSelection,
        #[graphql(desc = "What would be done.", default_with = "InvitationAction::Send")]
        action: InvitationAction,
        #[graphql(desc = "The subject for this sending; the organization's template where left out.")]
        subject: Option<String>,
        #[graphql(desc = "The text for this sending; the organization's template where left out.")]
        body: Option<String>,
        #[graphql(desc = "Plain text put into the e-mail.")] message: Option<String>,
    ) -> Result<Option<InvitationPreview>, Fault> {
        let words = Words {
            subject,
            body,
            message,
        };
        preview(ctx, contacts.into_wire()?, action, words).await
    }

    /// Whom `setPortalToggles` with `login: true` and `sendInvitations: true` would reach: who would be invited and, among those who
    /// have a password already, who would be told of a further account. `eligibleContacts` lists each of them; leave out whom you
    /// like with `exceptContactIds`. Needs `portal.invite`.
    async fn portal_toggles_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The accounts.")] account_ids: Vec<ID>,
        #[graphql(desc = "Only this contact's link; every contact of the accounts where left out.")]
        contact_id: Option<ID>,
        #[graphql(desc = "Not the links of these contacts.")] except_contact_ids: Option<Vec<ID>>,
        #[graphql(desc = "Plain text put into the e-mail.")] message: Option<String>,
    ) -> Result<Option<InvitationPreview>, Fault> {
        let linked = contacts::LinkedContacts {
            account_ids: AccountId::wires(&account_ids),
            contact_id: contact_id.as_ref().map(ContactId::wire),
            except_contact_ids: ContactId::wires(&except_contact_ids.unwrap_or_default()),
            since: None,
        };
        let selection = contacts::ContactSelection {
            of: Some(Of::Linked(linked)),
        };
        let words = Words {
            message,
            ..Words::default()
        };
        preview(ctx, selection, InvitationAction::Send, words).await
    }

    /// A segment. Needs `contacts.read`.
    async fn segment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The segment.")] id: ID,
    ) -> Result<Option<Segment>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ReadSegments)?;
        match SegmentId::read(&id) {
            Some(id) => scope.segment(id).await,
            None => Ok(None),
        }
    }

    /// Segments by name. Needs `contacts.read`.
    async fn segments(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
    ) -> Result<Option<SegmentConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ReadSegments)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(contacts::ListSegmentsRequest {
            page: Some(window.request(ctx)?),
        });
        let reply = answer(scope.backends.segments.clone().list_segments(request).await)?;
        let nodes = reply.segments.into_iter().map(Segment).collect();
        Ok(Some(SegmentConnection::new(nodes, reply.page)))
    }

    /// A batch. Needs `contacts.read`.
    async fn invitation_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The batch.")] id: ID,
    ) -> Result<Option<InvitationBatch>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ReadBatches)?;
        match BatchId::read(&id) {
            Some(id) => scope.batch(id).await,
            None => Ok(None),
        }
    }

    /// Newest first. Needs `contacts.read`.
    async fn invitation_batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
    ) -> Result<Option<InvitationBatchConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ReadBatches)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(invitations::ListBatchesRequest {
            page: Some(window.request(ctx)?),
        });
        let reply = answer(scope.backends.invitations.clone().list_batches(request).await)?;
        let nodes = reply.batches.into_iter().map(InvitationBatch).collect();
        Ok(Some(InvitationBatchConnection::new(nodes, reply.page)))
    }

    /// Why a contact can or cannot get in; null for one that is not there. Needs `contacts.read`.
    async fn explain_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] contact_id: ID,
    ) -> Result<Option<AccessExplanation>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ExplainAccess)?;
        let request = scope.ask(invitations::ExplainAccessRequest {
            contact_id: ContactId::wire(&contact_id),
        });
        let reply = answer(scope.backends.insight.clone().explain_access(request).await)?;
        Ok(reply.explanation.map(AccessExplanation))
    }

    /// How far the invitations of a batch came, or those that were sent in a time of at most two years: the last twelve weeks where
    /// nothing is given. Null for a batch that is not there. Needs `contacts.read`.
    async fn invitation_funnel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only the invitations of this batch.")] batch_id: Option<ID>,
        #[graphql(desc = "Sent from then on. Of a batch: its beginning where left out.")] from: Option<
            Moment,
        >,
        #[graphql(desc = "Sent before then. Now where left out.")] to: Option<Moment>,
    ) -> Result<Option<InvitationFunnel>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ReadFunnel)?;
        let request = scope.ask(invitations::GetFunnelRequest {
            batch_id: batch_id.as_ref().map(BatchId::wire),
            from: from.map(|at| timestamp(at.0)),
            to: to.map(|at| timestamp(at.0)),
        });
        let reply = answer(scope.backends.insight.clone().get_funnel(request).await)?;
        InvitationFunnel::new(reply)
    }

    /// Public: needs the link's token and nothing else. Reading it uses nothing up.
    async fn invitation_landing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token in the invitation's link.")] token: String,
    ) -> Result<InvitationLanding, Fault> {
        let scope = Scope::of(ctx)?;
        let request = scope.ask(invitations::LinkRequest { token });
        let reply = answer(scope.backends.invitations.clone().get_landing(request).await)?;
        InvitationLanding::new(reply)
    }
}
