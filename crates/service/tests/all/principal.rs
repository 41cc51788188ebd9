//! Who calls, as a service sees it, and the stream that makes it able to tell.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use usher_auth::{
    Keyring, Operation, PermissionSet, Principal, Service, ServiceTokens, SigningKey, Subject, Verifier,
};
use usher_proto::invitations::v1::sessions_client::SessionsClient;
use usher_proto::invitations::v1::sessions_server::{Sessions, SessionsServer};
use usher_proto::invitations::v1::*;
use usher_service::grpc::{self, Bearer, Server, ServiceCaller};
use usher_service::transport::memory;
use usher_service::{GrpcSettings, Lifecycle, PeerChannel, Settings, revocations};
use usher_types::{MemberId, OrganizationId, SessionId, SharedClock, SystemClock};

type News = mpsc::Sender<Result<Revocations, Status>>;
type Streams = Mutex<Vec<mpsc::Receiver<Result<Revocations, Status>>>>;

/// Answers who called, and hands out what the test feeds.
struct Probe {
    streams: Arc<Streams>,
}

#[tonic::async_trait]
impl Sessions for Probe {
    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<Revocations, Status>> + Send>>;

    async fn sign_in(&self, _: Request<SignInRequest>) -> Result<Response<SessionReply>, Status> {
        panic!("a defect");
    }

    async fn refresh_session(
        &self,
        _: Request<RefreshSessionRequest>,
    ) -> Result<Response<SessionReply>, Status> {
        Err(grpc::internal(&std::io::Error::other("secret text of a library")))
    }

