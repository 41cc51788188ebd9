//! Programs with client credentials (I15).

use chrono::TimeDelta;
use tonic::Code;
use usher_proto::common::v1::StringList;
use usher_proto::invitations::v1::service_accounts_client::ServiceAccountsClient;
use usher_proto::invitations::v1::{
    BatchGetServiceAccountsRequest, CreateServiceAccountRequest, GetOrganizationRequest, IssueTokenReply,
    IssueTokenRequest, IssuedToken, ListMembersRequest, ListServiceAccountsRequest, ListSessionsRequest,
    RotateServiceAccountSecretRequest, ServiceAccount, ServiceAccountReply, SetServiceAccountActiveRequest,
    UpdateServiceAccountRequest,
};
use usher_service::PeerChannel;
use usher_service::grpc::Bearer;
use usher_testkit::dialects;

use crate::stage::{Stage, codes, noon, request};

fn accounts(stage: &Stage) -> ServiceAccountsClient<PeerChannel> {
    ServiceAccountsClient::new(stage.channel.clone())
}

fn names(permissions: &[&str]) -> Vec<String> {
    permissions.iter().map(|name| (*name).to_owned()).collect()
}

async fn create(stage: &Stage, by: &Bearer, permissions: &[&str]) -> ServiceAccountReply {
    let request = CreateServiceAccountRequest {
        display_name: "Warehouse sync".into(),
        permissions: names(permissions),
    };
    let reply = accounts(stage).create_service_account(by.on(request)).await;
    reply.unwrap().into_inner()
}

/// An account, and its secret.
async fn made(stage: &Stage, permissions: &[&str]) -> (ServiceAccount, String) {
    done(create(stage, &stage.admin, permissions).await)
}

fn done(reply: ServiceAccountReply) -> (ServiceAccount, String) {
    assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
    (reply.service_account.unwrap(), reply.secret.unwrap_or_default())
}

async fn ask(stage: &Stage, client_id: &str, secret: &str, scope: &[&str]) -> IssueTokenReply {
    let request = IssueTokenRequest {
        client_id: client_id.into(),
        client_secret: secret.into(),
        scope: names(scope),
    };
    let reply = accounts(stage).issue_token(request).await;
    reply.unwrap().into_inner()
}

async fn token(stage: &Stage, (account, secret): &(ServiceAccount, String)) -> IssuedToken {
    let reply = ask(stage, &account.client_id, secret, &[]).await;
    assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
    reply.token.unwrap()
}

async fn signed_in(stage: &Stage, credentials: &(ServiceAccount, String)) -> Bearer {
    Bearer::new(&token(stage, credentials).await.access_token).unwrap()
}

async fn is_refused(stage: &Stage, (account, secret): &(ServiceAccount, String)) -> bool {
    let reply = ask(stage, &account.client_id, secret, &[]).await;
    assert!(reply.token.is_some() || codes(&reply.refusals) == ["INVALID_CLIENT"]);
    reply.token.is_none()
}

/// A second later, since the newest secret is told by its moment.
async fn rotate(stage: &Stage, account: &ServiceAccount, overlap: Option<i64>) -> ServiceAccountReply {
    stage.advance(TimeDelta::seconds(1));
    let id = account.id.clone();
    let request = RotateServiceAccountSecretRequest { id, overlap };
    let reply = accounts(stage)
        .rotate_service_account_secret(stage.admin.on(request))
        .await;
    reply.unwrap().into_inner()
}

async fn switch(stage: &Stage, by: &Bearer, account: &ServiceAccount, active: bool) -> ServiceAccountReply {
    let id = account.id.clone();
    let request = SetServiceAccountActiveRequest { id, active };
    let reply = accounts(stage).set_service_account_active(by.on(request)).await;
    reply.unwrap().into_inner()
}

async fn update(stage: &Stage, by: &Bearer, request: UpdateServiceAccountRequest) -> ServiceAccountReply {
    let reply = accounts(stage).update_service_account(by.on(request)).await;
    reply.unwrap().into_inner()
}

fn grant(account: &ServiceAccount, permissions: &[&str]) -> UpdateServiceAccountRequest {
    UpdateServiceAccountRequest {
        id: account.id.clone(),
        permissions: Some(StringList {
            values: names(permissions),
        }),
        ..UpdateServiceAccountRequest::default()
    }
}

