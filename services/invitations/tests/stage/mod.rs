//! What every test stands on.

mod peers;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use secrecy::SecretString;
use tempfile::TempDir;
use usher_auth::{Keyring, SealContext, Service, ServiceTokens, open_token};
use usher_database::{Database, Scope, SystemReason};
use usher_events::{
    ContactFacts, Deliver, Envelope, InvitationChanged, Letter, MailKind, MessageChanged, MessageOutcome,
};
use usher_invitations::{Administrator, NewOrganization, OrganizationOffice, Workshop, add_organization};
use usher_messaging::Broker;
use usher_parts::Parts;
use usher_proto::bytes_of;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{ContactFilter, ContactIds, ContactSelection};
use usher_proto::invitations::v1::invitations_client::InvitationsClient;
use usher_proto::invitations::v1::members_client::MembersClient;
use usher_proto::invitations::v1::sessions_client::SessionsClient;
use usher_proto::invitations::v1::{
    AcceptInvitationReply, AcceptInvitationRequest, Batch, BatchGetRequest, BatchReply,
    GetOrganizationRequest, Landing, LinkRequest, Revocations, SessionReply, SignInRequest,
    StartBatchRequest, UpdateOrganizationRequest, WatchRevocationsRequest,
};
use usher_service::grpc::{Bearer, ServiceCaller};
use usher_service::transport::memory;
use usher_service::{Lifecycle, PeerAddress, PeerChannel, Peers, Settings, StartError};
use usher_testkit::TestDatabase;
use usher_types::{
    ContactId, ContactRole, EmailState, FixedClock, MemberId, OrganizationId, SystemTokens, Version,
};

pub use peers::{FakeContacts, FakeNotifications};

pub const ADMIN: &str = "grace@birch.example";
pub const PASSWORD: &str = "kestrel orchid lantern";

/// A running service without background work, one organization, and its administrator signed in.
pub struct Stage {
    pub database: Database,
    pub clock: Arc<FixedClock>,
    pub workshop: Arc<Workshop>,
    pub channel: PeerChannel,
    pub contacts: FakeContacts,
    pub notifications: FakeNotifications,
    pub organization: OrganizationId,
    pub admin: Bearer,
    pub office: OrganizationOffice,
    seal: Keyring,
    service_keys: Keyring,
    lifecycle: Lifecycle,
    pub signing: Keyring,
    folder: TempDir,
    /// What further replicas reach: a peer that nobody can reach any more ends, and everything with it.
    peers: Mutex<Vec<PeerAddress>>,
}

/// News of sessions that have ended, as other services get them.
pub struct Ends(tonic::Streaming<Revocations>);

impl Ends {
    /// Returns once this service refuses the session; it hears of it before it tells others.
    pub async fn reach(&mut self, stage: &Stage, bearer: &Bearer) {
        loop {
            let asked = stage
                .api()
                .get_organization(bearer.on(GetOrganizationRequest {}))
                .await;
            match asked {
                Err(status) => return assert_eq!(status.code(), tonic::Code::Unauthenticated),
                Ok(_) => self.0.message().await.unwrap().unwrap(),
            };
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.lifecycle.abort();
    }
}

pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap()
}

