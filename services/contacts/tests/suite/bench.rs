//! The service on its listener, people who call it, and its clock.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use sea_orm::ConnectionTrait;
use tonic::service::interceptor::InterceptedService;
use usher_auth::{
    Keyring, Permission, PermissionSet, Principal, Service, ServiceTokens, SigningKey, Subject, Verifier,
    VerifyingKeys,
};
use usher_contacts::{Events, INBOUND_QUEUE, Inbound, Publishers, QUEUE};
use usher_database::{Database, Scope, SystemReason};
use usher_events::{Envelope, Event, InvitationChanged, InvitationFact, OrganizationChanged, PortalFacts};
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1::contacts_client::ContactsClient;
use usher_proto::contacts::v1::segments_client::SegmentsClient;
use usher_proto::contacts::v1::{
    Account, AccountLink, AccountReply, Contact, ContactLink, ContactReply, CreateAccountRequest,
    CreateContactRequest,
};
use usher_proto::{bytes_of, id_from};
use usher_service::grpc::{Bearer, Server};
use usher_service::transport::{GrpcSettings, PeerChannel, memory};
use usher_service::{Lifecycle, Settings};
use usher_testkit::TestDatabase;
use usher_types::{
    AccountId, Clock, ContactId, FixedClock, InvitationId, MemberId, OrganizationId, PortalStatus, SessionId,
    Version,
};

pub(crate) type Segments = SegmentsClient<InterceptedService<PeerChannel, Bearer>>;
pub(crate) type Client = ContactsClient<InterceptedService<PeerChannel, Bearer>>;

/// A moment that is nobody's real one.
pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap()
}

/// One running service with two organizations.
pub(crate) struct Bench {
    pub(crate) database: Database,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) organization: OrganizationId,
    pub(crate) member: MemberId,
    channel: PeerChannel,
    key: SigningKey,
    services: Keyring,
    lifecycle: Lifecycle,
    _files: TestDatabase,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

impl Bench {
    pub(crate) async fn new(files: TestDatabase) -> Self {
        let database = files.service("contacts").await;
        Self::over(files, database)
    }

    /// The same over another way to the database.
    pub(crate) fn over(files: TestDatabase, database: Database) -> Self {
        let clock = Arc::new(FixedClock::new(noon()));
        let services = Keyring::parse(&Keyring::generate_text("s")).unwrap();
        let key = SigningKey::from_pkcs8("k".into(), &SigningKey::generate().unwrap()).unwrap();
        let verifier = Verifier::new(
            ServiceTokens::new(services.clone(), Service::Contacts),
            clock.clone(),
        );
        verifier.set_keys(VerifyingKeys::from_jwks(&SigningKey::jwks(&[&key])).unwrap());
        let (listener, address) = memory();
        let lifecycle = Lifecycle::default();
        let (life, served, time) = (lifecycle.clone(), database.clone(), clock.clone());
        tokio::spawn(async move {
            let server = Server::new("contacts").verifier(verifier);
            let segments = usher_contacts::segments(served.clone(), time.clone());
            let service = usher_contacts::service(served, time);
            server
                .service(segments)
                .service(service)
                .serve(listener, &life)
                .await
                .expect("the service runs");
        });
        let settings = GrpcSettings::of(&Settings::with([]).unwrap()).unwrap();
        Self {
            database,
            organization: OrganizationId::new(noon()),
            member: MemberId::new(noon()),
            channel: address.channel("contacts", &settings),
            clock,
            key,
            services,
            lifecycle,
            _files: files,
        }
    }

    /// Whoever holds this token.
    pub(crate) fn with_token(&self, token: &str) -> Client {
        ContactsClient::with_interceptor(self.channel.clone(), Bearer::new(token).unwrap())
    }

    /// Segments, as the holder of this token.
    fn segments_with(&self, principal: &Principal) -> Segments {
        let token = self.key.sign(principal, self.clock.now()).unwrap();
        SegmentsClient::with_interceptor(self.channel.clone(), Bearer::new(&token).unwrap())
    }

    /// Segments, as a member with every permission.
    pub(crate) fn segments(&self) -> Segments {
        self.segments_with(&self.principal(Subject::Member(self.member), PermissionSet::all()))
    }

