//! The people of the firm (I15).

use chrono::TimeDelta;
use tonic::{Code, Status};
use usher_events::{CancelMessages, Deliver, MailKind, Suppress};
use usher_proto::common::v1::{PageRequest, StringList};
use usher_proto::invitations::v1::{
    BatchGetRequest, GetOrganizationRequest, InviteMemberRequest, ListMembersReply, ListMembersRequest,
    Member, MemberReply, MemberRequest, SetMemberActiveRequest, UpdateMemberRequest,
};
use usher_service::grpc::Bearer;
use usher_testkit::dialects;

use crate::stage::{ADMIN, PASSWORD, Stage, codes, request};

const HEDY: &str = "hedy@birch.example";

fn names(permissions: &[&str]) -> StringList {
    StringList {
        values: permissions.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn new(email: &str, role: &str) -> InviteMemberRequest {
    InviteMemberRequest {
        email: email.into(),
        display_name: "Hedy Lamarr".into(),
        role: Some(role.into()),
        permissions: None,
    }
}

fn own(email: &str, permissions: &[&str]) -> InviteMemberRequest {
    InviteMemberRequest {
        permissions: Some(names(permissions)),
        role: None,
        ..new(email, "")
    }
}

async fn invite(stage: &Stage, by: &Bearer, request: InviteMemberRequest) -> MemberReply {
    let reply = stage.members().invite_member(by.on(request)).await;
    reply.unwrap().into_inner()
}

async fn update(stage: &Stage, by: &Bearer, request: UpdateMemberRequest) -> MemberReply {
    let reply = stage.members().update_member(by.on(request)).await;
    reply.unwrap().into_inner()
}

async fn switch(stage: &Stage, by: &Bearer, member: &Member, active: bool) -> MemberReply {
    let id = member.id.clone();
    let request = SetMemberActiveRequest { id, active };
    let reply = stage.members().set_member_active(by.on(request)).await;
    reply.unwrap().into_inner()
}

async fn resend(stage: &Stage, by: &Bearer, member: &Member) -> MemberReply {
    let request = MemberRequest {
        id: member.id.clone(),
    };
    let reply = stage.members().resend_member_invitation(by.on(request)).await;
    reply.unwrap().into_inner()
}

async fn cancel(stage: &Stage, by: &Bearer, member: &Member) -> MemberReply {
    let request = MemberRequest {
        id: member.id.clone(),
    };
    let reply = stage.members().cancel_member_invitation(by.on(request)).await;
    reply.unwrap().into_inner()
}

fn done(reply: MemberReply) -> Member {
    assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
    reply.member.unwrap()
}

async fn token_of(stage: &Stage) -> String {
    stage
        .letters_of(MailKind::MemberInvitation)
        .await
        .pop()
        .unwrap()
        .1
}

/// Invited, with a password, and signed in.
async fn let_in(stage: &Stage, request: InviteMemberRequest) -> (Member, Bearer) {
    let email = request.email.clone();
    let member = done(invite(stage, &stage.admin, request).await);
    assert!(stage.accept(&token_of(stage).await, PASSWORD).await.accepted);
    (member, stage.signed_in(&email, PASSWORD).await)
}

async fn list(stage: &Stage, by: &Bearer, request: ListMembersRequest) -> ListMembersReply {
    let reply = stage.members().list_members(by.on(request)).await;
    reply.unwrap().into_inner()
}

async fn administrator(stage: &Stage) -> Member {
    let all = list(stage, &stage.admin, ListMembersRequest::default())
        .await
        .members;
    all.into_iter().find(|member| member.email == ADMIN).unwrap()
}

async fn asks(stage: &Stage, bearer: &Bearer) -> Result<(), Status> {
    let asked = stage
        .api()
        .get_organization(bearer.on(GetOrganizationRequest {}))
        .await;
    asked.map(|_| ())
}

dialects! {
    async fn i15_a_member_is_invited_like_everybody_else(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let invited = done(invite(&stage, &stage.admin, new("Hedy@Birch.example", "STAFF")).await);
        assert_eq!((invited.status.as_str(), invited.active, invited.version), ("INVITED", true, 1));
        assert_eq!(invited.invited_by.as_deref(), Some("Administrator"));
        assert_eq!(invited.permissions, ["contacts.read", "contacts.write", "portal.invite"]);
        assert_eq!((invited.role.as_deref(), invited.delivery.as_deref()), (Some("STAFF"), Some("QUEUED")));

        let (letter, token) = stage.letters_of(MailKind::MemberInvitation).await.pop().unwrap();
        assert_eq!((letter.email.as_str(), letter.first_name.as_str()), ("Hedy@Birch.example", "Hedy Lamarr"));
        let landing = stage.landing(&token).await;
        assert_eq!((landing.state.as_str(), landing.expires_at), ("OPEN", invited.expires_at));
        assert!(stage.accept(&token, PASSWORD).await.accepted);
        let status = async || {
            let ids = vec![invited.id.clone()];
            let found = stage.api().batch_get_members(stage.admin.on(BatchGetRequest { ids })).await.unwrap();
            found.into_inner().members.remove(0)
        };
        let accepted = status().await;
        assert_eq!((accepted.status.as_str(), accepted.expires_at), ("ACCEPTED", None));
        assert!(accepted.invited_at.is_some() && accepted.accepted_at.is_some());
        let hedy = stage.signed_in(HEDY, PASSWORD).await;
        assert_eq!(status().await.status, "ACTIVE");

        // staff sees colleagues and changes nothing about them
        assert_eq!(list(&stage, &hedy, ListMembersRequest::default()).await.members.len(), 2);
        let refused = stage.members().invite_member(hedy.on(new("more@birch.example", "READ_ONLY"))).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'member.invited' AND actor_id IS NOT NULL \
            AND subject_id IS NOT NULL").await, 1);
    }

    async fn i15_an_address_is_one_member_s_and_may_be_a_contact_s_too(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, true).await;
        let address = ada.email.clone().unwrap();
        let (member, _) = let_in(&stage, own(&address, &["contacts.read"])).await;
        assert_eq!((member.role, member.permissions), (None, vec!["contacts.read".to_owned()]));

        let id = member.id.clone();
        let again = invite(&stage, &stage.admin, new(&address.to_uppercase(), "STAFF")).await;
        assert_eq!((codes(&again.refusals), again.refusals[0].contact_id.clone()), (vec!["EMAIL_TAKEN"], Some(id.clone())));
        done(switch(&stage, &stage.admin, &administrator(&stage).await, true).await);
        let off = list(&stage, &stage.admin, ListMembersRequest { active: Some(true), page: None }).await;
        let off = off.members.into_iter().find(|other| other.id == id).unwrap();
        done(switch(&stage, &stage.admin, &off, false).await);
        let again = invite(&stage, &stage.admin, new(&address, "STAFF")).await;
        assert_eq!((codes(&again.refusals), again.refusals[0].contact_id.clone()), (vec!["EMAIL_OF_INACTIVE_MEMBER"], Some(id)));

        for (wrong, code, field) in [
            (new("nobody", "STAFF"), "EMAIL_INVALID", "email"),
            (new("x@birch.example", "OWNER"), "INVALID", "role"),
            (own("x@birch.example", &["contacts.delete"]), "INVALID", "permissions"),
            (InviteMemberRequest { role: None, ..new("x@birch.example", "") }, "REQUIRED", "role"),
            (InviteMemberRequest { display_name: " ".into(), ..new("x@birch.example", "STAFF") }, "REQUIRED", "displayName"),
        ] {
            let reply = invite(&stage, &stage.admin, wrong).await;
            assert_eq!((codes(&reply.refusals), reply.refusals[0].field.clone()), (vec![code], vec![field.to_owned()]));
        }
        assert_eq!(stage.number("SELECT count(*) FROM member").await, 2);
    }

    async fn i15_nobody_grants_or_takes_what_they_lack(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let (hedy, manager) = let_in(&stage, own(HEDY, &["members.manage", "contacts.read"])).await;
        let (clerk, _) = let_in(&stage, own("clerk@birch.example", &["contacts.read"])).await;
        let admin = administrator(&stage).await;

        let reply = invite(&stage, &manager, new("more@birch.example", "STAFF")).await;
        assert_eq!(codes(&reply.refusals), ["NOT_YOURS_TO_GRANT"]);
        assert!(reply.refusals[0].message.ends_with(": contacts.write, portal.invite"), "{}", reply.refusals[0].message);
        done(invite(&stage, &manager, new("more@birch.example", "READ_ONLY")).await);
        let change = |member: &Member, permissions: &[&str]| UpdateMemberRequest {
            id: member.id.clone(),
            permissions: Some(names(permissions)),
            ..UpdateMemberRequest::default()
        };
        // upwards, for others and for oneself; and what others have more than oneself is not taken either
        for refused in [
            change(&clerk, &["contacts.read", "settings.write"]),
            change(&hedy, &["members.manage", "contacts.read", "email.bulk"]),
            change(&admin, &["members.manage", "contacts.read"]),
        ] {
            assert_eq!(codes(&update(&stage, &manager, refused).await.refusals), ["NOT_YOURS_TO_GRANT"]);
        }
        assert_eq!(codes(&switch(&stage, &manager, &admin, false).await.refusals), ["NOT_YOURS_TO_GRANT"]);
        let changed = done(update(&stage, &manager, change(&clerk, &["contacts.read", "members.manage"])).await);
        assert_eq!((changed.permissions, changed.version), (vec!["contacts.read".to_owned(), "members.manage".to_owned()], 3));

        // what counts is what a member may do now, whatever the token says
        stage.run("UPDATE member SET permissions = '[\"contacts.read\"]' WHERE email = $1", [HEDY.into()]).await;
        let refused = stage.members().invite_member(manager.on(new("other@birch.example", "READ_ONLY"))).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    }

    async fn i15_the_last_who_manages_members_stays(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let admin = administrator(&stage).await;
        let read_only = UpdateMemberRequest {
            id: admin.id.clone(),
            role: Some("READ_ONLY".into()),
            ..UpdateMemberRequest::default()
        };
        // whoever has not accepted yet could not manage anything
        let waiting = done(invite(&stage, &stage.admin, new("later@birch.example", "ADMINISTRATOR")).await);
        assert_eq!(codes(&update(&stage, &stage.admin, read_only.clone()).await.refusals), ["LAST_MANAGER"]);
        assert_eq!(codes(&switch(&stage, &stage.admin, &admin, false).await.refusals), ["LAST_MANAGER"]);
        done(switch(&stage, &stage.admin, &waiting, false).await);

        let (hedy, other) = let_in(&stage, new(HEDY, "ADMINISTRATOR")).await;
        // each switches the other off at the same moment: one of them stays
        let (mut mine, mut theirs) = (stage.members(), stage.members());
        let off = |member: &Member| SetMemberActiveRequest { id: member.id.clone(), active: false };
        let (one, two) = tokio::join!(
            mine.set_member_active(stage.admin.on(off(&hedy))),
            theirs.set_member_active(other.on(off(&admin))),
        );
        let succeeded = [one, two].into_iter().filter(|reply| {
            reply.as_ref().is_ok_and(|reply| reply.get_ref().refusals.is_empty())
        });
        assert_eq!(succeeded.count(), 1);
        assert_eq!(stage.number("SELECT count(*) FROM member WHERE active").await, 1);
    }

    async fn i15_switching_off_ends_sessions_links_and_batches(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ends = stage.ends().await;
        let (hedy, session) = let_in(&stage, new(HEDY, "MANAGER")).await;
        let ada = stage.clients(1).remove(0);
        let mut later = request("SEND", &[&ada]);
        later.send_at = Some(usher_proto::timestamp(crate::stage::noon() + TimeDelta::minutes(3)));
        let batch = stage.try_start(&session, later).await.unwrap().batch.unwrap();
        // more than are worked on before the answer
        let many = stage.clients(101);
        let many = request("SEND", &many.iter().collect::<Vec<_>>());
        let running = stage.try_start(&session, many).await.unwrap().batch.unwrap();
        assert_eq!(running.state, "RUNNING");

        let off = done(switch(&stage, &stage.admin, &hedy, false).await);
        assert_eq!((off.active, off.status.as_str()), (false, "ACTIVE"));
        ends.reach(&stage, &session).await;
        assert_eq!(codes(&stage.sign_in(HEDY, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
        // what was under way stands still at once, what waited for its time when that comes
        assert_eq!(stage.batch(&running.id).await.state, "PAUSED");
        stage.advance(TimeDelta::minutes(3));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.batch(&batch.id).await.state, "PAUSED");
        assert_eq!(stage.letters().await.len(), 0);
        assert_eq!(stage.number("SELECT count(*) FROM batch WHERE reason = 'NOT_PERMITTED'").await, 2);

        // on again, with the same password
        done(switch(&stage, &stage.admin, &off, true).await);
        stage.signed_in(HEDY, PASSWORD).await;
        let lines = "SELECT count(*) FROM activity WHERE action IN ('member.deactivated', 'member.activated')";
        assert_eq!(stage.number(lines).await, 2);

        // one who was only invited loses the link
        let invited = done(invite(&stage, &stage.admin, new("late@birch.example", "STAFF")).await);
        let token = token_of(&stage).await;
        let off = done(switch(&stage, &stage.admin, &invited, false).await);
        assert_eq!((off.status.as_str(), off.expires_at), ("WAITING", None));
        assert_eq!(stage.landing(&token).await.state, "INVALID");
        assert_eq!(codes(&resend(&stage, &stage.admin, &off).await.refusals), ["MEMBER_INACTIVE"]);
    }

    async fn i15_whoever_loses_a_permission_is_signed_out_and_whoever_gains_one_is_not(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ends = stage.ends().await;
        let (hedy, session) = let_in(&stage, new(HEDY, "STAFF")).await;
        let role = |role: &str| UpdateMemberRequest {
            id: hedy.id.clone(),
            role: Some(role.into()),
            display_name: Some("Hedy".into()),
            ..UpdateMemberRequest::default()
        };
        let changed = done(update(&stage, &stage.admin, role("MANAGER")).await);
        assert_eq!((changed.role.as_deref(), changed.display_name.as_str()), (Some("MANAGER"), "Hedy"));
        assert!(asks(&stage, &session).await.is_ok());
        done(update(&stage, &stage.admin, role("READ_ONLY")).await);
        ends.reach(&stage, &session).await;
        let again = stage.signed_in(HEDY, PASSWORD).await;
        let refused = stage.try_start(&again, request("SEND", &[&stage.clients(1)[0]])).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);

        let expected = |version| UpdateMemberRequest { expected_version: Some(version), ..role("STAFF") };
        assert_eq!(codes(&update(&stage, &stage.admin, expected(1)).await.refusals), ["CONFLICT"]);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'member.updated' \
            AND summary = 'Changed Hedy: READ_ONLY instead of MANAGER'").await, 1);
    }

    async fn i15_a_member_s_invitation_is_sent_again_and_cancelled(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let hedy = done(invite(&stage, &stage.admin, new(HEDY, "STAFF")).await);
        let first = token_of(&stage).await;
        stage.advance(TimeDelta::days(8));
        let admin = stage.signed_in(ADMIN, PASSWORD).await;
        let listed = list(&stage, &admin, ListMembersRequest::default()).await.members;
        assert_eq!(listed.iter().find(|member| member.email == HEDY).unwrap().status, "EXPIRED");
        assert_eq!(stage.landing(&first).await.state, "EXPIRED");

        let again = done(resend(&stage, &admin, &hedy).await);
        assert_eq!((again.status.as_str(), again.delivery.as_deref()), ("INVITED", Some("QUEUED")));
        let second = token_of(&stage).await;
        let (old, new) = (stage.landing(&first).await, stage.landing(&second).await);
        assert_eq!((old.state.as_str(), new.state.as_str()), ("SUPERSEDED", "OPEN"));
        assert_eq!(old.newest_sent_at.map(|at| at.seconds), again.invited_at.map(|at| at.seconds));

        let cancelled = done(cancel(&stage, &admin, &hedy).await);
        assert_eq!((cancelled.status.as_str(), cancelled.expires_at), ("WAITING", None));
        assert!(cancelled.invited_at.is_some());
        for token in [&first, &second] {
            assert_eq!(stage.landing(token).await.state, "INVALID");
        }
        let spoken = stage.spoken().await;
        let taken_back = spoken.iter().filter(|envelope| envelope.kind == "usher.work.cancel_messages.v1");
        let taken_back: Vec<CancelMessages> = taken_back.map(|envelope| envelope.decode().unwrap()).collect();
        assert_eq!(taken_back.iter().map(|command| command.withdrawn.len()).sum::<usize>(), 2);
        assert_eq!(codes(&cancel(&stage, &admin, &hedy).await.refusals), ["NOT_INVITED"]);

        done(resend(&stage, &admin, &hedy).await);
        assert!(stage.accept(&token_of(&stage).await, PASSWORD).await.accepted);
        for reply in [resend(&stage, &admin, &hedy).await, cancel(&stage, &admin, &hedy).await] {
            assert_eq!(codes(&reply.refusals), ["ALREADY_ACTIVATED"]);
        }
    }

    async fn i8_i12_a_member_gets_a_new_link_by_an_old_one_and_by_a_forgotten_password(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        done(invite(&stage, &stage.admin, new(HEDY, "STAFF")).await);
        let first = token_of(&stage).await;
        stage.new_link(&first).await;
        assert_eq!(stage.letters_of(MailKind::MemberInvitation).await.len(), 1, "an open link is good enough");
        stage.advance(TimeDelta::days(8));
        stage.new_link(&first).await;
        let second = token_of(&stage).await;
        stage.forgot(HEDY).await;
        let letters = stage.letters_of(MailKind::MemberInvitation).await;
        assert_eq!(letters.iter().map(|(letter, _)| (letter.generation, letter.email.as_str())).collect::<Vec<_>>(), [(1, HEDY), (2, HEDY), (3, HEDY)]);
        let third = token_of(&stage).await;
        let states = [stage.landing(&first).await.state, stage.landing(&second).await.state, stage.landing(&third).await.state];
        assert_eq!(states, ["SUPERSEDED", "SUPERSEDED", "OPEN"]);
        let admin = stage.signed_in(ADMIN, PASSWORD).await;
        let listed = list(&stage, &admin, ListMembersRequest::default()).await.members;
        let hedy = listed.into_iter().find(|member| member.email == HEDY).unwrap();
        assert_eq!((hedy.status.as_str(), hedy.delivery.as_deref()), ("INVITED", Some("QUEUED")));
        assert_eq!(hedy.invited_by.as_deref(), Some("Administrator"));
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'member.invitation_renewed'").await, 2);
        assert_eq!(stage.notifications.taken_back().len(), 1, "of a forgotten password the queue alone tells");
        // whoever was taken back is helped no more
        done(cancel(&stage, &admin, &hedy).await);
        stage.new_link(&third).await;
        stage.forgot(HEDY).await;
        assert_eq!(stage.letters_of(MailKind::MemberInvitation).await.len(), 3);
        // nor is whoever is in by an old link; a forgotten password is a reset then
        done(resend(&stage, &admin, &hedy).await);
        let fourth = token_of(&stage).await;
        assert!(stage.accept(&fourth, PASSWORD).await.accepted);
        for token in [&first, &fourth] {
            stage.new_link(token).await;
        }
        stage.forgot(HEDY).await;
        assert_eq!(stage.letters_of(MailKind::MemberInvitation).await.len(), 4);
        assert_eq!(stage.letters_of(MailKind::MemberPasswordReset).await.len(), 1);
    }

    async fn i8_this_isnt_me_ends_a_member_s_invitation_and_tells_the_inviter(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let hedy = done(invite(&stage, &stage.admin, new(HEDY, "STAFF")).await);
        let first = token_of(&stage).await;
        stage.advance(TimeDelta::days(8));
        stage.new_link(&first).await;
        let second = token_of(&stage).await;
        assert_eq!(stage.decline(&first).await, ["LINK_SUPERSEDED"]);
        assert_eq!(stage.decline(&second).await, Vec::<String>::new());
        for token in [&first, &second] {
            assert_eq!(stage.landing(token).await.state, "INVALID");
        }
        assert_eq!(codes(&stage.accept(&second, PASSWORD).await.refusals), ["LINK_INVALID"]);
        let admin = stage.signed_in(ADMIN, PASSWORD).await;
        let listed = list(&stage, &admin, ListMembersRequest::default()).await.members;
        let waiting = listed.iter().find(|member| member.id == hedy.id).unwrap();
        assert_eq!((waiting.status.as_str(), waiting.expires_at), ("WAITING", None));
        let spoken = stage.spoken().await;
        let suppressed = spoken.iter().filter(|envelope| envelope.kind == "usher.work.suppress.v1");
        let suppressed: Vec<Suppress> = suppressed.map(|envelope| envelope.decode().unwrap()).collect();
        assert_eq!(suppressed.iter().map(|command| (command.email_canonical.as_str(), command.contact_id)).collect::<Vec<_>>(), [(HEDY, None)]);
        let told = spoken.iter().filter(|envelope| envelope.kind == "usher.work.deliver.v1");
        let told = told.map(|envelope| envelope.decode::<Deliver>().unwrap());
        let told: Vec<Deliver> = told.filter(|deliver| deliver.mailing.kind == MailKind::InvitationDeclined).collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].letters[0].email.as_str(), told[0].mailing.message.as_deref()), (ADMIN, Some("Hedy Lamarr (hedy@birch.example)")));
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'invitation.declined' AND actor = 'Hedy Lamarr'").await, 1);
    }

    async fn i17_members_have_their_share_of_the_day_s_mails(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let hedy = done(invite(&stage, &stage.admin, new(HEDY, "STAFF")).await);
        for _ in 1..20 {
            done(resend(&stage, &stage.admin, &hedy).await);
        }
        let last = token_of(&stage).await;
        let refused = resend(&stage, &stage.admin, &hedy).await;
        assert_eq!((codes(&refused.refusals), refused.member), (vec!["LIMIT_REACHED"], None));
        stage.forgot(HEDY).await;
        assert_eq!(stage.letters_of(MailKind::MemberInvitation).await.len(), 20);
        assert_eq!(stage.landing(&last).await.state, "OPEN", "nothing has happened to the link that is out");
        // the organization's budget is the same as that of invitations
        crate::budgets::daily(&stage, 20).await;
        let refused = invite(&stage, &stage.admin, new("other@birch.example", "STAFF")).await;
        assert_eq!(codes(&refused.refusals), ["LIMIT_REACHED"]);
        assert_eq!(stage.number("SELECT count(*) FROM member").await, 2);
        stage.advance(TimeDelta::days(1));
        let admin = stage.signed_in(ADMIN, PASSWORD).await;
        done(resend(&stage, &admin, &hedy).await);
    }

    async fn i15_members_are_listed_by_name_page_by_page(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for (number, name) in ["Émile", "adam", "Zoë", "berta"].into_iter().enumerate() {
            let new = InviteMemberRequest { display_name: name.into(), ..new(&format!("m{number}@birch.example"), "STAFF") };
            done(invite(&stage, &stage.admin, new).await);
        }
        let page = |after: Option<String>| ListMembersRequest {
            page: Some(PageRequest { first: Some(2), after, with_total: true, ..PageRequest::default() }),
            active: None,
        };
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let reply = list(&stage, &stage.admin, page(after)).await;
            let info = reply.page.unwrap();
            assert_eq!(info.total, Some(5));
            seen.extend(reply.members.into_iter().map(|member| member.display_name));
            after = info.cursors.last().cloned();
            if !info.has_next_page {
                break;
            }
        }
        assert_eq!(seen, ["adam", "Administrator", "berta", "Émile", "Zoë"]);
        let all = list(&stage, &stage.admin, ListMembersRequest::default()).await.members;
        done(switch(&stage, &stage.admin, &all[0], false).await);
        let count = async |active| list(&stage, &stage.admin, ListMembersRequest { page: None, active }).await.members.len();
        assert_eq!((count(Some(true)).await, count(Some(false)).await), (4, 1));
    }

    async fn i15_another_firm_s_members_do_not_exist(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let hedy = done(invite(&stage, &stage.admin, new(HEDY, "STAFF")).await);
        let cedar = stage.another_firm().await;
        let change = UpdateMemberRequest {
            id: hedy.id.clone(),
            display_name: Some("Mine".into()),
            ..UpdateMemberRequest::default()
        };
        for reply in [
            update(&stage, &cedar, change).await,
            switch(&stage, &cedar, &hedy, false).await,
            resend(&stage, &cedar, &hedy).await,
            cancel(&stage, &cedar, &hedy).await,
        ] {
            assert_eq!(codes(&reply.refusals), ["NOT_FOUND"]);
        }
        assert_eq!(list(&stage, &cedar, ListMembersRequest::default()).await.members.len(), 1);
    }
}