impl Stage {
    pub async fn new(db: &TestDatabase) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().display().to_string();
        let settings = Settings::with([("data_dir", path.as_str())]).unwrap();
        let lifecycle = Lifecycle::new(Duration::from_secs(1));
        let clock = Arc::new(FixedClock::new(noon()));
        let (contacts, notifications) = (FakeContacts::default(), FakeNotifications::default());
        let (ours, us) = memory();
        let peers = Peers::at(
            &settings,
            [contacts.serve(&lifecycle), us, notifications.serve(&lifecycle)],
        )
        .unwrap();
        let database = db.service("invitations").await;
        let broker = Broker::embedded(folder.path().join("broker.db")).await.unwrap();
        let parts = Parts::assemble(
            Service::Invitations,
            &settings,
            database.clone(),
            broker,
            peers,
            (clock.clone(), Arc::new(SystemTokens)),
        )
        .unwrap();
        let workshop = Arc::new(Workshop::open(&parts).await.unwrap());
        let office = OrganizationOffice {
            database: database.clone(),
            clock: clock.clone(),
            tokens: Arc::new(SystemTokens),
            seal_keys: parts.keys.seal().unwrap(),
        };
        let organization = add_organization(&office, birch()).await.unwrap();
        let channel = parts.peers.invitations();
        let seal = parts.keys.seal().unwrap();
        let service_keys = parts.keys.service().unwrap();
        let signing = parts.keys.signing().unwrap();
        let serving = workshop.clone();
        let life = lifecycle.clone();
        lifecycle.spawn_service(
            "invitations",
            async move { serving.serve(parts, ours, life).await },
        );
        let mut stage = Self {
            database,
            clock,
            workshop,
            channel,
            contacts,
            notifications,
            organization,
            admin: Bearer::new("none").unwrap(),
            office,
            seal,
            service_keys,
            lifecycle,
            signing,
            folder,
            peers: Mutex::default(),
        };
        stage.admin = stage.signed_in(ADMIN, PASSWORD).await;
        stage
    }

    /// Another replica, which is given these keys to wrap with; it serves nothing.
    pub async fn replica(&self, signing_keys: &str) -> Result<Workshop, StartError> {
        let folder = TempDir::new_in(self.folder.path()).unwrap().keep();
        let path = folder.display().to_string();
        let settings = [("data_dir", path.as_str()), ("signing_keys", signing_keys)];
        let settings = Settings::with(settings).unwrap();
        let peers = Peers::at(&settings, [memory().1, memory().1, memory().1]).unwrap();
        let parts = Parts::assemble(
            Service::Invitations,
            &settings,
            self.database.clone(),
            Broker::embedded(folder.join("broker.db")).await.unwrap(),
            peers,
            (self.clock.clone(), Arc::new(SystemTokens)),
        );
        Workshop::open(&parts.unwrap()).await
    }

    /// Another replica with the same keys and peers, and connections of its own; it serves nothing.
    pub async fn sister(&self, db: &TestDatabase) -> Workshop {
        let path = self.folder.path().display().to_string();
        let settings = Settings::with([("data_dir", path.as_str())]).unwrap();
        let peers = [
            self.contacts.serve(&self.lifecycle),
            memory().1,
            self.notifications.serve(&self.lifecycle),
        ];
        self.peers.lock().unwrap().extend(peers.clone());
        let folder = TempDir::new_in(self.folder.path()).unwrap().keep();
        let parts = Parts::assemble(
            Service::Invitations,
            &settings,
            db.service("invitations").await,
            Broker::embedded(folder.join("broker.db")).await.unwrap(),
            Peers::at(&settings, peers).unwrap(),
            (self.clock.clone(), Arc::new(SystemTokens)),
        );
        Workshop::open(&parts.unwrap()).await.unwrap()
    }

    /// The gateway's.
    pub fn service_tokens(&self) -> ServiceTokens {
        ServiceTokens::new(self.service_keys.clone(), Service::Gateway)
    }

    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub fn api(&self) -> InvitationsClient<PeerChannel> {
        InvitationsClient::new(self.channel.clone())
    }

    pub fn members(&self) -> MembersClient<PeerChannel> {
        MembersClient::new(self.channel.clone())
    }

    /// What ends from now on.
    pub async fn ends(&self) -> Ends {
        let caller = ServiceCaller::new(self.service_tokens(), self.clock.clone());
        let bearer = caller.bearer(Service::Invitations, None).unwrap();
        let request = bearer.on(WatchRevocationsRequest {});
        let mut watched = self
            .sessions()
            .watch_revocations(request)
            .await
            .unwrap()
            .into_inner();
        assert!(watched.message().await.unwrap().unwrap().snapshot);
        Ends(watched)
    }

    pub fn sessions(&self) -> SessionsClient<PeerChannel> {
        SessionsClient::new(self.channel.clone())
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> SessionReply {
        let request = SignInRequest {
            email: email.into(),
            password: password.into(),
            source: "192.0.2.1".into(),
            ..SignInRequest::default()
        };
        self.sessions().sign_in(request).await.unwrap().into_inner()
    }

    pub async fn signed_in(&self, email: &str, password: &str) -> Bearer {
        let reply = self.sign_in(email, password).await;
        assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
        Bearer::new(&reply.session.unwrap().access_token).unwrap()
    }

    /// A member with these permissions, signed in.
    pub async fn member_with(&self, permissions: &[&str]) -> Bearer {
        let json = serde_json::to_string(permissions).unwrap();
        self.run("UPDATE member SET permissions = $1", [json.into()])
            .await;
        let bearer = self.signed_in(ADMIN, PASSWORD).await;
        self.run(
            "UPDATE member SET permissions = $1",
            [r#"["contacts.read","portal.invite","email.bulk","settings.write"]"#.into()],
        )
        .await;
        bearer
    }

    /// The administrator.
    pub async fn member_id(&self) -> MemberId {
        use sea_orm::ConnectionTrait;
        let tx = self
            .database
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let row = tx.query_one_raw(tx.statement("SELECT id FROM member", [])).await;
        row.unwrap()
            .unwrap()
            .try_get_by_index::<uuid::Uuid>(0)
            .unwrap()
            .into()
    }

    /// A statement of the test's own.
    pub async fn run(&self, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) {
        use sea_orm::ConnectionTrait;
        let tx = self
            .database
            .write(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        tx.execute_raw(tx.statement(sql, values)).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// One number.
    pub async fn number(&self, sql: &str) -> i64 {
        use sea_orm::ConnectionTrait;
        let tx = self
            .database
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let row = tx.query_one_raw(tx.statement(sql, [])).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// Clients called `count` whom contacts knows.
    pub fn clients(&self, count: usize) -> Vec<ContactFacts> {
        let from = self.contacts.len();
        (from..from + count)
            .map(|number| {
                let facts = self.person(&format!("client{number}@example.com"));
                self.contacts.put(&facts);
                facts
            })
            .collect()
    }

    pub fn person(&self, email: &str) -> ContactFacts {
        ContactFacts {
            id: ContactId::new(noon()),
            organization_id: self.organization,
            version: Version::FIRST,
            role: ContactRole::Client,
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            email: Some(email.into()),
            email_canonical: Some(email.to_lowercase()),
            email_state: EmailState::Valid,
            email_duplicate: false,
            active: true,
            links: 0,
            links_with_login: 0,
            locale: None,
            time_zone: None,
            external_id: None,
            login_accounts: Vec::new(),
            test: false,
        }
    }

    /// Tells this service that the contact has changed; the version is raised.
    pub async fn tell(&self, facts: &mut ContactFacts) {
        facts.version = facts.version.next();
        self.contacts.put(facts);
        let event = usher_events::ContactChanged {
            created: false,
            contact: facts.clone(),
        };
        let envelope = Envelope::event("contacts", noon(), &event);
        self.workshop.hear(&[envelope]).await.unwrap();
    }

    /// The administrator's token, a fresh one where the clock was moved beyond its five minutes.
    async fn administrator(&self) -> Bearer {
        if usher_types::Clock::now(self.clock.as_ref()) < noon() + TimeDelta::minutes(5) {
            return self.admin.clone();
        }
        self.signed_in(ADMIN, PASSWORD).await
    }

    pub async fn start(&self, request: StartBatchRequest) -> BatchReply {
        self.try_start(&self.administrator().await, request)
            .await
            .unwrap()
    }

    pub async fn try_start(
        &self,
        bearer: &Bearer,
        request: StartBatchRequest,
    ) -> Result<BatchReply, tonic::Status> {
        let reply = self.api().start_batch(bearer.on(request)).await?;
        Ok(reply.into_inner())
    }

    /// The action on these contacts, which succeeds.
    pub async fn act(&self, action: &str, contacts: &[&ContactFacts]) -> Batch {
        let reply = self.start(request(action, contacts)).await;
        assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
        reply.batch.unwrap()
    }

    pub async fn batch(&self, id: &[u8]) -> Batch {
        let request = BatchGetRequest {
            ids: vec![id.to_vec().into()],
        };
        let reply = self
            .api()
            .batch_get_batches(self.administrator().await.on(request))
            .await
            .unwrap();
        reply.into_inner().batches.pop().unwrap()
    }

    /// Everything in the outbox.
    pub async fn spoken(&self) -> Vec<Envelope> {
        usher_testkit::published(&self.database).await
    }

    /// Every invitation that was handed over, in order, with its token.
    pub async fn letters(&self) -> Vec<(Letter, String)> {
        self.letters_of(MailKind::Invitation).await
    }

    /// Every letter of a kind that was handed over, in order, with its token if it has one.
    pub async fn letters_of(&self, kind: MailKind) -> Vec<(Letter, String)> {
        let mut letters = Vec::new();
        for envelope in self.spoken().await {
            if envelope.kind != "usher.work.deliver.v1" {
                continue;
            }
            let deliver: Deliver = envelope.decode().unwrap();
            if deliver.mailing.kind != kind {
                continue;
            }
            for letter in deliver.letters {
                let context = SealContext {
                    message: letter.message_id,
                    invitation: letter.invitation_id,
                    organization: deliver.mailing.organization_id,
                };
                let sealed = letter.sealed_token.as_deref();
                let token = sealed.map(|sealed| open_token(&self.seal, context, sealed).unwrap().reveal());
                letters.push((letter, token.unwrap_or_default()));
            }
        }
        letters
    }

    /// The token of the newest letter to a contact.
    pub async fn token_of(&self, contact: &ContactFacts) -> String {
        let letters = self.letters().await;
        let mut to = letters
            .into_iter()
            .filter(|(letter, _)| letter.contact_id == Some(contact.id));
        to.next_back().unwrap().1
    }

    /// What happened to a contact's invitations, in order.
    pub async fn facts_of(&self, contact: &ContactFacts) -> Vec<InvitationChanged> {
        self.spoken()
            .await
            .iter()
            .filter(|envelope| envelope.kind.starts_with("usher.invitation."))
            .map(|envelope| envelope.decode::<InvitationChanged>().unwrap())
            .filter(|event| event.portal.contact_id == contact.id)
            .collect()
    }

    pub async fn landing(&self, token: &str) -> Landing {
        let request = LinkRequest { token: token.into() };
        self.api().get_landing(request).await.unwrap().into_inner()
    }

    pub async fn accept(&self, token: &str, password: &str) -> AcceptInvitationReply {
        let request = AcceptInvitationRequest {
            token: token.into(),
            password: password.into(),
        };
        self.api().accept_invitation(request).await.unwrap().into_inner()
    }

    /// Invites, accepts and, if asked, signs in.
    pub async fn let_in(&self, contact: &ContactFacts, sign_in: bool) {
        self.act("SEND", &[contact]).await;
        let token = self.token_of(contact).await;
        assert!(self.accept(&token, PASSWORD).await.accepted);
        if sign_in {
            self.signed_in(contact.email.as_deref().unwrap(), PASSWORD).await;
        }
    }

    /// The switch of the portal, through the API.
    pub async fn portal(&self, on: bool) {
        let request = UpdateOrganizationRequest {
            portal_enabled: Some(on),
            ..UpdateOrganizationRequest::default()
        };
        let reply = self
            .api()
            .update_organization(self.administrator().await.on(request))
            .await
            .unwrap();
        assert_eq!(codes(&reply.into_inner().refusals), Vec::<&str>::new());
    }

    /// The administrator of another organization, signed in.
    pub async fn another_firm(&self) -> Bearer {
        self.firm("cedar").await
    }

    /// The administrator of a further organization, signed in.
    pub async fn firm(&self, slug: &str) -> Bearer {
        let firm = NewOrganization {
            slug: slug.into(),
            name: "Cedar".into(),
            ..birch()
        };
        add_organization(&self.office, firm).await.unwrap();
        let request = SignInRequest {
            email: ADMIN.into(),
            password: PASSWORD.into(),
            organization: Some(slug.into()),
            ..SignInRequest::default()
        };
        let reply = self.sessions().sign_in(request).await.unwrap().into_inner();
        Bearer::new(&reply.session.unwrap().access_token).unwrap()
    }

    /// News of mails as notifications would tell them.
    pub async fn mails(&self, letters: &[Letter], outcome: MessageOutcome) {
        let events: Vec<Envelope> = letters
            .iter()
            .map(|letter| {
                let event = MessageChanged {
                    outcome,
                    message_id: letter.message_id,
                    organization_id: self.organization,
                    contact_id: letter.contact_id,
                    invitation_id: Some(letter.invitation_id),
                    attempts: 1,
                    error: (outcome == MessageOutcome::Deferred).then(|| "451 later".into()),
                    at: noon(),
                };
                Envelope::event("notifications", noon(), &event)
            })
            .collect();
        for slice in events.chunks(200) {
            self.workshop.hear(slice).await.unwrap();
        }
    }
}

fn birch() -> NewOrganization {
    NewOrganization {
        slug: "birch".into(),
        name: "Birch & Partners".into(),
        admin_email: ADMIN.into(),
        administrator: Administrator::Password(SecretString::from(PASSWORD)),
    }
}

pub fn ids(contacts: &[&ContactFacts]) -> ContactSelection {
    ContactSelection {
        of: Some(Of::Ids(ContactIds {
            ids: contacts.iter().map(|contact| bytes_of(contact.id)).collect(),
        })),
    }
}

pub fn everyone() -> ContactSelection {
    ContactSelection {
        of: Some(Of::Filter(ContactFilter::default())),
    }
}

pub fn request(action: &str, contacts: &[&ContactFacts]) -> StartBatchRequest {
    StartBatchRequest {
        action: action.into(),
        selection: Some(ids(contacts)),
        ..StartBatchRequest::default()
    }
}

pub fn codes(refusals: &[usher_proto::common::v1::Refusal]) -> Vec<&str> {
    refusals.iter().map(|refusal| refusal.code.as_str()).collect()
}

/// skipped, queued, sent, failed, cancelled, accepted; the total is their sum.
pub fn figures(batch: &Batch) -> [i64; 6] {
    let skipped: i64 = batch.skipped.iter().map(|group| group.count).sum();
    let counts = [
        skipped,
        batch.queued,
        batch.sent,
        batch.failed,
        batch.cancelled,
        batch.accepted,
    ];
    assert_eq!(batch.total, counts[..5].iter().sum::<i64>());
    counts
}
