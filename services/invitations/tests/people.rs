//! Organizations, members, sign-in and sessions.

use chrono::TimeDelta;
use usher_events::{MailKind, OrganizationChanged};
use usher_invitations::{AddOrganizationError, Administrator, NewOrganization, add_organization};
use usher_proto::common::v1::{StringList, TextChange};
use usher_proto::id_from;
use usher_proto::invitations::v1::{
    BatchGetRequest, GetJwksRequest, GetOrganizationRequest, OrganizationReply, RefreshSessionRequest,
    SessionReply, SignInRequest, SignOutRequest, UpdateOrganizationRequest, WatchRevocationsRequest,
};
use usher_testkit::dialects;
use usher_types::SessionId;

use crate::stage::{ADMIN, PASSWORD, Stage, codes};

async fn refresh(stage: &Stage, token: &str) -> SessionReply {
    let request = RefreshSessionRequest {
        refresh_token: token.into(),
    };
    stage
        .sessions()
        .refresh_session(request)
        .await
        .unwrap()
        .into_inner()
}

async fn update(stage: &Stage, request: UpdateOrganizationRequest) -> OrganizationReply {
    let reply = stage.api().update_organization(stage.admin.on(request)).await;
    reply.unwrap().into_inner()
}

fn new(slug: &str, administrator: Administrator) -> NewOrganization {
    NewOrganization {
        slug: slug.into(),
        name: "Cedar".into(),
        admin_email: "Hedy@cedar.example".into(),
        administrator,
    }
}