    /// Segments, as a member of the other organization.
    pub(crate) fn segments_of_stranger(&self) -> Segments {
        self.segments_with(&self.other_member())
    }

    pub(crate) fn principal(&self, subject: Subject, permissions: PermissionSet) -> Principal {
        Principal {
            organization: Some(self.organization),
            subject,
            session: Some(SessionId::new(noon())),
            permissions,
            read_only: false,
            acting_member: None,
            expires_at: self.clock.now() + TimeDelta::days(400),
        }
    }

    pub(crate) fn as_principal(&self, principal: &Principal) -> Client {
        self.with_token(&self.key.sign(principal, self.clock.now()).unwrap())
    }

    /// A member with every permission.
    pub(crate) fn member(&self) -> Client {
        self.as_principal(&self.principal(Subject::Member(self.member), PermissionSet::all()))
    }

    /// A member with these permissions.
    pub(crate) fn member_with(&self, permissions: &[Permission]) -> Client {
        let permissions = permissions.iter().copied().collect();
        self.as_principal(&self.principal(Subject::Member(self.member), permissions))
    }

    /// A member of the other organization.
    pub(crate) fn stranger(&self) -> Client {
        self.as_principal(&self.other_member())
    }

    fn other_member(&self) -> Principal {
        Principal {
            organization: Some(OrganizationId::new(noon())),
            ..self.principal(Subject::Member(MemberId::new(noon())), PermissionSet::all())
        }
    }

    /// A contact who signed in to the portal.
    pub(crate) fn contact(&self, id: ContactId) -> Client {
        self.as_principal(&self.principal(Subject::Contact(id), PermissionSet::NONE))
    }

    /// The service invitations, working for the organization.
    pub(crate) fn invitations(&self) -> Client {
        let tokens = ServiceTokens::new(self.services.clone(), Service::Invitations);
        let token = tokens
            .mint(Service::Contacts, Some(self.organization), self.clock.now())
            .unwrap();
        self.with_token(&token)
    }

    /// Delivers events as the consumer does.
    pub(crate) async fn hears(&self, envelopes: &[Envelope]) {
        let handler = Events::new(self.clock.clone());
        usher_messaging::deliver(&self.database, QUEUE, &handler, envelopes)
            .await
            .expect("the slice is handled");
    }

    /// Delivers what others publish as the consumer does: crm and erp speak for this organization, crm may change the address of
    /// somebody who was invited. The reason where it is not accepted.
    pub(crate) async fn takes(&self, envelopes: &[Envelope]) -> Result<(), String> {
        let publishers = Publishers::parse("crm:acme, erp:acme, lost:nowhere", "crm").unwrap();
        let handler = Inbound::new(self.clock.clone(), publishers);
        let delivered = usher_messaging::deliver(&self.database, INBOUND_QUEUE, &handler, envelopes);
        delivered.await.map_err(|error| error.to_string())
    }

    pub(crate) fn event<E: Event>(&self, event: &E) -> Envelope {
        Envelope::event("invitations", self.clock.now(), event)
    }

    /// What invitations publishes about a contact.
    pub(crate) fn portal(&self, contact: ContactId, version: i64, status: PortalStatus) -> PortalFacts {
        PortalFacts {
            contact_id: contact,
            organization_id: self.organization,
            version: Version::from_raw(version),
            status,
            invited_at: None,
            invited_by: None,
            expires_at: None,
            accepted_at: None,
            first_signed_in_at: None,
            last_signed_in_at: None,
        }
    }

    /// The event that carries it.
    pub(crate) fn invitation(&self, portal: PortalFacts) -> Envelope {
        self.event(&InvitationChanged {
            fact: InvitationFact::Issued,
            invitation_id: InvitationId::new(noon()),
            batch_id: None,
            portal,
        })
    }

    /// Settings as they are when an organization is made.
    pub(crate) fn settings(&self, version: i64) -> OrganizationChanged {
        OrganizationChanged {
            id: self.organization,
            version: Version::from_raw(version),
            slug: "acme".into(),
            name: "Acme".into(),
            portal_enabled: true,
            company_first: false,
            invitation_life: 604_800,
            placeholder_domains: vec![],
            reply_to: None,
            locale: "en".into(),
            time_zone: "UTC".into(),
        }
    }

