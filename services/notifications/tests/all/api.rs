//! The gRPC edge: previews and cancelling, and who may.

use tonic::{Code, Status};
use usher_auth::{
    Keyring, Permission, PermissionSet, Principal, Service, ServiceTokens, SigningKey, Subject, Verifier,
    VerifyingKeys,
};
use usher_notifications::grpc::Api;
use usher_proto::notifications::v1::notifications_client::NotificationsClient;
use usher_proto::notifications::v1::notifications_server::NotificationsServer;
use usher_proto::notifications::v1::{
    CancelMessagesRequest, HoldMailingRequest, PreviewInvitationReply, PreviewInvitationRequest, Recipient,
    WithdrawnInvitation,
};
use usher_proto::{bytes_of, timestamp};
use usher_service::grpc::{Bearer, Server};
use usher_service::transport::memory;
use usher_service::{GrpcSettings, Lifecycle, PeerChannel, Settings};
use usher_testkit::TestDatabase;
use usher_types::{Clock, ContactId, MemberId, OrganizationId, SessionId};

use crate::bench::{Bench, PUBLIC_URL, fixed, noon};

struct Edge {
    lifecycle: Lifecycle,
    channel: PeerChannel,
    signing: SigningKey,
    services: Keyring,
}

impl Edge {
    fn of(bench: &Bench) -> Self {
        let (listener, address) = memory();
        let services = Keyring::parse(&Keyring::generate_text("s")).unwrap();
        let tokens = ServiceTokens::new(services.clone(), Service::Notifications);
        let verifier = Verifier::new(tokens, bench.clock.clone());
        let signing = SigningKey::from_pkcs8("k".to_owned(), &SigningKey::generate().unwrap()).unwrap();
        verifier.set_keys(VerifyingKeys::from_jwks(&SigningKey::jwks(&[&signing])).unwrap());
        let api = Api::new(
            bench.database.clone(),
            bench.clock.clone(),
            PUBLIC_URL.to_owned(),
            bench.mover(),
        );
        let server = Server::new("notifications")
            .verifier(verifier)
            .service(NotificationsServer::new(api));
        let lifecycle = Lifecycle::default();
        let life = lifecycle.clone();
        tokio::spawn(async move { server.serve(listener, &life).await.unwrap() });
        let settings = GrpcSettings::of(&Settings::with([]).unwrap()).unwrap();
        Self {
            lifecycle,
            channel: address.channel("notifications", &settings),
            signing,
            services,
        }
    }

    fn person(&self, bench: &Bench, subject: Subject, permissions: &[Permission]) -> Bearer {
        let principal = Principal {
            organization: Some(bench.organization),
            subject,
            session: Some(SessionId::new(noon())),
            permissions: permissions.iter().copied().collect::<PermissionSet>(),
            read_only: false,
            acting_member: None,
            expires_at: noon() + chrono::TimeDelta::minutes(5),
        };
        Bearer::new(&self.signing.sign(&principal, bench.clock.now()).unwrap()).unwrap()
    }

    fn service(&self, service: Service, organization: OrganizationId) -> Bearer {
        let tokens = ServiceTokens::new(self.services.clone(), service);
        let token = tokens.mint(Service::Notifications, Some(organization), noon());
        Bearer::new(&token.unwrap()).unwrap()
    }

    async fn preview(
        &self,
        bearer: Option<&Bearer>,
        asked: PreviewInvitationRequest,
    ) -> Result<PreviewInvitationReply, Status> {
        let request = match bearer {
            Some(bearer) => bearer.on(asked),
            None => tonic::Request::new(asked),
        };
        let mut client = NotificationsClient::new(self.channel.clone());
        client
            .preview_invitation(request)
            .await
            .map(tonic::Response::into_inner)
    }

