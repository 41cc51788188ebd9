//! Contacts and notifications, played from lists.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tonic::{Request, Response, Status};
use usher_events::ContactFacts;
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1 as contacts;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::contacts_server::{Contacts, ContactsServer};
use usher_proto::notifications::v1 as notifications;
use usher_proto::notifications::v1::notifications_server::{Notifications, NotificationsServer};
use usher_proto::{bytes_of, datetime, id_from, timestamp};
use usher_service::grpc::Server;
use usher_service::transport::memory;
use usher_service::{Lifecycle, PeerAddress};
use usher_types::{AccountId, ContactId};

/// Contacts that walk by in the order of their ids.
#[derive(Clone, Default)]
pub struct FakeContacts(Arc<Mutex<Known>>, Arc<Notify>);

#[derive(Default)]
struct Known {
    people: BTreeMap<ContactId, ContactFacts>,
    /// Walks that still succeed; none: all.
    walks: Option<u32>,
    /// Walks that are still answered at all; none: all.
    answered: Option<u32>,
    awaited: Vec<usize>,
    opened: Vec<(ContactId, contacts::OpenedAccount)>,
}

impl FakeContacts {
    pub fn serve(&self, lifecycle: &Lifecycle) -> PeerAddress {
        let (listener, address) = memory();
        let (server, life) = (ContactsServer::new(self.clone()), lifecycle.clone());
        lifecycle.spawn_service("contacts", async move {
            Server::new("contacts")
                .service(server)
                .serve(listener, &life)
                .await
        });
        address
    }

    pub fn put(&self, facts: &ContactFacts) {
        self.0.lock().unwrap().people.insert(facts.id, facts.clone());
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().people.len()
    }

    /// Login for an account of this name is switched on.
    pub fn open(&self, contact: ContactId, name: &str, at: DateTime<Utc>) -> AccountId {
        let id = AccountId::new(at);
        let account = contacts::OpenedAccount {
            id: bytes_of(id),
            name: name.into(),
            at: Some(timestamp(at)),
        };
        self.0.lock().unwrap().opened.push((contact, account));
        id
    }

    /// What was opened to a contact.
    fn opened(
        &self,
        contact: ContactId,
        selection: &Option<contacts::ContactSelection>,
    ) -> Vec<contacts::OpenedAccount> {
        let Some(Of::Linked(linked)) = selection.as_ref().and_then(|selection| selection.of.as_ref()) else {
            return Vec::new();
        };
        let since = linked.since.and_then(datetime).unwrap();
        let known = self.0.lock().unwrap();
        let of = known
            .opened
            .iter()
            .filter(|(whose, account)| *whose == contact && account.at.and_then(datetime).unwrap() >= since);
        of.map(|(_, account)| account.clone()).collect()
    }

    /// After so many more walks contacts does not answer any more.
    pub fn fail_after(&self, walks: Option<u32>) {
        self.0.lock().unwrap().walks = walks;
    }

    /// After so many more walks contacts keeps whoever asks waiting.
    pub fn hang_after(&self, answered: Option<u32>) {
        self.0.lock().unwrap().answered = answered;
    }

    /// Somebody is kept waiting.
    pub async fn hung(&self) {
        self.1.notified().await;
    }