    async fn sign_out(&self, request: Request<SignOutRequest>) -> Result<Response<SignOutReply>, Status> {
        grpc::require(&request, Operation::CreateContact)?;
        Ok(Response::new(SignOutReply::default()))
    }

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        grpc::require(&request, Operation::WatchRevocations)?;
        let stream = self.streams.lock().unwrap().pop();
        let stream = stream.ok_or_else(|| Status::unavailable("no more streams"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn get_jwks(&self, request: Request<GetJwksRequest>) -> Result<Response<GetJwksReply>, Status> {
        let caller = grpc::principal(&request).map(|principal| format!("{:?}", principal.subject));
        Ok(Response::new(GetJwksReply {
            jwks: caller.unwrap_or_default(),
        }))
    }

    async fn list_sessions(
        &self,
        _: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn end_session(&self, _: Request<EndSessionRequest>) -> Result<Response<SignOutReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn end_other_sessions(
        &self,
        _: Request<EndOtherSessionsRequest>,
    ) -> Result<Response<EndOtherSessionsReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn impersonate_contact(
        &self,
        _: Request<ImpersonateContactRequest>,
    ) -> Result<Response<SessionReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_sign_in_options(
        &self,
        _: Request<GetSignInOptionsRequest>,
    ) -> Result<Response<GetSignInOptionsReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn begin_provider_sign_in(
        &self,
        _: Request<BeginProviderSignInRequest>,
    ) -> Result<Response<BeginProviderSignInReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn finish_provider_sign_in(
        &self,
        _: Request<FinishProviderSignInRequest>,
    ) -> Result<Response<SessionReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn get_impersonator(
        &self,
        _: Request<GetImpersonatorRequest>,
    ) -> Result<Response<GetImpersonatorReply>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}

struct Bench {
    lifecycle: Lifecycle,
    channel: PeerChannel,
    key: SigningKey,
    services: Keyring,
    clock: SharedClock,
    verifier: Verifier,
    news: News,
}

impl Bench {
    fn new() -> Self {
        let (listener, address) = memory();
        let clock: SharedClock = Arc::new(SystemClock);
        let services = Keyring::parse(&Keyring::generate_text("s")).unwrap();
        let tokens = ServiceTokens::new(services.clone(), Service::Invitations);
        let verifier = Verifier::new(tokens, clock.clone());
        let (news, stream) = mpsc::channel(8);
        let probe = Probe {
            streams: Arc::new(Mutex::new(vec![stream])),
        };
        let server = Server::new("invitations")
            .verifier(verifier.clone())
            .service(SessionsServer::new(probe));
        let lifecycle = Lifecycle::default();
        let life = lifecycle.clone();
        lifecycle.spawn_service("grpc", async move { server.serve(listener, &life).await });
        let settings = GrpcSettings::of(&Settings::with([]).unwrap()).unwrap();
        Self {
            lifecycle,
            channel: address.channel("invitations", &settings),
            key: SigningKey::from_pkcs8("k".into(), &SigningKey::generate().unwrap()).unwrap(),
            services,
            clock,
            verifier,
            news,
        }
    }

    fn member(&self, permissions: PermissionSet, read_only: bool) -> Principal {
        let now = self.clock.now();
        Principal {
            organization: Some(OrganizationId::new(now)),
            subject: Subject::Member(MemberId::new(now)),
            session: Some(SessionId::new(now)),
            permissions,
            read_only,
            acting_member: None,
            expires_at: now + std::time::Duration::from_secs(300),
        }
    }

    fn bearer(&self, principal: &Principal) -> Bearer {
        Bearer::new(&self.key.sign(principal, self.clock.now()).unwrap()).unwrap()
    }

    fn snapshot(&self) -> Revocations {
        Revocations {
            snapshot: true,
            jwks: Some(SigningKey::jwks(&[&self.key])),
            ended: vec![],
            continues: false,
        }
    }

    /// A contacts service that follows the probe.
    fn follower(&self) -> Verifier {
        let tokens = ServiceTokens::new(self.services.clone(), Service::Contacts);
        let verifier = Verifier::new(tokens.clone(), self.clock.clone());
        let caller = ServiceCaller::new(tokens, self.clock.clone());
        revocations::follow(verifier.clone(), self.channel.clone(), caller, &self.lifecycle);
        verifier
    }

    fn client(&self) -> SessionsClient<PeerChannel> {
        SessionsClient::new(self.channel.clone())
    }

    async fn trust_key(&self) {
        let jwks = SigningKey::jwks(&[&self.key]);
        self.verifier
            .set_keys(usher_auth::VerifyingKeys::from_jwks(&jwks).unwrap());
    }
}

fn outcome<T>(answer: Result<Response<T>, Status>) -> (Code, String) {
    match answer {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => (status.code(), status.message().to_owned()),
    }
}

/// Yields until it holds; the runtime has one thread, so others get their turn.
async fn eventually(what: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if what() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never happened");
}

#[tokio::test]
async fn i11_without_verification_keys_a_token_is_unavailable_and_nobody_is_nobody() {
    let bench = Bench::new();
    let bearer = bench.bearer(&bench.member(PermissionSet::all(), false));
    let refused = outcome(bench.client().get_jwks(bearer.on(GetJwksRequest {})).await);
    assert_eq!(
        refused,
        (
            Code::Unavailable,
            "verification keys have not arrived yet".to_owned()
        )
    );
    assert_eq!(
        bench
            .client()
            .get_jwks(GetJwksRequest {})
            .await
            .unwrap()
            .into_inner()
            .jwks,
        ""
    );
}

#[tokio::test]
async fn i11_the_token_becomes_the_principal() {
    let bench = Bench::new();
    bench.trust_key().await;
    let member = bench.member(PermissionSet::NONE, false);
    let answer = bench
        .client()
        .get_jwks(bench.bearer(&member).on(GetJwksRequest {}))
        .await
        .unwrap();
    assert_eq!(answer.into_inner().jwks, format!("{:?}", member.subject));
    let mut client = SessionsClient::with_interceptor(bench.channel.clone(), bench.bearer(&member));
    let answer = client.get_jwks(GetJwksRequest {}).await.unwrap();
    assert_eq!(answer.into_inner().jwks, format!("{:?}", member.subject));
    let wrong = Bearer::new("nonsense").unwrap();
    let refused = outcome(bench.client().get_jwks(wrong.on(GetJwksRequest {})).await);
    assert_eq!(
        refused,
        (Code::Unauthenticated, "the token is not valid".to_owned())
    );
}

#[tokio::test]
async fn i14_i15_refusals_of_the_table_cross_grpc() {
    let bench = Bench::new();
    bench.trust_key().await;
    let mut client = bench.client();
    let mut ask = async |bearer: Option<Bearer>| {
        let request = SignOutRequest::default();
        let request = bearer.map_or_else(
            || Request::new(request.clone()),
            |bearer| bearer.on(request.clone()),
        );
        client.sign_out(request).await
    };
    assert_eq!(
        outcome(ask(None).await),
        (Code::Unauthenticated, "sign in first".to_owned())
    );
    let without = bench.bearer(&bench.member(PermissionSet::NONE, false));
    assert_eq!(
        outcome(ask(Some(without)).await),
        (Code::PermissionDenied, "not permitted".to_owned())
    );
    let read_only = bench.bearer(&bench.member(PermissionSet::all(), true));
    let refused = ask(Some(read_only)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(
        refused.metadata().get(grpc::CODE_METADATA).unwrap(),
        "READ_ONLY_SESSION"
    );
    let with = bench.bearer(&bench.member(PermissionSet::all(), false));
    assert_eq!(outcome(ask(Some(with)).await), (Code::Ok, String::new()));
}

#[tokio::test]
async fn texts_of_libraries_and_panics_stay_inside() {
    let bench = Bench::new();
    let mut client = bench.client();
    for answer in [
        outcome(client.refresh_session(RefreshSessionRequest::default()).await),
        outcome(client.sign_in(SignInRequest::default()).await),
    ] {
        let (code, message) = answer;
        assert_eq!(code, Code::Internal);
        let id = message.strip_prefix("internal error, request ").unwrap();
        assert_eq!(id.len(), 16, "{id}");
    }
    let request_id = "0123456789abcdef".to_owned();
    let answer = grpc::within(
        request_id,
        client.refresh_session(RefreshSessionRequest::default()),
    )
    .await;
    assert_eq!(outcome(answer).1, "internal error, request 0123456789abcdef");
}

#[tokio::test]
async fn i11_ended_sessions_reach_the_services() {
    let bench = Bench::new();
    let contacts = bench.follower();
    let member = bench.member(PermissionSet::all(), false);
    let token = bench.key.sign(&member, bench.clock.now()).unwrap();
    bench.news.send(Ok(bench.snapshot())).await.unwrap();
    eventually(|| contacts.is_ready()).await;
    assert_eq!(contacts.verify(&token).unwrap().subject, member.subject);

    let session = EndedSession {
        session_id: usher_proto::bytes_of(member.session.unwrap()),
        forget_at: Some(usher_proto::timestamp(member.expires_at)),
    };
    let news = Revocations {
        ended: vec![session],
        ..Revocations::default()
    };
    bench.news.send(Ok(news)).await.unwrap();
    eventually(|| contacts.verify(&token).is_err()).await;
}

/// Nobody is let in by the first part of a snapshot who stands in the second.
#[tokio::test]
async fn i11_a_snapshot_in_parts_counts_when_it_is_whole() {
    let bench = Bench::new();
    let contacts = bench.follower();
    let (first, second) = (
        bench.member(PermissionSet::all(), false),
        bench.member(PermissionSet::all(), false),
    );
    let part = |principal: &Principal, jwks, continues| Revocations {
        snapshot: true,
        jwks,
        ended: vec![EndedSession {
            session_id: usher_proto::bytes_of(principal.session.unwrap()),
            forget_at: Some(usher_proto::timestamp(principal.expires_at)),
        }],
        continues,
    };
    bench.news.send(Ok(part(&first, None, true))).await.unwrap();
    assert!(!contacts.is_ready());
    let jwks = bench.snapshot().jwks;
    bench.news.send(Ok(part(&second, jwks, false))).await.unwrap();
    eventually(|| contacts.is_ready()).await;
    for principal in [&first, &second] {
        let token = bench.key.sign(principal, bench.clock.now()).unwrap();
        assert!(contacts.verify(&token).is_err());
    }
}

#[tokio::test]
async fn r3_a_service_is_ready_when_it_can_tell_who_asks() {
    let bench = Bench::new();
    let whole = || HealthCheckRequest {
        service: String::new(),
    };
    let mut health = HealthClient::new(bench.channel.clone());
    let answer = health.check(whole()).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::NotServing);
    let mut watch = health.watch(whole()).await.unwrap().into_inner();
    let mut next = async || watch.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::NotServing);
    bench.trust_key().await;
    assert_eq!(next().await, ServingStatus::Serving);
}

#[tokio::test]
async fn the_follower_stops_with_its_service() {
    let bench = Bench::new();
    let contacts = bench.follower();
    bench.news.send(Ok(bench.snapshot())).await.unwrap();
    eventually(|| contacts.is_ready()).await;
    bench.lifecycle.stop();
    bench.lifecycle.clone().finish().await.unwrap();
}
