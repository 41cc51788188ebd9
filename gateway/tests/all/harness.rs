//! A gateway over stand-ins, in this process.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use usher_auth::{
    Keyring, Permission, PermissionSet, Principal, Service, ServiceTokens, SigningKey, Subject, Verifier,
    VerifyingKeys,
};
use usher_gateway::Parts;
use usher_gateway::ids::NodeId;
use usher_proto::invitations::v1::{Batch, WatchBatchRequest};
use usher_service::grpc::Server;
use usher_service::transport::{GrpcSettings, memory};
use usher_service::{Lifecycle, Settings};
use usher_types::{BatchId, Clock, ContactId, FixedClock, MemberId, OrganizationId, SessionId};

use super::fakes::{
    Batches, Contacts, DeadLetters, Fakes, Insight, Invitations, Members, Notifications, Recovery,
    ServiceAccounts, Sessions,
};

/// A gateway over stand-ins.
pub struct Harness {
    pub fakes: Fakes,
    pub clock: Arc<FixedClock>,
    pub routes: Router,
    pub lifecycle: Lifecycle,
    pub folder: TempDir,
    pub organization: OrganizationId,
    pub verifier: Verifier,
    pub parts: Parts,
    key: SigningKey,
}

/// The status of data with errors beside it.
pub fn partial() -> StatusCode {
    StatusCode::from_u16(294).unwrap()
}

/// Nothing was executed, and the one error says why.
#[track_caller]
pub fn is_refusal(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.codes(), [code]);
    assert_eq!(answer.json().get("data"), None, "a refused request has no data");
}

/// An answer over HTTP.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The answer without what it cost.
    pub fn json(&self) -> Value {
        let mut json: Value = serde_json::from_slice(&self.body).unwrap();
        if let Some(members) = json.as_object_mut() {
            members.remove("extensions");
        }
        json
    }

    /// What stands beside data and errors.
    pub fn extensions(&self) -> Value {
        serde_json::from_slice::<Value>(&self.body).unwrap()["extensions"].clone()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The codes of the errors, in order.
    pub fn codes(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| error["extensions"]["code"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Harness {
    /// Asks for a batch that is done at its second state.
    pub fn watching(&self) -> String {
        let id = BatchId::new(self.now());
        self.fakes.stream("WatchBatch", |_: WatchBatchRequest| {
            let state = |sent: i64, state: &str| Batch {
                sent,
                state: state.to_owned(),
                ..Batch::default()
            };
            Ok(vec![state(1, "RUNNING"), state(2, "DONE")])
        });
        let id = NodeId::Batch(id).encode().0;
        format!("subscription {{ invitationBatch(id: \"{id}\") {{ state sent }} }}")
    }

    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().to_str().unwrap().to_owned();
        let all = [("data_dir", data_dir.as_str())]
            .into_iter()
            .chain(settings.iter().copied());
        let settings = Settings::with(all).unwrap();
        let clock = Arc::new(FixedClock::new(
            DateTime::from_timestamp(1_772_800_000, 0).unwrap(),
        ));
        let services = Keyring::parse(&Keyring::generate_text("s")).unwrap();
        let key = SigningKey::from_pkcs8("k".to_owned(), &SigningKey::generate().unwrap()).unwrap();
        let verifier = Verifier::new(ServiceTokens::new(services, Service::Gateway), clock.clone());
        verifier.set_keys(VerifyingKeys::from_jwks(&SigningKey::jwks(&[&key])).unwrap());
        let lifecycle = Lifecycle::default();
        let fakes = Fakes::default();
        let parts = parts(&settings, &fakes, &lifecycle, verifier.clone(), clock.clone());
        Self {
            routes: usher_gateway::router(&settings, parts.clone(), &lifecycle).unwrap(),
            organization: OrganizationId::new(clock.now()),
            fakes,
            clock,
            lifecycle,
            folder,
            verifier,
            parts,
            key,
        }
    }

    fn token(&self, subject: Subject, permissions: PermissionSet, read_only: bool) -> String {
        let principal = Principal {
            organization: Some(self.organization),
            subject,
            session: Some(SessionId::new(self.clock.now())),
            permissions,
            read_only,
            acting_member: None,
            expires_at: self.clock.now() + TimeDelta::minutes(5),
        };
        self.key.sign(&principal, self.clock.now()).unwrap()
    }

    /// The token of a member with these permissions.
    pub fn member(&self, permissions: impl IntoIterator<Item = Permission>) -> String {
        let subject = Subject::Member(MemberId::new(self.clock.now()));
        self.token(subject, permissions.into_iter().collect(), false)
    }

    /// The token of a member with every permission.
    pub fn admin(&self) -> String {
        self.member(Permission::ALL)
    }

    /// The token of a contact.
    pub fn contact(&self, id: ContactId) -> String {
        self.token(Subject::Contact(id), PermissionSet::NONE, false)
    }

    /// The token of a session that may only look.
    pub fn read_only(&self) -> String {
        let subject = Subject::Member(MemberId::new(self.clock.now()));
        self.token(subject, PermissionSet::all(), true)
    }

    /// The token of a member who looks through this contact's eyes.
    pub fn impersonating(&self, id: ContactId) -> String {
        let principal = Principal {
            organization: Some(self.organization),
            subject: Subject::Contact(id),
            session: Some(SessionId::new(self.clock.now())),
            permissions: PermissionSet::NONE,
            read_only: true,
            acting_member: Some(MemberId::new(self.clock.now())),
            expires_at: self.clock.now() + TimeDelta::minutes(30),
        };
        self.key.sign(&principal, self.clock.now()).unwrap()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Sends a request.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        let from: SocketAddr = "192.0.2.7:1234".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(from));
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// Listens for clients outside of this process; the address of the API.
    pub async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self
            .routes
            .clone()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        format!("http://{address}/graphql")
    }

    /// Sends a GraphQL operation with variables.
    pub async fn ask(&self, token: Option<&str>, query: &str, variables: Value) -> Answer {
        let mut request = Request::post("/graphql").header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

fn parts(
    settings: &Settings,
    fakes: &Fakes,
    lifecycle: &Lifecycle,
    verifier: Verifier,
    clock: Arc<FixedClock>,
) -> Parts {
    let grpc = GrpcSettings::of(settings).unwrap();
    let (listener, peer) = memory();
    let server = Server::new("fakes")
        .service(Contacts(fakes.clone()))
        .service(Invitations(fakes.clone()))
        .service(Batches(fakes.clone()))
        .service(Recovery(fakes.clone()))
        .service(Insight(fakes.clone()))
        .service(Members(fakes.clone()))
        .service(ServiceAccounts(fakes.clone()))
        .service(Sessions(fakes.clone()))
        .service(Notifications(fakes.clone()))
        .service(DeadLetters(fakes.clone()));
    let life = lifecycle.child();
    tokio::spawn(async move { server.serve(listener, &life).await });
    Parts {
        contacts: peer.channel("contacts", &grpc),
        invitations: peer.channel("invitations", &grpc),
        notifications: peer.channel("notifications", &grpc),
        verifier,
        clock,
    }
}
