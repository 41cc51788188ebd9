//! What every use case works with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use tokio::sync::{Notify, watch};
use tonic::Status;
use usher_auth::{Keyring, Principal, Service, Subject};
use usher_database::{Database, Scope, SystemReason, Transaction};
use usher_proto::contacts::v1::contacts_client::ContactsClient;
use usher_proto::notifications::v1::notifications_client::NotificationsClient;
use usher_service::PeerChannel;
use usher_service::grpc::{Bearer, ServiceCaller};
use usher_types::{BatchId, OrganizationId, SharedClock, SharedTokens};

use super::ahead::Ahead;
use super::finish::Ending;
use super::hasher::Hasher;
use super::keys::Signer;
use super::{BatchView, Meters};
use crate::domain::organization::Organization;
use crate::providers::Providers;
use crate::storage::activity::Actor;
use crate::storage::{member, organization};

/// The name under which this service speaks.
pub(crate) const SOURCE: &str = "invitations";

/// Everything; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

/// What [`App`] points at.
pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) clock: SharedClock,
    pub(crate) tokens: SharedTokens,
    pub(crate) seal_keys: Keyring,
    pub(crate) signer: Signer,
    pub(crate) hasher: Hasher,
    pub(crate) contacts: PeerChannel,
    pub(crate) notifications: PeerChannel,
    pub(crate) caller: ServiceCaller,
    /// Where members of some organizations sign in.
    pub(crate) providers: Providers,
    /// What is measured.
    pub(crate) meters: Meters,
    /// Woken when a batch has something to do.
    pub(crate) batches: Notify,
    /// Chunks that are fetched before their turn.
    pub(crate) ahead: Ahead,
    /// Batches that may have come to their end.
    pub(crate) ending: Ending,
    /// One reader a watched batch, shared by all who watch it.
    pub(crate) watched: Mutex<HashMap<BatchId, watch::Receiver<Option<BatchView>>>>,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A write in an organization.
    pub(crate) async fn write(&self, organization: OrganizationId) -> Result<Transaction, DbErr> {
        self.database.write(Scope::Organization(organization)).await
    }

    /// A read in an organization.
    pub(crate) async fn read(&self, organization: OrganizationId) -> Result<Transaction, DbErr> {
        self.database.read(Scope::Organization(organization)).await
    }

    /// A read before the organization is known.
    pub(crate) async fn read_any(&self) -> Result<Transaction, DbErr> {
        self.database
            .read(Scope::System(SystemReason::Authenticate))
            .await
    }

    /// Readers of batches that are watched.
    pub(crate) fn watched(
        &self,
    ) -> std::sync::MutexGuard<'_, HashMap<BatchId, watch::Receiver<Option<BatchView>>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn contacts(&self) -> ContactsClient<PeerChannel> {
        ContactsClient::new(self.contacts.clone())
            .max_decoding_message_size(usher_service::transport::MAX_MESSAGE_BYTES)
    }

    pub(crate) fn notifications(&self) -> NotificationsClient<PeerChannel> {
        NotificationsClient::new(self.notifications.clone())
    }

    /// Background work's own token.
    pub(crate) fn bearer(&self, callee: Service, organization: OrganizationId) -> Result<Bearer, Status> {
        self.caller.bearer(callee, Some(organization))
    }
}

/// The organization, which every principal's token names.
pub(crate) async fn organization_of(
    tx: &Transaction,
    id: OrganizationId,
) -> Result<Organization, super::Failure> {
    organization::find(tx, id)
        .await?
        .ok_or_else(|| super::Failure::broken("the organization of a token is not there"))
}

/// Who acts, for the activity log and `invitedBy`.
pub(crate) async fn actor_of(
    tx: &Transaction,
    organization: OrganizationId,
    principal: &Principal,
) -> Result<Actor, DbErr> {
    match principal.subject {
        Subject::Member(id) | Subject::ServiceAccount(id) => {
            let member = member::find(tx, organization, id).await?;
            Ok(Actor {
                kind: Actor::kind_of_member(principal.is_service_account()),
                id: Some(id.uuid()),
                name: member.map(|member| member.display_name).unwrap_or_default(),
            })
        }
        Subject::Contact(id) => Ok(Actor {
            kind: "contact",
            id: Some(id.uuid()),
            name: String::new(),
        }),
        Subject::Service(service) => Ok(Actor {
            kind: "service",
            id: None,
            name: service.as_str().to_owned(),
        }),
    }
}