    /// Everything that was published and not yet relayed.
    pub(crate) async fn published(&self) -> Vec<Envelope> {
        usher_testkit::published(&self.database).await
    }

    /// The events of one kind.
    pub(crate) async fn events<E: Event>(&self, kind: &str) -> Vec<E> {
        let all = self.published().await;
        all.iter()
            .filter(|envelope| envelope.kind == kind)
            .map(|envelope| envelope.decode().unwrap())
            .collect()
    }

    /// The activity log: action, summary and whose, oldest first.
    pub(crate) async fn activity(&self) -> Vec<(String, String, Option<ContactId>)> {
        let tx = self
            .database
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let sql = "SELECT action, summary, contact_id FROM activity ORDER BY at, action, id";
        let rows = tx.query_all_raw(tx.statement(sql, [])).await.unwrap();
        let read = |row: &sea_orm::QueryResult| {
            let contact: Option<uuid::Uuid> = row.try_get_by_index(2).unwrap();
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
                contact.map(ContactId::from),
            )
        };
        rows.iter().map(read).collect()
    }

    /// Makes a contact that must be taken.
    pub(crate) async fn create(&self, request: CreateContactRequest) -> Contact {
        let reply = self.member().create_contact(request).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        reply.contact.unwrap()
    }

    /// Makes an account that must be taken.
    pub(crate) async fn account(&self, name: &str, contacts: Vec<ContactLink>) -> Account {
        let request = CreateAccountRequest {
            name: name.into(),
            kind: "COMPANY".into(),
            tags: vec![],
            contacts,
        };
        let reply = self.member().create_account(request).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        reply.account.unwrap()
    }

    /// A contact as a member sees it.
    pub(crate) async fn get(&self, id: ContactId) -> Contact {
        let request = usher_proto::contacts::v1::BatchGetRequest {
            ids: vec![bytes_of(id)],
        };
        let mut reply = self
            .member()
            .batch_get_contacts(request)
            .await
            .unwrap()
            .into_inner();
        reply.contacts.pop().unwrap()
    }
}

/// A client with this name and address.
pub(crate) fn client(first_name: &str, last_name: &str, email: &str) -> CreateContactRequest {
    CreateContactRequest {
        role: "CLIENT".into(),
        first_name: first_name.into(),
        last_name: last_name.into(),
        email: (!email.is_empty()).then(|| email.into()),
        ..Default::default()
    }
}

/// A lead without an address.
pub(crate) fn lead(first_name: &str, last_name: &str) -> CreateContactRequest {
    CreateContactRequest {
        role: "LEAD".into(),
        ..client(first_name, last_name, "")
    }
}

/// A link to an account that exists.
pub(crate) fn to_account(account: &Account) -> AccountLink {
    AccountLink {
        account_id: Some(account.id.clone()),
        ..Default::default()
    }
}

/// A contact's place in an account.
pub(crate) fn place(contact: &Contact) -> ContactLink {
    ContactLink {
        contact_id: contact.id.clone(),
        ..Default::default()
    }
}

pub(crate) fn contact_id(contact: &Contact) -> ContactId {
    id_from(&contact.id).unwrap()
}

pub(crate) fn account_id(account: &Account) -> AccountId {
    id_from(&account.id).unwrap()
}

/// Codes and paths of refusals.
pub(crate) fn refused(refusals: &[Refusal]) -> Vec<(String, String)> {
    refusals
        .iter()
        .map(|refusal| (refusal.code.clone(), refusal.field.join(".")))
        .collect()
}

/// Codes and paths of a reply that must have changed nothing.
pub(crate) fn contact_refusals(reply: &ContactReply) -> Vec<(String, String)> {
    assert_eq!(reply.contact, None);
    refused(&reply.refusals)
}

/// Codes and paths of a reply that must have changed nothing.
pub(crate) fn account_refusals(reply: &AccountReply) -> Vec<(String, String)> {
    assert_eq!(reply.account, None);
    refused(&reply.refusals)
}

/// What [`refused`] gives.
pub(crate) fn codes(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(code, field)| ((*code).to_owned(), (*field).to_owned()))
        .collect()
}
