//! The people of the firm, sessions, and looking through a contact's eyes.

use serde_json::json;
use usher_auth::Permission;
use usher_proto::common::v1::{PageInfo, Refusal};
use usher_proto::invitations::v1 as wire;
use usher_proto::{bytes_of, timestamp};
use usher_types::{ContactId, MemberId, SessionId};

use super::harness::Harness;

#[tokio::test]
async fn i15_members_are_listed_and_a_refusal_names_the_other_one() {
    let harness = Harness::new();
    let id = MemberId::new(harness.now());
    let at = timestamp(harness.now());
    harness
        .fakes
        .on("ListMembers", move |asked: wire::ListMembersRequest| {
            let member = wire::Member {
                id: bytes_of(id),
                display_name: "Hedy".to_owned(),
                role: Some("STAFF".to_owned()),
                active: asked.active.unwrap_or_default(),
                status: "INVITED".to_owned(),
                delivery: Some("QUEUED".to_owned()),
                expires_at: Some(at),
                created_at: Some(at),
                ..Default::default()
            };
            Ok(wire::ListMembersReply {
                members: vec![member],
                page: Some(PageInfo {
                    cursors: vec!["c".to_owned()],
                    total: Some(1),
                    ..Default::default()
                }),
            })
        })
        .on("InviteMember", move |asked: wire::InviteMemberRequest| {
            assert_eq!(
                (asked.role.as_deref(), asked.permissions),
                (Some("READ_ONLY"), None)
            );
            let refusal = Refusal {
                code: "EMAIL_TAKEN".to_owned(),
                field: vec!["email".to_owned()],
                contact_id: Some(bytes_of(id)),
                ..Refusal::default()
            };
            Ok(wire::MemberReply {
                member: None,
                refusals: vec![refusal],
            })
        });
    let token = harness.admin();
    let query = "{ members(filter: { active: true }) { totalCount nodes { id displayName role active status delivery } } }";
    let answer = harness.ask(Some(&token), query, json!({})).await.json();
    let list = &answer["data"]["members"];
    assert_eq!(list["totalCount"], 1);
    let shown = list["nodes"][0]["id"].clone();
    assert_eq!(
        list["nodes"][0],
        json!({ "id": shown, "displayName": "Hedy", "role": "STAFF", "active": true, "status": "INVITED", "delivery": "QUEUED" })
    );
    let invite = "mutation { inviteMember(input: { email: \"a@b.example\", displayName: \"A\", role: READ_ONLY }) \
                  { member { id } userErrors { code field memberId } } }";
    let answer = harness.ask(Some(&token), invite, json!({})).await.json();
    assert_eq!(
        answer["data"]["inviteMember"],
        json!({ "member": null, "userErrors": [{ "code": "EMAIL_TAKEN", "field": ["email"], "memberId": shown }] })
    );
    let roles = harness
        .ask(Some(&token), "{ memberRoles { role permissions } }", json!({}))
        .await
        .json();
    assert_eq!(
        roles["data"]["memberRoles"][3],
        json!({ "role": "READ_ONLY", "permissions": ["contacts.read"] })
    );

    // whoever may not is refused before anybody is asked
    let called = harness.fakes.called().len();
    let clerk = harness.member([Permission::ContactsRead]);
    assert_eq!(
        harness.ask(Some(&clerk), invite, json!({})).await.codes(),
        ["FORBIDDEN"]
    );
    let contact = harness.contact(ContactId::new(harness.now()));
    assert_eq!(
        harness.ask(Some(&contact), query, json!({})).await.codes(),
        ["FORBIDDEN"]
    );
    assert_eq!(harness.fakes.called().len(), called);
}

#[tokio::test]
async fn i11_sessions_are_listed_and_ended_by_their_ids() {
    let harness = Harness::new();
    let id = SessionId::new(harness.now());
    let at = timestamp(harness.now());
    harness
        .fakes
        .on("ListSessions", move |_: wire::ListSessionsRequest| {
            let session = wire::LiveSession {
                id: bytes_of(id),
                created_at: Some(at),
                last_used_at: Some(at),
                ends_at: Some(at),
                device: Some("Firefox on Windows".to_owned()),
                current: true,
            };
            Ok(wire::ListSessionsReply {
                sessions: vec![session],
            })
        })
        .on("EndSession", |_: wire::EndSessionRequest| {
            Ok(wire::SignOutReply::default())
        });
    let token = harness.contact(ContactId::new(harness.now()));
    let answer = harness
        .ask(Some(&token), "{ sessions { id device current } }", json!({}))
        .await
        .json();
    let shown = &answer["data"]["sessions"][0];
    assert_eq!(
        (&shown["device"], &shown["current"]),
        (&json!("Firefox on Windows"), &json!(true))
    );
    let end = "mutation ($id: ID!) { endSession(input: { id: $id }) { userErrors { code } } }";
    let ended = harness
        .ask(Some(&token), end, json!({ "id": shown["id"] }))
        .await
        .json();
    assert_eq!(ended["data"]["endSession"]["userErrors"], json!([]));
    let asked = harness.fakes.calls::<wire::EndSessionRequest>("EndSession");
    assert_eq!(asked[0].id, bytes_of(id));
    let read_only = harness.read_only();
    assert_eq!(
        harness
            .ask(Some(&read_only), end, json!({ "id": "x" }))
            .await
            .codes(),
        ["READ_ONLY_SESSION"]
    );
}

#[tokio::test]
async fn i14_the_portal_says_who_looks_through_the_contact_s_eyes() {
    let harness = Harness::new();
    harness
        .fakes
        .on("GetImpersonator", |_: wire::GetImpersonatorRequest| {
            Ok(wire::GetImpersonatorReply {
                name: Some("Grace".to_owned()),
            })
        });
    let id = ContactId::new(harness.now());
    let query = "{ viewer { ... on PortalUser { impersonatedBy } } }";
    let own = harness
        .ask(Some(&harness.contact(id)), query, json!({}))
        .await
        .json();
    assert_eq!(own["data"]["viewer"], json!({ "impersonatedBy": null }));
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
    let looking = harness.impersonating(id);
    let seen = harness.ask(Some(&looking), query, json!({})).await.json();
    assert_eq!(seen["data"]["viewer"], json!({ "impersonatedBy": "Grace" }));
    let write = "mutation { createTestClient { userErrors { code } } }";
    assert_eq!(
        harness.ask(Some(&looking), write, json!({})).await.codes(),
        ["READ_ONLY_SESSION"]
    );
}
