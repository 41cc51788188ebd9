//! Sessions that are listed and ended from elsewhere (I11), and members who look through a contact's eyes (I14).

use chrono::TimeDelta;
use tonic::Code;
use usher_events::{ContactFacts, Impersonation};
use usher_proto::bytes_of;
use usher_proto::invitations::v1::{
    BatchGetRequest, CancelBatchRequest, EndOtherSessionsRequest, EndSessionRequest, GetImpersonatorRequest,
    GetOrganizationRequest, ImpersonateContactRequest, InviteMemberRequest, ListMembersRequest,
    ListSessionsRequest, LiveSession, MemberRequest, Session, SessionReply, SetMemberActiveRequest,
    SignInRequest, SignOutRequest, UpdateMemberRequest, UpdateOrganizationRequest,
};
use usher_service::grpc::{Bearer, CODE_METADATA};
use usher_testkit::dialects;

use crate::stage::{ADMIN, PASSWORD, Stage, codes, request};

async fn signed_in_on(stage: &Stage, device: &str) -> (Bearer, Session) {
    let request = SignInRequest {
        email: ADMIN.into(),
        password: PASSWORD.into(),
        source: "192.0.2.1".into(),
        device: Some(device.into()),
        ..SignInRequest::default()
    };
    let session = stage
        .sessions()
        .sign_in(request)
        .await
        .unwrap()
        .into_inner()
        .session
        .unwrap();
    (Bearer::new(&session.access_token).unwrap(), session)
}

async fn listed(stage: &Stage, bearer: &Bearer) -> Vec<LiveSession> {
    let reply = stage
        .sessions()
        .list_sessions(bearer.on(ListSessionsRequest {}))
        .await;
    reply.unwrap().into_inner().sessions
}

async fn end(stage: &Stage, bearer: &Bearer, session: &LiveSession) -> Vec<String> {
    let request = EndSessionRequest {
        id: session.id.clone(),
    };
    let reply = stage
        .sessions()
        .end_session(bearer.on(request))
        .await
        .unwrap()
        .into_inner();
    codes(&reply.refusals).into_iter().map(str::to_owned).collect()
}

async fn is_open(stage: &Stage, bearer: &Bearer) -> bool {
    stage
        .api()
        .get_organization(bearer.on(GetOrganizationRequest {}))
        .await
        .is_ok()
}

async fn impersonate(stage: &Stage, by: &Bearer, contact: &ContactFacts, reason: &str) -> SessionReply {
    let request = ImpersonateContactRequest {
        contact_id: bytes_of(contact.id),
        reason: reason.into(),
        device: None,
    };
    stage
        .sessions()
        .impersonate_contact(by.on(request))
        .await
        .unwrap()
        .into_inner()
}

async fn look(stage: &Stage, by: &Bearer, contact: &ContactFacts) -> (Bearer, Session) {
    let reply = impersonate(stage, by, contact, "cannot find the report").await;
    assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
    let session = reply.session.unwrap();
    (Bearer::new(&session.access_token).unwrap(), session)
}

async fn told(stage: &Stage) -> Vec<Impersonation> {
    let spoken = stage.spoken().await;
    let told = spoken
        .iter()
        .filter(|envelope| envelope.kind.starts_with("usher.portal.impersonation_"));
    told.map(|envelope| envelope.decode().unwrap()).collect()
}