dialects! {
    async fn r6_a_further_organization_invites_its_administrator(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let cedar = add_organization(&stage.office, new("cedar", Administrator::Invited)).await.unwrap();
        let (letter, token) = stage.letters_of(MailKind::MemberInvitation).await.pop().unwrap();
        assert_eq!(letter.email, "Hedy@cedar.example");
        let landing = stage.landing(&token).await;
        assert_eq!((landing.state.as_str(), landing.organization_slug.as_deref()), ("OPEN", Some("cedar")));
        assert_eq!(landing.masked_email.as_deref(), Some("H…@cedar.example"));

        // with two organizations the slug decides; without it nobody is found
        assert!(stage.accept(&token, PASSWORD).await.accepted);
        assert_eq!(stage.landing(&token).await.state, "INVALID");
        let mut request = SignInRequest {
            email: "hedy@CEDAR.example".into(),
            password: PASSWORD.into(),
            ..SignInRequest::default()
        };
        let without = stage.sessions().sign_in(request.clone()).await.unwrap().into_inner();
        assert_eq!(codes(&without.refusals), ["BAD_CREDENTIALS"]);
        request.organization = Some("cedar".into());
        let with = stage.sessions().sign_in(request).await.unwrap().into_inner();
        let bearer = usher_service::grpc::Bearer::new(&with.session.unwrap().access_token).unwrap();
        let reply = stage.api().get_organization(bearer.on(GetOrganizationRequest {})).await.unwrap();
        assert_eq!(id_from(&reply.into_inner().organization.unwrap().id), Some(cedar));

        let taken = add_organization(&stage.office, new("cedar", Administrator::Invited)).await;
        assert!(matches!(taken, Err(AddOrganizationError::SlugTaken)));
        let wrong = add_organization(&stage.office, new("No Slug", Administrator::Invited)).await;
        assert!(matches!(wrong, Err(AddOrganizationError::Invalid(_))));
    }

    async fn r6_an_organization_is_published_when_made_and_changed(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let reply = update(&stage, UpdateOrganizationRequest {
            reminders: None,
            name: Some("Birch".into()),
            portal_enabled: Some(false),
            invitation_life: Some(3600),
            placeholder_domains: Some(StringList { values: vec!["Example.com".into()] }),
            reply_to: Some(TextChange { value: Some("office@birch.example".into()) }),
            locale: Some("de".into()),
            time_zone: Some("Europe/Vienna".into()),
            ..UpdateOrganizationRequest::default()
        })
        .await;
        assert_eq!(reply.organization.unwrap().name, "Birch");
        let spoken = stage.spoken().await;
        let published: Vec<OrganizationChanged> = spoken
            .iter()
            .filter(|envelope| envelope.kind == "usher.organization.updated.v1")
            .map(|envelope| envelope.decode().unwrap())
            .collect();
        let [made, changed] = published.as_slice() else { panic!("{published:?}") };
        assert_eq!((made.name.as_str(), made.portal_enabled, made.version.counter()), ("Birch & Partners", true, 1));
        assert_eq!((changed.name.as_str(), changed.portal_enabled, changed.version.counter()), ("Birch", false, 2));
        assert_eq!(changed.placeholder_domains, ["example.com"]);
        assert_eq!(changed.reply_to.as_deref(), Some("office@birch.example"));

        // back to the defaults; nothing is published where nothing changes
        let nulled = ["portalEnabled", "invitationLife", "placeholderDomains", "replyTo", "locale", "timeZone"];
        let back = UpdateOrganizationRequest {
            nulled: nulled.map(str::to_owned).to_vec(),
            ..UpdateOrganizationRequest::default()
        };
        let organization = update(&stage, back.clone()).await.organization.unwrap();
        assert_eq!((organization.invitation_life, organization.locale.as_str()), (604_800, "en"));
        assert_eq!((organization.portal_enabled, organization.reply_to), (true, None));
        let before = stage.spoken().await.len();
        update(&stage, back).await;
        assert_eq!(stage.spoken().await.len(), before);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'organization.updated'").await, 2);
    }

    async fn i5_a_wrong_setting_changes_nothing(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let reply = update(&stage, UpdateOrganizationRequest {
            name: Some("Other".into()),
            invitation_life: Some(1),
            ..UpdateOrganizationRequest::default()
        })
        .await;
        assert_eq!(codes(&reply.refusals), ["INVALID"]);
        assert_eq!(reply.refusals[0].field, ["invitationLife"]);
        let nulled = UpdateOrganizationRequest { nulled: vec!["name".into()], ..Default::default() };
        assert_eq!(codes(&update(&stage, nulled).await.refusals), ["INVALID"]);
        let reply = stage.api().get_organization(stage.admin.on(GetOrganizationRequest {})).await.unwrap();
        assert_eq!(reply.into_inner().organization.unwrap().name, "Birch & Partners");
    }

    async fn i11_unknown_and_wrong_look_the_same_and_wait_the_same(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for email in [ADMIN, "nobody@birch.example"] {
            for _ in 0..5 {
                let reply = stage.sign_in(email, "not the password").await;
                assert_eq!(codes(&reply.refusals), ["BAD_CREDENTIALS"], "{email}");
                assert_eq!(reply.refusals[0].retry_after, None);
            }
            let reply = stage.sign_in(email, PASSWORD).await;
            assert_eq!(codes(&reply.refusals), ["LOCKED_OUT"], "{email}");
            assert_eq!(reply.refusals[0].retry_after, Some(2));
        }
        // whoever waits so long is let through, and the count is over
        stage.advance(TimeDelta::seconds(2));
        stage.signed_in("GRACE@birch.example", PASSWORD).await;
        for _ in 0..5 {
            let reply = stage.sign_in(ADMIN, "not the password").await;
            assert_eq!(codes(&reply.refusals), ["BAD_CREDENTIALS"]);
        }
        stage.run("UPDATE sign_in_failure SET count = 100", []).await;
        stage.advance(TimeDelta::days(30));
        let reply = stage.sign_in(ADMIN, PASSWORD).await;
        assert_eq!(codes(&reply.refusals), ["LOCKED_OUT"]);
        assert_eq!(reply.refusals[0].retry_after, None);
    }

    async fn i11_refresh_tokens_rotate_and_reuse_ends_the_family(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let first = stage.sign_in(ADMIN, PASSWORD).await.session.unwrap();
        assert_eq!(first.expires_at.unwrap().seconds, stage_now(&stage) + 300);
        let first = first.refresh_token.unwrap();
        let second = refresh(&stage, &first).await.session.unwrap().refresh_token.unwrap();
        // two tabs at once
        stage.advance(TimeDelta::seconds(10));
        assert!(refresh(&stage, &first).await.session.is_some());
        stage.advance(TimeDelta::seconds(1));
        assert_eq!(codes(&refresh(&stage, &first).await.refusals), ["SESSION_ENDED"]);
        assert_eq!(codes(&refresh(&stage, &second).await.refusals), ["SESSION_ENDED"]);
        assert_eq!(codes(&refresh(&stage, "nonsense").await.refusals), ["SESSION_ENDED"]);
    }

    async fn i11_the_grace_for_tabs_hides_no_thief_for_long(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let token = async |shown: &str| refresh(&stage, shown).await.session.unwrap().refresh_token.unwrap();
        let first = stage.sign_in(ADMIN, PASSWORD).await.session.unwrap().refresh_token.unwrap();
        let owner = token(&first).await;
        // the thief is quick enough to pass for a tab
        stage.advance(TimeDelta::seconds(3));
        let thief = token(&first).await;
        // whoever of the two comes second next time ends the session for both
        stage.advance(TimeDelta::minutes(4));
        let thief = token(&thief).await;
        stage.advance(TimeDelta::minutes(1));
        for shown in [&owner, &thief] {
            assert_eq!(codes(&refresh(&stage, shown).await.refusals), ["SESSION_ENDED"]);
        }
        assert_eq!(stage.number("SELECT count(*) FROM session WHERE end_reason = 'REUSED'").await, 1);
    }

    async fn i11_tabs_that_refresh_together_go_on_together(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let first = stage.sign_in(ADMIN, PASSWORD).await.session.unwrap().refresh_token.unwrap();
        let mut tabs = [first.clone(), first.clone(), first];
        for _ in 0..5 {
            stage.advance(TimeDelta::minutes(4));
            for tab in &mut tabs {
                *tab = refresh(&stage, tab).await.session.unwrap().refresh_token.unwrap();
                stage.advance(TimeDelta::seconds(3));
            }
        }
        assert_eq!(stage.number("SELECT max(generation) FROM session").await, 6);
    }

    async fn i11_failures_are_counted_by_source_too(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        // one guess for each of many addresses, all from one place
        for number in 0..50 {
            let reply = stage.sign_in(&format!("nobody{number}@birch.example"), "not the password").await;
            assert_eq!(codes(&reply.refusals), ["BAD_CREDENTIALS"], "{number}");
        }
        let reply = stage.sign_in(ADMIN, PASSWORD).await;
        assert_eq!((codes(&reply.refusals), reply.refusals[0].retry_after), (vec!["LOCKED_OUT"], Some(2)));
        let elsewhere = SignInRequest {
            email: ADMIN.into(),
            password: PASSWORD.into(),
            source: "192.0.2.99".into(),
            ..SignInRequest::default()
        };
        let reply = stage.sessions().sign_in(elsewhere).await.unwrap().into_inner();
        assert!(reply.session.is_some());
    }

    async fn i11_sessions_rest_and_live_as_long_as_their_kind_may(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;
        for (email, idle, whole) in [(ADMIN, 15, 8 * 60), (ada.email.as_deref().unwrap(), 30, 24 * 60)] {
            let signed_in = async || stage.sign_in(email, PASSWORD).await.session.unwrap().refresh_token.unwrap();
            let mut token = signed_in().await;
            let uses = (whole - 4) / (idle - 1);
            for _ in 0..uses {
                stage.advance(TimeDelta::minutes(idle - 1));
                token = refresh(&stage, &token).await.session.unwrap().refresh_token.unwrap();
            }
            // three minutes before the end: the access token ends with the session
            stage.advance(TimeDelta::minutes(whole - uses * (idle - 1) - 3));
            let session = refresh(&stage, &token).await.session.unwrap();
            assert_eq!(session.expires_at.unwrap().seconds, stage_now(&stage) + 180, "{email}");
            stage.advance(TimeDelta::minutes(3));
            let last = session.refresh_token.unwrap();
            assert_eq!(codes(&refresh(&stage, &last).await.refusals), ["SESSION_ENDED"], "{email}");

            let token = signed_in().await;
            stage.advance(TimeDelta::minutes(idle));
            assert_eq!(codes(&refresh(&stage, &token).await.refusals), ["SESSION_ENDED"], "{email}");
        }
    }

    async fn i11_signing_out_reaches_whoever_watches(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let caller = usher_service::grpc::ServiceCaller::new(stage.service_tokens(), stage.clock.clone());
        let bearer = caller.bearer(usher_auth::Service::Invitations, None).unwrap();
        let request = bearer.on(WatchRevocationsRequest {});
        let mut watched = stage.sessions().watch_revocations(request).await.unwrap().into_inner();
        let snapshot = watched.message().await.unwrap().unwrap();
        assert!(snapshot.snapshot && snapshot.ended.is_empty());
        let jwks = stage.sessions().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().jwks;
        assert_eq!(snapshot.jwks, Some(jwks));

        let out = stage.admin.on(SignOutRequest { refresh_token: None });
        let reply = stage.sessions().sign_out(out).await.unwrap().into_inner();
        assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
        let news = watched.message().await.unwrap().unwrap();
        assert!(!news.snapshot);
        let ended: Vec<Option<SessionId>> = news.ended.iter().map(|ended| id_from(&ended.session_id)).collect();
        assert_eq!(ended.len(), 1);
        let refused = stage.api().get_organization(stage.admin.on(GetOrganizationRequest {})).await;
        assert_eq!(refused.unwrap_err().code(), tonic::Code::Unauthenticated);
        // a watcher that comes later gets it with the snapshot
        let request = bearer.on(WatchRevocationsRequest {});
        let mut later = stage.sessions().watch_revocations(request).await.unwrap().into_inner();
        assert_eq!(later.message().await.unwrap().unwrap().ended.len(), 1);
        let neither = stage.sessions().sign_out(SignOutRequest { refresh_token: None }).await.unwrap();
        assert_eq!(codes(&neither.into_inner().refusals), ["SESSION_ENDED"]);
    }

    /// As many have signed in within a month as there are contacts; only those with a token that lives are to be remembered.
    async fn i11_switching_the_portal_off_remembers_only_sessions_with_a_token_that_lives(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let clients = stage.clients(2);
        for contact in &clients {
            stage.let_in(contact, true).await;
        }
        stage.advance(TimeDelta::minutes(10));
        let fresh = stage.signed_in(clients[1].email.as_deref().unwrap(), PASSWORD).await;
        let mut ends = stage.ends().await;
        stage.portal(false).await;
        ends.reach(&stage, &fresh).await;
        assert_eq!(stage.number("SELECT count(*) FROM session WHERE kind = 'CONTACT' AND ended_at IS NULL").await, 0);
        assert_eq!(stage.number("SELECT count(*) FROM session WHERE forget_at IS NOT NULL").await, 1);
    }

    async fn i11_ended_sessions_arrive_in_parts_and_count_together(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut watched = {
            let out = stage.admin.on(SignOutRequest { refresh_token: None });
            stage.sessions().sign_out(out).await.unwrap();
            let many = "INSERT INTO session (id, organization_id, kind, subject_id, created_at, last_used_at, ended_at, forget_at, generation, rotated_at) \
                SELECT r.id, s.organization_id, s.kind, s.subject_id, s.created_at, s.last_used_at, s.ended_at, s.forget_at, s.generation, s.rotated_at \
                FROM session s CROSS JOIN";
            let ids = match stage.database.dialect() {
                usher_database::Dialect::Postgres => "(SELECT gen_random_uuid() AS id FROM generate_series(1, 45000)) AS r",
                usher_database::Dialect::Sqlite => "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45000) SELECT randomblob(16) AS id FROM n) AS r",
            };
            stage.run(&format!("{many} {ids}"), []).await;
            let caller = usher_service::grpc::ServiceCaller::new(stage.service_tokens(), stage.clock.clone());
            let bearer = caller.bearer(usher_auth::Service::Invitations, None).unwrap();
            stage.sessions().watch_revocations(bearer.on(WatchRevocationsRequest {})).await.unwrap().into_inner()
        };
        let mut parts = Vec::new();
        loop {
            let part = watched.message().await.unwrap().unwrap();
            parts.push((part.ended.len(), part.snapshot, part.jwks.is_some(), part.continues));
            if !part.continues {
                break;
            }
        }
        assert_eq!(parts, [(20_000, true, false, true), (20_000, true, false, true), (5_001, true, true, false)]);
    }

    async fn i22_a_contact_does_not_get_the_firm_s_settings(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let change = UpdateOrganizationRequest {
            placeholder_domains: Some(StringList { values: vec!["none.example".into()] }),
            reply_to: Some(TextChange { value: Some("office@birch.example".into()) }),
            ..UpdateOrganizationRequest::default()
        };
        stage.api().update_organization(stage.admin.on(change)).await.unwrap();
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;
        let contact = stage.signed_in(ada.email.as_deref().unwrap(), PASSWORD).await;
        let seen = stage.api().get_organization(contact.on(GetOrganizationRequest {})).await.unwrap();
        let seen = seen.into_inner().organization.unwrap();
        assert_eq!((seen.name.as_str(), seen.slug.as_str(), seen.portal_enabled), ("Birch & Partners", "birch", true));
        assert_eq!((seen.locale.as_str(), seen.time_zone.as_str()), ("en", "UTC"));
        assert_eq!((seen.invitation_life, seen.placeholder_domains.len(), seen.reply_to), (0, 0, None));
        let all = stage.api().get_organization(stage.admin.on(GetOrganizationRequest {})).await.unwrap();
        let all = all.into_inner().organization.unwrap();
        assert_eq!((all.invitation_life, all.placeholder_domains), (604_800, vec!["none.example".to_owned()]));
        assert_eq!(all.reply_to.as_deref(), Some("office@birch.example"));
    }

    async fn i15_members_are_shown_with_their_permissions(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let reply = stage.sign_in(ADMIN, PASSWORD).await.session.unwrap();
        let claims = claims(&reply.access_token);
        assert_eq!(claims["kind"], "member");
        assert!(!claims.to_string().contains("birch.example"));
        let id: uuid::Uuid = claims["sub"].as_str().unwrap().parse().unwrap();
        let request = BatchGetRequest { ids: vec![id.as_bytes().to_vec().into()] };
        let reply = stage.api().batch_get_members(stage.admin.on(request)).await.unwrap().into_inner();
        assert_eq!(reply.members.len(), 1);
        assert_eq!(reply.members[0].email, ADMIN);
        assert_eq!(reply.members[0].permissions.len(), 11);
    }
}

fn stage_now(stage: &Stage) -> i64 {
    usher_types::Clock::now(stage.clock.as_ref()).timestamp()
}

fn claims(token: &str) -> serde_json::Value {
    use base64::Engine;
    let body = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(body)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