    async fn cancel(&self, bearer: Option<&Bearer>, asked: CancelMessagesRequest) -> Result<(), Status> {
        let request = match bearer {
            Some(bearer) => bearer.on(asked),
            None => tonic::Request::new(asked),
        };
        let mut client = NotificationsClient::new(self.channel.clone());
        client.cancel_messages(request).await.map(drop)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

fn asked() -> PreviewInvitationRequest {
    PreviewInvitationRequest {
        organization_name: "Müller & Söhne".to_owned(),
        invited_by: Some("Max".to_owned()),
        locale: "en".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        recipient: Some(Recipient {
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            locale: Some("en-US".to_owned()),
            time_zone: None,
        }),
        subject: None,
        body: None,
        message: None,
        account_names: None,
        expires_at: Some(timestamp(noon() + chrono::TimeDelta::days(7))),
    }
}

usher_testkit::dialects! {
    /// The mail as the recipient would get it, with a link that leads nowhere.
    async fn i2_a_preview_is_the_mail(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let edge = Edge::of(&bench);
        let bearer = edge.person(&bench, Subject::Member(fixed::<MemberId>(1)), &[Permission::PortalInvite]);
        let reply = edge.preview(Some(&bearer), asked()).await.unwrap();
        assert_eq!(reply.refusals, []);
        assert_eq!(reply.subject, "Müller & Söhne invites you to its client portal");
        insta::assert_snapshot!("preview_text", reply.text);
        assert!(reply.html.contains("href=\"https://portal.example/activate/preview\""));

        let edited = PreviewInvitationRequest {
            subject: Some("Hello [FirstName]".to_owned()),
            body: Some("[Message]: [CustomerPortalLink] until [ExpiresAt]".to_owned()),
            message: Some("[FirstName]".to_owned()),
            ..asked()
        };
        let reply = edge.preview(Some(&bearer), edited).await.unwrap();
        assert_eq!(reply.subject, "Hello Ada");
        assert_eq!(
            reply.text,
            "[FirstName]: https://portal.example/activate/preview until Sunday, March 8, 2026 at 1:00 PM CET (UTC+1)"
        );
    }

    /// Everything that is wrong comes back at once; without a recipient it is only checked.
    async fn n4_subject_and_body_are_checked(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let edge = Edge::of(&bench);
        let bearer = edge.service(Service::Invitations, bench.organization);
        let wrong = PreviewInvitationRequest {
            subject: Some("[Nick]".to_owned()),
            body: Some("no link".to_owned()),
            recipient: None,
            expires_at: None,
            ..asked()
        };
        let reply = edge.preview(Some(&bearer), wrong).await.unwrap();
        let refusals: Vec<_> = reply.refusals.iter().map(|one| (one.code.as_str(), one.field.join("."))).collect();
        assert_eq!(
            refusals,
            [("UNKNOWN_PLACEHOLDER", "subject".to_owned()), ("LINK_PLACEHOLDER_MISSING", "body".to_owned())]
        );
        assert_eq!(reply.text, "");
        let right = PreviewInvitationRequest { recipient: None, expires_at: None, ..asked() };
        assert_eq!(edge.preview(Some(&bearer), right).await.unwrap(), PreviewInvitationReply::default());
    }

    /// Who may call what.
    async fn every_call_checks_token_and_permission(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let edge = Edge::of(&bench);
        let member = Subject::Member(fixed::<MemberId>(1));
        let inviting = edge.person(&bench, member, &[Permission::PortalInvite]);
        let reading = edge.person(&bench, member, &[Permission::ContactsRead]);
        let contact = edge.person(&bench, Subject::Contact(fixed::<ContactId>(2)), &[Permission::PortalInvite]);
        let invitations = edge.service(Service::Invitations, bench.organization);
        let gateway = edge.service(Service::Gateway, bench.organization);
        let none = CancelMessagesRequest { organization_id: bytes_of(bench.organization), withdrawn: Vec::new() };
        let table = [
            (None, Code::Unauthenticated, Code::Unauthenticated),
            (Some(&inviting), Code::Ok, Code::PermissionDenied),
            (Some(&reading), Code::PermissionDenied, Code::PermissionDenied),
            (Some(&contact), Code::PermissionDenied, Code::PermissionDenied),
            (Some(&invitations), Code::Ok, Code::Ok),
            (Some(&gateway), Code::PermissionDenied, Code::PermissionDenied),
        ];
        for (bearer, preview, cancel) in table {
            let code = |outcome: Result<(), Status>| outcome.map_or_else(|status| status.code(), |()| Code::Ok);
            assert_eq!(code(edge.preview(bearer, asked()).await.map(drop)), preview);
            assert_eq!(code(edge.cancel(bearer, none.clone()).await), cancel);
        }
    }

    /// The call does what the command does, within the organization of the token alone.
    async fn i21_cancelling_by_call(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let edge = Edge::of(&bench);
        let letters = bench.letters(2);
        bench.deliver(&bench.mailing(), &letters).await;
        let other: OrganizationId = fixed(0x99);
        let asked = |organization: OrganizationId| CancelMessagesRequest {
            organization_id: bytes_of(organization),
            withdrawn: vec![WithdrawnInvitation {
                invitation_id: bytes_of(letters[0].invitation_id),
                contact_id: letters[0].contact_id.map(bytes_of),
            }],
        };
        let stranger = edge.service(Service::Invitations, other);
        let refused = edge.cancel(Some(&stranger), asked(bench.organization)).await;
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
        edge.cancel(Some(&stranger), asked(other)).await.unwrap();
        assert_eq!(bench.row(&letters[0]).await.0, "QUEUED");

        let ours = edge.service(Service::Invitations, bench.organization);
        edge.cancel(Some(&ours), asked(bench.organization)).await.unwrap();
        assert_eq!(bench.row(&letters[0]).await, ("CANCELLED".to_owned(), 0, false));
        assert_eq!(bench.row(&letters[1]).await, ("QUEUED".to_owned(), 0, true));
        assert_eq!(bench.messages().await.len(), 1);
    }

    /// A sending is held by a call, by invitations alone, and only of the token's organization.
    async fn i4_a_sending_is_held_by_a_call(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let edge = Edge::of(&bench);
        let mailing = bench.mailing();
        bench.deliver(&mailing, &bench.letters(2)).await;
        let hold = |organization: OrganizationId| HoldMailingRequest {
            organization_id: bytes_of(organization),
            mailing_id: bytes_of(mailing.id),
            held: true,
            version: 1,
        };
        let held = "SELECT count(*) FROM message WHERE lane = 'held'";
        let ours = hold(bench.organization);
        let member = edge.person(&bench, Subject::Member(MemberId::new(noon())), &[Permission::PortalInvite]);
        let gateway = edge.service(Service::Gateway, bench.organization);
        for bearer in [&member, &gateway] {
            let refused = NotificationsClient::new(edge.channel.clone()).hold_mailing(bearer.on(ours.clone())).await;
            assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
        }
        let invitations = edge.service(Service::Invitations, bench.organization);
        let foreign = hold(fixed(0x99));
        let refused = NotificationsClient::new(edge.channel.clone()).hold_mailing(invitations.on(foreign)).await;
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
        bench.mover().drain().await.unwrap();
        assert_eq!(bench.count(held).await, 0);
        NotificationsClient::new(edge.channel.clone()).hold_mailing(invitations.on(ours)).await.unwrap();
        bench.mover().drain().await.unwrap();
        assert_eq!(bench.count(held).await, 2);

    }
}