fn claims(token: &str) -> serde_json::Value {
    use base64::Engine;
    let body = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(body)
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

dialects! {
    async fn i11_sessions_are_listed_and_ended_from_elsewhere(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ends = stage.ends().await;
        stage.advance(TimeDelta::seconds(1));
        let (phone, _) = signed_in_on(&stage, "Safari on iPhone").await;
        stage.advance(TimeDelta::seconds(1));
        let (desk, _) = signed_in_on(&stage, "Firefox on Windows").await;
        let seen = listed(&stage, &desk).await;
        let shown: Vec<_> = seen.iter().map(|session| (session.device.as_deref(), session.current)).collect();
        assert_eq!(shown, [(Some("Firefox on Windows"), true), (Some("Safari on iPhone"), false), (None, false)]);

        assert_eq!(end(&stage, &desk, &seen[1]).await, Vec::<String>::new());
        ends.reach(&stage, &phone).await;
        assert_eq!(end(&stage, &desk, &seen[1]).await, ["SESSION_ENDED"]);
        assert_eq!(listed(&stage, &desk).await.len(), 2);

        // somebody else's are not there
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;
        let contact = stage.signed_in(ada.email.as_deref().unwrap(), PASSWORD).await;
        assert_eq!(listed(&stage, &contact).await.len(), 2);
        assert_eq!(end(&stage, &contact, &seen[0]).await, ["SESSION_ENDED"]);
        assert!(is_open(&stage, &desk).await);

        let request = desk.on(EndOtherSessionsRequest {});
        let reply = stage.sessions().end_other_sessions(request).await.unwrap().into_inner();
        assert_eq!(reply.ended, 1);
        ends.reach(&stage, &stage.admin).await;
        assert!(is_open(&stage, &desk).await);
        // those that have rested too long are not shown
        stage.advance(TimeDelta::minutes(4));
        let (later, _) = signed_in_on(&stage, "Firefox on Windows").await;
        stage.advance(TimeDelta::seconds(11 * 60 - 1));
        let later_again = stage.signed_in(ADMIN, PASSWORD).await;
        drop(later);
        assert_eq!(listed(&stage, &later_again).await.len(), 3);
        stage.advance(TimeDelta::seconds(1));
        assert_eq!(listed(&stage, &later_again).await.len(), 2);
    }

    async fn i14_a_member_looks_through_a_contact_s_eyes(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;
        let before = stage.number("SELECT version FROM portal_access").await;
        let (bearer, session) = look(&stage, &stage.admin, &ada).await;
        assert!(session.read_only && session.refresh_token.is_none());
        let at = usher_types::Clock::now(stage.clock.as_ref());
        assert_eq!(session.expires_at.unwrap().seconds, (at + TimeDelta::minutes(30)).timestamp());
        let claims = claims(&session.access_token);
        assert_eq!((claims["kind"].as_str(), claims["read_only"].as_bool()), (Some("contact"), Some(true)));
        assert_eq!(claims["sub"].as_str().unwrap(), ada.id.to_string());
        assert!(claims["act"]["sub"].is_string());

        let who = stage.sessions().get_impersonator(bearer.on(GetImpersonatorRequest {})).await.unwrap();
        assert_eq!(who.into_inner().name.as_deref(), Some("Administrator"));
        let nobody = stage.sessions().get_impersonator(stage.admin.on(GetImpersonatorRequest {})).await.unwrap();
        assert_eq!(nobody.into_inner().name, None);

        // it lives for its half hour, and no longer
        stage.advance(TimeDelta::seconds(29 * 60 + 59));
        assert!(is_open(&stage, &bearer).await);
        // the contact's own sessions do not show it, and it leaves no trace
        let ada_s = stage.signed_in(ada.email.as_deref().unwrap(), PASSWORD).await;
        assert_eq!(listed(&stage, &ada_s).await.len(), 2);
        assert_eq!(stage.number("SELECT version FROM portal_access").await, before + 1);
        stage.advance(TimeDelta::seconds(1));
        assert!(!is_open(&stage, &bearer).await);

        stage.workshop.sweep().await.unwrap();
        stage.workshop.sweep().await.unwrap();
        let [start, end] = &told(&stage).await[..] else { panic!("a start and an end") };
        assert!(start.started && !end.started);
        assert_eq!((start.contact_id, start.reason.as_str()), (ada.id, "cannot find the report"));
        assert_eq!((end.at - start.at, end.member_id), (TimeDelta::minutes(30), start.member_id));
        for action in ["started", "ended"] {
            let sql = format!("SELECT count(*) FROM activity WHERE action = 'impersonation.{action}' AND actor_kind = 'member' \
                AND contact_id IS NOT NULL AND summary LIKE '%cannot find the report'");
            assert_eq!(stage.number(&sql).await, 1, "{action}");
        }
    }

    async fn i14_only_of_somebody_who_could_sign_in_and_with_a_reason(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut people = stage.clients(4);
        let refused = async |contact: &ContactFacts, reason: &str| {
            let reply = impersonate(&stage, &stage.admin, contact, reason).await;
            assert!(reply.session.is_none());
            (codes(&reply.refusals).join(","), reply.refusals[0].field.join("."))
        };
        let not_allowed = |field: &str| ("NOT_ALLOWED".to_owned(), field.to_owned());
        // waiting, invited, unknown
        stage.tell(&mut people[0]).await;
        assert_eq!(refused(&people[0], "why").await, not_allowed("contactId"));
        stage.act("SEND", &[&people[0]]).await;
        assert_eq!(refused(&people[0], "why").await, not_allowed("contactId"));
        assert_eq!(refused(&stage.person("nobody@example.com"), "why").await, ("NOT_FOUND".to_owned(), "contactId".to_owned()));
        // accepted is enough, and stays so
        stage.let_in(&people[1], false).await;
        assert_eq!(refused(&people[1], " ").await, not_allowed("reason"));
        look(&stage, &stage.admin, &people[1]).await;
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status = 'ACCEPTED' AND first_signed_in_at IS NULL").await, 1);
        // inactive, without login, while the portal is off
        stage.let_in(&people[2], true).await;
        people[2].active = false;
        stage.tell(&mut people[2]).await;
        assert_eq!(refused(&people[2], "why").await, not_allowed("contactId"));
        stage.let_in(&people[3], true).await;
        stage.portal(false).await;
        assert_eq!(refused(&people[3], "why").await, not_allowed("contactId"));
        stage.portal(true).await;
        people[3].links = 1;
        stage.tell(&mut people[3]).await;
        assert_eq!(refused(&people[3], "why").await, not_allowed("contactId"));

        // signed in while there is one firm
        let without = stage.member_with(&["contacts.read", "portal.invite"]).await;
        // another firm's contact is as unknown as nobody
        let cedar = stage.another_firm().await;
        let reply = impersonate(&stage, &cedar, &people[1], "why").await;
        assert_eq!(codes(&reply.refusals), ["NOT_FOUND"]);
        // permission: of the token, and of now
        let request = ImpersonateContactRequest { contact_id: bytes_of(people[1].id), reason: "why".into(), device: None };
        let status = stage.sessions().impersonate_contact(without.on(request.clone())).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        let status = stage.sessions().impersonate_contact(stage.admin.on(request)).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }

    async fn i14_it_ends_with_the_access_of_either(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ends = stage.ends().await;
        let mut ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;

        // by itself
        let (bearer, _) = look(&stage, &stage.admin, &ada).await;
        stage.sessions().sign_out(bearer.on(SignOutRequest { refresh_token: None })).await.unwrap();
        ends.reach(&stage, &bearer).await;
        // with the portal
        let (bearer, _) = look(&stage, &stage.admin, &ada).await;
        stage.portal(false).await;
        ends.reach(&stage, &bearer).await;
        stage.portal(true).await;
        // with the contact
        let (bearer, _) = look(&stage, &stage.admin, &ada).await;
        ada.active = false;
        stage.tell(&mut ada).await;
        ends.reach(&stage, &bearer).await;
        ada.active = true;
        stage.tell(&mut ada).await;

        // with the member's permission, and with the member
        let invite = InviteMemberRequest {
            email: "hedy@birch.example".into(),
            display_name: "Hedy".into(),
            role: Some("MANAGER".into()),
            permissions: None,
        };
        let hedy = stage.members().invite_member(stage.admin.on(invite)).await.unwrap().into_inner().member.unwrap();
        let token = stage.letters_of(usher_events::MailKind::MemberInvitation).await.pop().unwrap().1;
        assert!(stage.accept(&token, PASSWORD).await.accepted);
        let own = stage.signed_in("hedy@birch.example", PASSWORD).await;
        let (bearer, _) = look(&stage, &own, &ada).await;
        let change = UpdateMemberRequest {
            id: hedy.id.clone(),
            role: Some("STAFF".into()),
            ..UpdateMemberRequest::default()
        };
        stage.members().update_member(stage.admin.on(change.clone())).await.unwrap();
        ends.reach(&stage, &bearer).await;
        let back = UpdateMemberRequest { role: Some("MANAGER".into()), ..change };
        stage.members().update_member(stage.admin.on(back)).await.unwrap();
        let own = stage.signed_in("hedy@birch.example", PASSWORD).await;
        let (bearer, _) = look(&stage, &own, &ada).await;
        let off = SetMemberActiveRequest { id: hedy.id, active: false };
        stage.members().set_member_active(stage.admin.on(off)).await.unwrap();
        ends.reach(&stage, &bearer).await;
        ends.reach(&stage, &own).await;

        // an impersonation is remembered as ended for as long as its token could live
        stage.advance(TimeDelta::minutes(20));
        assert!(!is_open(&stage, &bearer).await);
        stage.workshop.sweep().await.unwrap();
        let told = told(&stage).await;
        assert_eq!(told.iter().filter(|look| look.started).count(), 5);
        assert_eq!(told.iter().filter(|look| !look.started).count(), 5);
        assert!(told.iter().all(|look| look.at <= crate::stage::noon() + TimeDelta::minutes(1)));
    }

    async fn i11_i14_another_password_of_the_member_ends_what_they_look_through(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;
        let (bearer, _) = look(&stage, &stage.admin, &ada).await;
        let mut ends = stage.ends().await;
        stage.forgot(crate::stage::ADMIN).await;
        let token = stage.letters_of(usher_events::MailKind::MemberPasswordReset).await.pop().unwrap().1;
        assert!(stage.reset(&token, "walnut saddle compass").await.accepted);
        ends.reach(&stage, &bearer).await;
        stage.workshop.sweep().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'impersonation.ended'").await, 1);
    }

    async fn i14_a_read_only_session_changes_nothing_here(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;
        let (bearer, _) = look(&stage, &stage.admin, &ada).await;
        let id = bytes_of(ada.id);
        let (mut api, mut members, mut sessions) = (stage.api(), stage.members(), stage.sessions());
        let impersonate = ImpersonateContactRequest { contact_id: id.clone(), reason: "why".into(), device: None };
        let member = MemberRequest { id: id.clone() };
        let refused = [
            api.update_organization(bearer.on(UpdateOrganizationRequest::default())).await.err(),
            api.start_batch(bearer.on(request("RESEND", &[&ada]))).await.err(),
            api.cancel_batch(bearer.on(CancelBatchRequest { id: id.clone() })).await.err(),
            members.invite_member(bearer.on(InviteMemberRequest::default())).await.err(),
            members.update_member(bearer.on(UpdateMemberRequest::default())).await.err(),
            members.set_member_active(bearer.on(SetMemberActiveRequest::default())).await.err(),
            members.resend_member_invitation(bearer.on(member.clone())).await.err(),
            members.cancel_member_invitation(bearer.on(member)).await.err(),
            sessions.end_session(bearer.on(EndSessionRequest { id: id.clone() })).await.err(),
            sessions.end_other_sessions(bearer.on(EndOtherSessionsRequest {})).await.err(),
            sessions.impersonate_contact(bearer.on(impersonate)).await.err(),
        ];
        for (index, status) in refused.into_iter().enumerate() {
            let status = status.unwrap_or_else(|| panic!("number {index} was let through"));
            let code = status.metadata().get(CODE_METADATA).map(|code| code.to_str().unwrap());
            assert_eq!((status.code(), code), (Code::PermissionDenied, Some("READ_ONLY_SESSION")), "number {index}");
        }
        // what a contact may not read, it may not either
        let ids = vec![id];
        assert_eq!(api.batch_get_members(bearer.on(BatchGetRequest { ids })).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(members.list_members(bearer.on(ListMembersRequest::default())).await.unwrap_err().code(), Code::PermissionDenied);
        assert!(is_open(&stage, &bearer).await);
    }
}