    fn hangs(&self) -> bool {
        let answered = &mut self.0.lock().unwrap().answered;
        match answered {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// How many contacts were waited for, call by call.
    pub fn awaited(&self) -> Vec<usize> {
        self.0.lock().unwrap().awaited.clone()
    }

    fn select(&self, selection: Option<contacts::ContactSelection>) -> Vec<ContactFacts> {
        let known = self.0.lock().unwrap();
        match selection.and_then(|selection| selection.of) {
            Some(Of::Ids(ids)) => {
                let mut ids: Vec<ContactId> = ids.ids.iter().filter_map(|id| id_from(id)).collect();
                ids.sort_unstable();
                ids.dedup();
                ids.iter()
                    .filter_map(|id| known.people.get(id).cloned())
                    .collect()
            }
            Some(Of::SegmentId(_)) => Vec::new(),
            Some(Of::Linked(linked)) => {
                let only: Option<ContactId> = linked.contact_id.as_deref().and_then(id_from);
                let people = known
                    .people
                    .values()
                    .filter(|facts| only.is_none_or(|only| facts.id == only));
                people.cloned().collect()
            }
            _ => known.people.values().cloned().collect(),
        }
    }
}

/// What the one segment that there is stands for.
fn stood_for(selection: &contacts::ContactSelection) -> Option<contacts::ContactSelection> {
    let everyone = contacts::ContactFilter::default();
    matches!(selection.of, Some(Of::SegmentId(_))).then_some(contacts::ContactSelection {
        of: Some(Of::Filter(everyone)),
    })
}

fn walked(facts: &ContactFacts, opened: Vec<contacts::OpenedAccount>) -> contacts::WalkedContact {
    contacts::WalkedContact {
        id: bytes_of(facts.id),
        raw_version: facts.version.raw(),
        role: facts.role.as_str().into(),
        active: facts.active,
        links: facts.links,
        links_with_login: facts.links_with_login,
        email: facts.email.clone(),
        email_canonical: facts.email_canonical.clone(),
        email_state: facts.email_state.as_str().into(),
        email_duplicate: facts.email_duplicate,
        test: facts.test,
        first_name: facts.first_name.clone(),
        last_name: facts.last_name.clone(),
        locale: facts.locale.clone(),
        time_zone: facts.time_zone.clone(),
        opened,
    }
}

macro_rules! not_played {
    ($($name:ident($request:ident) -> $reply:ident;)+) => {
        #[tonic::async_trait]
        impl Contacts for FakeContacts {
            $(async fn $name(&self, _: Request<contacts::$request>) -> Result<Response<contacts::$reply>, Status> {
                Err(Status::unimplemented("not played"))
            })+

            async fn preview_selection(
                &self,
                request: Request<contacts::PreviewSelectionRequest>,
            ) -> Result<Response<contacts::PreviewSelectionReply>, Status> {
                let selection = request.into_inner().selection;
                let resolved = selection.as_ref().and_then(stood_for);
                let people = self.select(resolved.clone().or(selection));
                let total = people.len() as i64;
                let eligible = people.iter().filter(|facts| facts.active).count() as i64;
                Ok(Response::new(contacts::PreviewSelectionReply { total, eligible, resolved, ..Default::default() }))
            }

            async fn size_selection(
                &self,
                request: Request<contacts::PreviewSelectionRequest>,
            ) -> Result<Response<contacts::SizeSelectionReply>, Status> {
                let preview = self.preview_selection(request).await?.into_inner();
                Ok(Response::new(contacts::SizeSelectionReply {
                    total: preview.total,
                    reaches_somebody: preview.eligible > 0,
                    refusals: preview.refusals,
                    resolved: preview.resolved,
                }))
            }

            async fn walk_selection(
                &self,
                request: Request<contacts::WalkSelectionRequest>,
            ) -> Result<Response<contacts::WalkSelectionReply>, Status> {
                if self.hangs() {
                    self.1.notify_one();
                    std::future::pending::<()>().await;
                }
                if let Some(walks) = &mut self.0.lock().unwrap().walks {
                    *walks = walks.checked_sub(1).ok_or_else(|| Status::unavailable("away"))?;
                }
                let request = request.into_inner();
                let after: Option<ContactId> = request.after.as_deref().and_then(id_from);
                let mut people = self.select(request.selection.clone());
                people.retain(|facts| after.is_none_or(|after| facts.id > after));
                let limit = request.limit as usize;
                Ok(Response::new(contacts::WalkSelectionReply {
                    contacts: people.iter().take(limit).map(|facts| walked(facts, self.opened(facts.id, &request.selection))).collect(),
                    last: people.len() <= limit,
                }))
            }

            async fn await_portal(
                &self,
                request: Request<contacts::AwaitPortalRequest>,
            ) -> Result<Response<contacts::AwaitPortalReply>, Status> {
                self.0.lock().unwrap().awaited.push(request.into_inner().contacts.len());
                Ok(Response::new(contacts::AwaitPortalReply { applied: true }))
            }
        }
    };
}

not_played! {
    create_contact(CreateContactRequest) -> ContactReply;
    create_test_client(CreateTestClientRequest) -> ContactReply;
    update_contact(UpdateContactRequest) -> ContactReply;
    set_contact_active(SetContactActiveRequest) -> ContactReply;
    create_account(CreateAccountRequest) -> AccountReply;
    update_account(UpdateAccountRequest) -> AccountReply;
    link_contact(LinkContactRequest) -> AccountReply;
    unlink_contact(UnlinkContactRequest) -> AccountReply;
    set_toggles(SetTogglesRequest) -> SetTogglesReply;
    list_contacts(ListContactsRequest) -> ListContactsReply;
    list_accounts(ListAccountsRequest) -> ListAccountsReply;
    batch_get_contacts(BatchGetRequest) -> BatchGetContactsReply;
    batch_get_accounts(BatchGetRequest) -> BatchGetAccountsReply;
    batch_get_links(BatchGetRequest) -> BatchGetLinksReply;
    links_of_contacts(BatchGetRequest) -> BatchGetLinksReply;
    links_of_accounts(BatchGetRequest) -> BatchGetLinksReply;
    list_activity(ListActivityRequest) -> ListActivityReply;
    list_ineligible(ListIneligibleRequest) -> ListContactsReply;
}

/// Notifications that refuse one placeholder and remember what was taken back.
#[derive(Clone, Default)]
pub struct FakeNotifications(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    taken_back: Vec<Vec<u8>>,
    held: Vec<(bool, i64)>,
}

impl FakeNotifications {
    pub fn serve(&self, lifecycle: &Lifecycle) -> PeerAddress {
        let (listener, address) = memory();
        let (server, life) = (NotificationsServer::new(self.clone()), lifecycle.clone());
        lifecycle.spawn_service("notifications", async move {
            Server::new("notifications")
                .service(server)
                .serve(listener, &life)
                .await
        });
        address
    }

    /// The invitations whose mail was taken back by a call.
    pub fn taken_back(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().taken_back.clone()
    }

    /// What was held and let go by a call, with the versions.
    pub fn held(&self) -> Vec<(bool, i64)> {
        self.0.lock().unwrap().held.clone()
    }
}

#[tonic::async_trait]
impl Notifications for FakeNotifications {
    async fn preview_invitation(
        &self,
        request: Request<notifications::PreviewInvitationRequest>,
    ) -> Result<Response<notifications::PreviewInvitationReply>, Status> {
        let request = request.into_inner();
        let texts = [("subject", request.subject), ("message", request.message)];
        let wrong = texts
            .into_iter()
            .find(|(_, text)| text.as_ref().is_some_and(|text| text.contains("[Wrong]")));
        let refusal = |(field, _): (&str, _)| Refusal {
            code: "UNKNOWN_PLACEHOLDER".into(),
            field: vec![field.into()],
            ..Refusal::default()
        };
        Ok(Response::new(notifications::PreviewInvitationReply {
            refusals: wrong.map(refusal).into_iter().collect(),
            ..Default::default()
        }))
    }

    async fn cancel_messages(
        &self,
        request: Request<notifications::CancelMessagesRequest>,
    ) -> Result<Response<notifications::CancelMessagesReply>, Status> {
        let withdrawn = request.into_inner().withdrawn;
        let ids = withdrawn.iter().map(|one| one.invitation_id.to_vec());
        self.0.lock().unwrap().taken_back.extend(ids);
        Ok(Response::new(notifications::CancelMessagesReply {}))
    }

    async fn hold_mailing(
        &self,
        request: Request<notifications::HoldMailingRequest>,
    ) -> Result<Response<notifications::HoldMailingReply>, Status> {
        let request = request.into_inner();
        self.0.lock().unwrap().held.push((request.held, request.version));
        Ok(Response::new(notifications::HoldMailingReply {}))
    }
}
