//! What one request knows: who asks, how the services are reached, and the loaders.

use std::sync::Arc;

use async_graphql::{Context, PathSegment};
use chrono::{DateTime, Utc};
use tonic::{Request, Response, Status};
use usher_auth::{Operation, Principal, authorize};
use usher_proto::contacts::v1::contacts_client::ContactsClient;
use usher_proto::contacts::v1::segments_client::SegmentsClient;
use usher_proto::invitations::v1::batches_client::BatchesClient;
use usher_proto::invitations::v1::insight_client::InsightClient;
use usher_proto::invitations::v1::invitations_client::InvitationsClient;
use usher_proto::invitations::v1::members_client::MembersClient;
use usher_proto::invitations::v1::recovery_client::RecoveryClient;
use usher_proto::invitations::v1::service_accounts_client::ServiceAccountsClient;
use usher_proto::invitations::v1::sessions_client::SessionsClient;
use usher_proto::notifications::v1::notifications_client::NotificationsClient;
use usher_proto::operations::v1::dead_letters_client::DeadLettersClient;
use usher_service::PeerChannel;
use usher_service::grpc::Bearer;
use usher_service::transport::MAX_MESSAGE_BYTES;
use usher_types::ContactId;

use super::loaders::Loaders;
use super::types::Component;
use crate::fault::Fault;

/// The services behind the gateway. Made once; clones share the connections.
#[derive(Clone, Debug)]
pub struct Backends {
    /// Contacts, accounts, links.
    pub contacts: ContactsClient<PeerChannel>,
    /// Named filters over contacts.
    pub segments: SegmentsClient<PeerChannel>,
    /// Organizations, invitations, batches.
    pub invitations: InvitationsClient<PeerChannel>,
    /// Batches under way.
    pub batches: BatchesClient<PeerChannel>,
    /// Why people get in or not.
    pub insight: InsightClient<PeerChannel>,
    /// The people of the firm.
    pub members: MembersClient<PeerChannel>,
    /// Programs of others.
    pub service_accounts: ServiceAccountsClient<PeerChannel>,
    /// Signing in and out.
    pub sessions: SessionsClient<PeerChannel>,
    /// Ways back in.
    pub recovery: RecoveryClient<PeerChannel>,
    /// Previews of mail.
    pub notifications: NotificationsClient<PeerChannel>,
    /// What each service could not handle, in the order of [`Component::ALL`].
    dead_letters: [DeadLettersClient<PeerChannel>; 3],
    /// Where people reach us, without a slash at its end.
    pub public_url: String,
}

impl Backends {
    /// Clients over the channels of the three services.
    pub fn new(
        contacts: PeerChannel,
        invitations: PeerChannel,
        notifications: PeerChannel,
        public_url: String,
    ) -> Self {
        let all = [contacts.clone(), invitations.clone(), notifications.clone()];
        Self {
            dead_letters: all.map(DeadLettersClient::new),
            segments: SegmentsClient::new(contacts.clone()),
            contacts: ContactsClient::new(contacts).max_decoding_message_size(MAX_MESSAGE_BYTES),
            invitations: InvitationsClient::new(invitations.clone())
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            batches: BatchesClient::new(invitations.clone()),
            recovery: RecoveryClient::new(invitations.clone()),
            insight: InsightClient::new(invitations.clone()),
            members: MembersClient::new(invitations.clone()),
            service_accounts: ServiceAccountsClient::new(invitations.clone()),
            sessions: SessionsClient::new(invitations),
            notifications: NotificationsClient::new(notifications),
            public_url,
        }
    }

    /// What this service could not handle.
    pub(crate) fn dead_letters(&self, of: Component) -> DeadLettersClient<PeerChannel> {
        let [contacts, invitations, notifications] = &self.dead_letters;
        match of {
            Component::Contacts => contacts.clone(),
            Component::Invitations => invitations.clone(),
            Component::Notifications => notifications.clone(),
        }
    }
}

/// A verified caller: the token as it travels on, and what it says.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token.
    pub bearer: Bearer,
    /// Who.
    pub principal: Arc<Principal>,
}

/// What one request knows.
#[derive(Debug)]
pub struct Scope {
    /// The services.
    pub backends: Arc<Backends>,
    /// Who asks; nobody where no token came along.
    pub caller: Option<Caller>,
    /// The address that the request came from, for the waits by source.
    pub source: String,
    /// The browser and system, as far as they tell.
    pub device: Option<String>,
    /// When it came.
    pub now: DateTime<Utc>,
    pub(crate) loaders: Loaders,
}

/// How much of a contact the caller sees (I22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// A member: everything.
    Everything,
    /// A contact, of themself.
    Own,
    /// A contact, of somebody on an account of theirs: the name.
    Name,
}

impl Scope {
    /// A scope without anything loaded.
    pub fn new(backends: Arc<Backends>, caller: Option<Caller>, source: String, now: DateTime<Utc>) -> Self {
        Self {
            backends,
            caller,
            source,
            device: None,
            now,
            loaders: Loaders::default(),
        }
    }

    /// The same, with what the client says of itself.
    #[must_use]
    pub fn on_device(mut self, device: Option<String>) -> Self {
        self.device = device;
        self
    }

    /// The scope that the request was started with.
    pub(crate) fn of<'a>(ctx: &Context<'a>) -> Result<&'a Self, Fault> {
        ctx.data_opt::<Self>()
            .ok_or_else(|| Fault::internal("a request was started without its scope"))
    }

    /// The scope, once the caller may do this. The service asks again; this only refuses earlier.
    pub(crate) fn permitted<'a>(ctx: &Context<'a>, operation: Operation) -> Result<&'a Self, Fault> {
        let scope = Self::of(ctx)?;
        authorize(scope.principal(), operation)?;
        Ok(scope)
    }

    /// Who asks.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.caller.as_ref().map(|caller| caller.principal.as_ref())
    }

    /// The contact who asks, in a portal session.
    pub(crate) fn portal_contact(&self) -> Option<ContactId> {
        self.principal().and_then(Principal::contact)
    }

    /// How much of this contact the caller sees.
    pub(crate) fn sight_of(&self, contact: &[u8]) -> Sight {
        match self.portal_contact() {
            None => Sight::Everything,
            Some(own) if own.uuid().as_bytes() == contact => Sight::Own,
            Some(_) => Sight::Name,
        }
    }

    /// A request to a service with the caller's token.
    pub(crate) fn ask<T>(&self, message: T) -> Request<T> {
        match &self.caller {
            Some(caller) => caller.bearer.on(message),
            None => Request::new(message),
        }
    }
}

/// An item of a list that has nulls: one that failed is null in its place, and costs the rest of the answer nothing.
pub(crate) fn item_or_null<T>(ctx: &Context<'_>, place: usize, item: Result<T, Fault>) -> Option<T> {
    let fault = match item {
        Ok(item) => return Some(item),
        Err(fault) => fault,
    };
    let error = async_graphql::Error::from(fault).into_server_error(ctx.item.pos);
    let mut error = ctx.set_error_path(error);
    error.path.push(PathSegment::Index(place));
    ctx.add_error(error);
    None
}

/// The message of a service's answer.
pub(crate) fn answer<T>(answered: Result<Response<T>, Status>) -> Result<T, Fault> {
    Ok(answered?.into_inner())
}