async fn seen(stage: &Stage, by: &Bearer, account: &ServiceAccount) -> Option<ServiceAccount> {
    let ids = vec![account.id.clone()];
    let request = by.on(BatchGetServiceAccountsRequest { ids });
    let reply = accounts(stage).batch_get_service_accounts(request).await;
    reply.unwrap().into_inner().service_accounts.pop()
}

async fn asks(stage: &Stage, bearer: &Bearer) -> Option<Code> {
    let request = bearer.on(GetOrganizationRequest {});
    stage
        .api()
        .get_organization(request)
        .await
        .err()
        .map(|status| status.code())
}

dialects! {
    async fn i15_a_program_gets_a_token_for_its_id_and_secret(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let program = made(&stage, &["contacts.read", "portal.invite"]).await;
        let (account, secret) = &program;
        assert_eq!((account.display_name.as_str(), account.active, account.version), ("Warehouse sync", true, 1));
        assert_eq!(account.created_by.as_deref(), Some("Administrator"));
        assert!(secret.ends_with(&account.secrets[0].hint), "{}", account.secrets[0].hint);
        assert_eq!((account.secrets.len(), account.secrets[0].expires_at, account.last_used_at), (1, None, None));

        let got = token(&stage, &program).await;
        assert_eq!((got.expires_in, got.scope), (300, names(&["contacts.read", "portal.invite"])));
        let narrow = ask(&stage, &account.client_id, secret, &["contacts.read"]).await.token.unwrap();
        assert_eq!(narrow.scope, ["contacts.read"]);
        let narrow = Bearer::new(&narrow.access_token).unwrap();
        let ada = stage.clients(1).remove(0);
        let refused = stage.try_start(&narrow, request("SEND", &[&ada])).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);

        // only a hash of the secret is kept, one session is enough for all its tokens, and the first stands in the log
        let secret_hashes = format!("SELECT count(*) FROM client_secret WHERE hint = '{}'", account.secrets[0].hint);
        assert_eq!(stage.number(&secret_hashes).await, 1);
        assert_eq!(stage.number("SELECT count(*) FROM session WHERE kind = 'SERVICE_ACCOUNT'").await, 1);
        assert_eq!(stage.number("SELECT count(*) FROM session_token JOIN session ON session.id = session_id \
            WHERE kind = 'SERVICE_ACCOUNT'").await, 0);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE actor_kind = 'service_account' \
            AND actor = 'Warehouse sync' AND action = 'signed_in'").await, 1);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'service_account.created' \
            AND actor = 'Administrator' AND subject_id IS NOT NULL").await, 1);
        let used = seen(&stage, &stage.admin, account).await.unwrap();
        assert_eq!(used.last_used_at, Some(usher_proto::timestamp(noon())));
        assert_eq!(used.secrets[0].last_used_at, used.last_used_at);
    }

    async fn i15_whatever_is_wrong_with_id_or_secret_looks_the_same(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let (one, secret) = made(&stage, &["contacts.read"]).await;
        let (other, _) = made(&stage, &["contacts.read"]).await;
        let refresh = stage.sign_in(crate::stage::ADMIN, crate::stage::PASSWORD).await.session.unwrap().refresh_token.unwrap();
        let (unknown, refresh) = (format!("usher_{}", "A".repeat(43)), format!("usher_{refresh}"));
        for (id, secret) in [
            (other.client_id.as_str(), secret.as_str()),
            ("nobody", &secret),
            (&one.client_id, &unknown),
            (&one.client_id, &refresh),
            (&one.client_id, &secret[..40]),
            (&one.client_id, &secret["usher_".len()..]),
        ] {
            let reply = ask(&stage, id, secret, &[]).await;
            assert_eq!((codes(&reply.refusals), reply.token), (vec!["INVALID_CLIENT"], None), "{id} {secret}");
        }
        for scope in ["contacts.write", "all"] {
            let reply = ask(&stage, &one.client_id, &secret, &[scope]).await;
            assert_eq!((codes(&reply.refusals), reply.token), (vec!["INVALID_SCOPE"], None));
        }
    }

    async fn i15_nobody_gives_a_program_what_they_lack_and_none_what_is_for_people(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for people in ["portal.impersonate", "sensitive.export", "contacts.delete"] {
            let reply = create(&stage, &stage.admin, &["contacts.read", people]).await;
            assert_eq!((codes(&reply.refusals), reply.refusals[0].field.clone()), (vec!["INVALID"], names(&["permissions"])));
        }
        let (strong, _) = made(&stage, &["contacts.read", "settings.write"]).await;
        // a program that manages members stands under the same rule as a person who does
        let manager = made(&stage, &["members.manage", "contacts.read"]).await;
        let by = signed_in(&stage, &manager).await;
        let reply = create(&stage, &by, &["contacts.write"]).await;
        assert_eq!((codes(&reply.refusals), reply.secret), (vec!["NOT_YOURS_TO_GRANT"], None));
        assert_eq!(codes(&update(&stage, &by, grant(&strong, &["contacts.read"])).await.refusals), ["NOT_YOURS_TO_GRANT"]);
        assert_eq!(codes(&switch(&stage, &by, &strong, false).await.refusals), ["NOT_YOURS_TO_GRANT"]);
        let request = RotateServiceAccountSecretRequest { id: strong.id.clone(), overlap: None };
        let reply = accounts(&stage).rotate_service_account_secret(by.on(request)).await.unwrap().into_inner();
        assert_eq!((codes(&reply.refusals), reply.secret), (vec!["NOT_YOURS_TO_GRANT"], None));
        let (weak, _) = done(create(&stage, &by, &["contacts.read"]).await);
        assert_eq!(weak.created_by.as_deref(), Some("Warehouse sync"));
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'service_account.created' \
            AND actor_kind = 'service_account' AND actor = 'Warehouse sync'").await, 1);
        // it is no manager who is left, and no member at all
        assert_eq!(stage.number("SELECT count(*) FROM member WHERE service_account").await, 3);
        let admin = stage.members().list_members(stage.admin.on(ListMembersRequest::default())).await.unwrap().into_inner();
        assert_eq!(admin.members.len(), 1);
        let without = UpdateServiceAccountRequest { id: admin.members[0].id.clone(), ..grant(&weak, &[]) };
        assert_eq!(codes(&update(&stage, &stage.admin, without).await.refusals), ["NOT_FOUND"]);
        let request = usher_proto::invitations::v1::SetMemberActiveRequest { id: weak.id.clone(), active: false };
        let reply = stage.members().set_member_active(stage.admin.on(request)).await.unwrap().into_inner();
        assert_eq!(codes(&reply.refusals), ["NOT_FOUND"]);
        let request = usher_proto::invitations::v1::SetMemberActiveRequest { id: admin.members[0].id.clone(), active: false };
        let reply = stage.members().set_member_active(stage.admin.on(request)).await.unwrap().into_inner();
        assert_eq!(codes(&reply.refusals), ["LAST_MANAGER"]);
    }

    async fn i15_two_secrets_live_while_a_program_changes_over(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let first = made(&stage, &["contacts.read"]).await;
        let old = signed_in(&stage, &first).await;
        let second = done(rotate(&stage, &first.0, Some(3_600)).await);
        let hints: Vec<_> = second.0.secrets.iter().map(|secret| (secret.hint.clone(), secret.expires_at)).collect();
        let end = usher_proto::timestamp(noon() + TimeDelta::seconds(1) + TimeDelta::hours(1));
        assert_eq!(hints, [
            (second.0.secrets[0].hint.clone(), None),
            (first.0.secrets[0].hint.clone(), Some(end)),
        ]);
        assert!(!is_refused(&stage, &first).await && !is_refused(&stage, &second).await);
        assert_eq!(asks(&stage, &old).await, None);
        // a token ends with its secret
        stage.advance(TimeDelta::minutes(59));
        assert_eq!(token(&stage, &first).await.expires_in, 60);
        assert_eq!(token(&stage, &second).await.expires_in, 300);
        stage.advance(TimeDelta::minutes(1));
        assert!(is_refused(&stage, &first).await && !is_refused(&stage, &second).await);

        // a third one takes the first along, were it there still; two at most are left
        let admin = stage.signed_in(crate::stage::ADMIN, crate::stage::PASSWORD).await;
        for overlap in [-1, 2_592_001] {
            let request = RotateServiceAccountSecretRequest { id: first.0.id.clone(), overlap: Some(overlap) };
            let reply = accounts(&stage).rotate_service_account_secret(admin.on(request)).await.unwrap().into_inner();
            assert_eq!((codes(&reply.refusals), reply.refusals[0].field.clone()), (vec!["INVALID"], names(&["overlap"])));
        }
        let request = RotateServiceAccountSecretRequest { id: first.0.id.clone(), overlap: None };
        let third = done(accounts(&stage).rotate_service_account_secret(admin.on(request)).await.unwrap().into_inner());
        assert_eq!((third.0.secrets.len(), third.0.version), (2, 3));
        assert_eq!(stage.number("SELECT count(*) FROM client_secret").await, 2);
        assert!(!is_refused(&stage, &second).await && !is_refused(&stage, &third).await);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'service_account.secret_rotated'").await, 2);
    }

    async fn i15_a_secret_that_was_found_elsewhere_ends_at_once_with_its_tokens(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ends = stage.ends().await;
        let first = made(&stage, &["contacts.read"]).await;
        let second = done(rotate(&stage, &first.0, None).await);
        let (lost, good) = (signed_in(&stage, &first).await, signed_in(&stage, &second).await);
        // the second stays, the first ends before its day is over
        let third = done(rotate(&stage, &first.0, Some(60)).await);
        ends.reach(&stage, &lost).await;
        assert!(is_refused(&stage, &first).await);
        assert_eq!(asks(&stage, &good).await, None);
        let fourth = done(rotate(&stage, &first.0, Some(0)).await);
        ends.reach(&stage, &good).await;
        assert!(is_refused(&stage, &second).await && is_refused(&stage, &third).await);
        assert!(!is_refused(&stage, &fourth).await);
        assert_eq!(fourth.0.secrets.len(), 1);
    }

    async fn i15_a_program_that_is_off_has_no_token_and_its_batches_wait(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ends = stage.ends().await;
        let program = made(&stage, &["contacts.read", "portal.invite"]).await;
        let bearer = signed_in(&stage, &program).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.try_start(&bearer, request("SEND", &[&ada])).await.unwrap().batch.unwrap();
        assert_eq!((batch.state.as_str(), batch.created_by.as_str()), ("RUNNING", "Warehouse sync"));

        let (off, _) = done(switch(&stage, &stage.admin, &program.0, false).await);
        assert!(!off.active);
        ends.reach(&stage, &bearer).await;
        assert!(is_refused(&stage, &program).await);
        let batch = stage.batch(&batch.id).await;
        assert_eq!((batch.state.as_str(), batch.pause_reason.as_deref()), ("PAUSED", Some("NOT_PERMITTED")));

        // on again: the secret is good, what has ended stays ended
        done(switch(&stage, &stage.admin, &program.0, true).await);
        assert_eq!(asks(&stage, &bearer).await, Some(Code::Unauthenticated));
        let again = signed_in(&stage, &program).await;
        assert_eq!(asks(&stage, &again).await, None);
        for action in ["service_account.deactivated", "service_account.activated"] {
            let sql = format!("SELECT count(*) FROM activity WHERE action = '{action}' AND actor = 'Administrator'");
            assert_eq!(stage.number(&sql).await, 1, "{action}");
        }
    }

    async fn i15_what_a_program_sends_is_its_own(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let program = made(&stage, &["contacts.read", "portal.invite"]).await;
        let bearer = signed_in(&stage, &program).await;
        let ada = stage.clients(1).remove(0);
        let sent = stage.try_start(&bearer, request("SEND", &[&ada])).await.unwrap();
        assert_eq!(codes(&sent.refusals), Vec::<&str>::new());
        let (letter, token) = stage.letters().await.pop().unwrap();
        assert_eq!(Some(letter.email), ada.email);
        // nobody is there to be told
        let decline = usher_proto::invitations::v1::recovery_client::RecoveryClient::new(stage.channel.clone())
            .decline_invitation(usher_proto::invitations::v1::LinkRequest { token })
            .await.unwrap().into_inner();
        assert_eq!(codes(&decline.refusals), Vec::<&str>::new());
        assert_eq!(stage.letters_of(usher_events::MailKind::InvitationDeclined).await.len(), 0);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'invitations.sent' \
            AND actor_kind = 'service_account' AND actor = 'Warehouse sync'").await, 1);
    }

    async fn i15_a_program_loses_what_is_taken_and_is_nobody_in_person(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ends = stage.ends().await;
        let program = made(&stage, &["contacts.read", "portal.invite"]).await;
        let bearer = signed_in(&stage, &program).await;
        let personal = stage.sessions().list_sessions(bearer.on(ListSessionsRequest {})).await;
        assert_eq!(personal.unwrap_err().code(), Code::PermissionDenied);

        let stale = UpdateServiceAccountRequest { expected_version: Some(7), ..grant(&program.0, &[]) };
        assert_eq!(codes(&update(&stage, &stage.admin, stale).await.refusals), ["CONFLICT"]);
        let unnamed = UpdateServiceAccountRequest { display_name: Some(" ".into()), ..grant(&program.0, &[]) };
        assert_eq!(codes(&update(&stage, &stage.admin, unnamed).await.refusals), ["REQUIRED"]);
        let more = UpdateServiceAccountRequest {
            display_name: Some("Sync".into()),
            ..grant(&program.0, &["contacts.read", "contacts.write", "portal.invite"])
        };
        let (more, _) = done(update(&stage, &stage.admin, more).await);
        assert_eq!((more.display_name.as_str(), more.version), ("Sync", 2));
        assert_eq!(asks(&stage, &bearer).await, None);
        let (less, _) = done(update(&stage, &stage.admin, grant(&program.0, &["contacts.read"])).await);
        assert_eq!(less.permissions, ["contacts.read"]);
        ends.reach(&stage, &bearer).await;
        assert_eq!(token(&stage, &program).await.scope, ["contacts.read"]);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'service_account.updated'").await, 2);
    }

    async fn i15_programs_are_listed_to_those_who_manage_members(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let one = made(&stage, &["contacts.read"]).await;
        let (two, _) = made(&stage, &[]).await;
        done(switch(&stage, &stage.admin, &two, false).await);
        let list = async |active| {
            let request = stage.admin.on(ListServiceAccountsRequest { active, page: None });
            let reply = accounts(&stage).list_service_accounts(request).await.unwrap().into_inner();
            reply.service_accounts.into_iter().map(|account| (account.id, account.secrets.len())).collect::<Vec<_>>()
        };
        assert_eq!(list(None).await.len(), 2);
        assert_eq!(list(Some(true)).await, [(one.0.id.clone(), 1)]);
        assert_eq!(list(Some(false)).await, [(two.id.clone(), 1)]);

        let itself = signed_in(&stage, &one).await;
        let refused = accounts(&stage).list_service_accounts(itself.on(ListServiceAccountsRequest::default())).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
        assert!(seen(&stage, &itself, &one.0).await.is_some());
        assert_eq!(seen(&stage, &itself, &two).await, None);
        // another firm sees none of them, changes none, and has no token for them
        let other = stage.another_firm().await;
        assert_eq!(seen(&stage, &other, &one.0).await, None);
        assert_eq!(codes(&switch(&stage, &other, &one.0, false).await.refusals), ["NOT_FOUND"]);
        assert_eq!(codes(&update(&stage, &other, grant(&one.0, &[])).await.refusals), ["NOT_FOUND"]);
    }

    async fn i15_a_day_later_a_program_has_another_session(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let program = made(&stage, &["contacts.read"]).await;
        token(&stage, &program).await;
        stage.advance(TimeDelta::hours(24) - TimeDelta::minutes(5));
        assert_eq!(token(&stage, &program).await.expires_in, 300);
        assert_eq!(stage.number("SELECT count(*) FROM session WHERE kind = 'SERVICE_ACCOUNT'").await, 1);
        stage.advance(TimeDelta::seconds(1));
        assert_eq!(token(&stage, &program).await.expires_in, 300);
        assert_eq!(stage.number("SELECT count(*) FROM session WHERE kind = 'SERVICE_ACCOUNT'").await, 2);
    }
}
