//! setPortalToggles: links changed and people invited in one step.

use serde_json::{Value, json};
use tonic::Status;
use usher_auth::Permission;
use usher_proto::bytes_of;
use usher_proto::common::v1::{PageInfo, Refusal};
use usher_proto::contacts::v1 as contacts;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::invitations::v1 as invitations;
use usher_proto::notifications::v1 as notifications;
use usher_types::{AccountId, ContactId};

use super::harness::Harness;
use super::rows::{account, contact};

const CHANGE: &str = r#"mutation { setPortalToggles(input: { accountIds: ["x"], login: true, sendInvitations: true, message: "Hello" }) {
    accounts { name } batch { total } userErrors { code } } }"#;

/// Since when login counts as just switched on.
fn since(harness: &Harness) -> prost_types::Timestamp {
    usher_proto::timestamp(harness.now() - chrono::TimeDelta::hours(1))
}

/// Links of so many contacts.
fn linked(harness: &Harness, people: usize) {
    let row = account(harness, AccountId::new(harness.now()));
    let contact = bytes_of(ContactId::new(harness.now()));
    let at = since(harness);
    harness
        .fakes
        .on("SetToggles", move |_: contacts::SetTogglesRequest| {
            let looked_at = contacts::ContactVersion {
                contact_id: contact.clone(),
                raw_version: 2,
            };
            Ok(contacts::SetTogglesReply {
                accounts: vec![row.clone()],
                contacts: vec![looked_at; people],
                since: Some(at),
                ..contacts::SetTogglesReply::default()
            })
        });
}

fn checked(harness: &Harness, code: Option<&'static str>) {
    harness.fakes.on(
        "CheckInvitation",
        move |_: invitations::CheckInvitationRequest| {
            let refusal = code.map(|code| Refusal {
                code: code.to_owned(),
                ..Refusal::default()
            });
            Ok(invitations::CheckInvitationReply {
                refusals: refusal.into_iter().collect(),
            })
        },
    );
}

fn started(harness: &Harness) {
    harness
        .fakes
        .on("StartBatch", |_: invitations::StartBatchRequest| {
            Ok(invitations::BatchReply {
                batch: Some(invitations::Batch {
                    total: 1,
                    ..invitations::Batch::default()
                }),
                ..invitations::BatchReply::default()
            })
        });
}

#[tokio::test]
async fn c6_toggles_and_invitations_in_one_step() {
    let harness = Harness::new();
    linked(&harness, 1);
    checked(&harness, None);
    started(&harness);
    let answer = harness.ask(Some(&harness.admin()), CHANGE, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["setPortalToggles"],
        json!({ "accounts": [{ "name": "Engines Ltd" }], "batch": { "total": 1 }, "userErrors": [] })
    );
    // who may not invite changes nothing either
    let token = harness.member([Permission::ContactsWrite]);
    assert_eq!(
        harness.ask(Some(&token), CHANGE, Value::Null).await.codes(),
        ["FORBIDDEN"]
    );
    assert_eq!(
        harness.fakes.called(),
        ["CheckInvitation", "SetToggles", "StartBatch"]
    );
    let asked = harness
        .fakes
        .calls::<invitations::CheckInvitationRequest>("CheckInvitation");
    assert_eq!(asked[0].message.as_deref(), Some("Hello"));
}

#[tokio::test]
async fn i15_what_would_refuse_the_invitations_changes_no_link() {
    let harness = Harness::new();
    linked(&harness, 2);
    checked(&harness, Some("PORTAL_DISABLED"));
    let answer = harness.ask(Some(&harness.admin()), CHANGE, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["setPortalToggles"],
        json!({ "accounts": [], "batch": null, "userErrors": [{ "code": "PORTAL_DISABLED" }] })
    );
    harness.fakes.on(
        "CheckInvitation",
        |_: invitations::CheckInvitationRequest| -> Result<invitations::CheckInvitationReply, Status> {
            Err(Status::permission_denied("email.bulk"))
        },
    );
    let answer = harness.ask(Some(&harness.admin()), CHANGE, Value::Null).await;
    assert_eq!(answer.codes(), ["FORBIDDEN"]);
    assert_eq!(harness.fakes.called(), ["CheckInvitation"; 2]);
}

/// The links are changed by then, so the answer shows them beside the error.
#[tokio::test]
async fn c6_a_batch_that_fails_after_all_does_not_hide_the_links() {
    let harness = Harness::new();
    linked(&harness, 1);
    checked(&harness, None);
    harness.fakes.on(
        "StartBatch",
        |_: invitations::StartBatchRequest| -> Result<invitations::BatchReply, Status> {
            Err(Status::unavailable("away"))
        },
    );
    let answer = harness.ask(Some(&harness.admin()), CHANGE, Value::Null).await;
    let answer = answer.json();
    assert_eq!(
        answer["data"]["setPortalToggles"],
        json!({ "accounts": [{ "name": "Engines Ltd" }], "batch": null, "userErrors": [] })
    );
    assert_eq!(answer["errors"][0]["path"], json!(["setPortalToggles", "batch"]));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE");
}

/// The accounts name any number of people, so that no limit of a selection (I17) stops it once the links are changed.
#[tokio::test]
async fn i13_people_are_named_by_their_links_and_by_when_those_were_switched_on() {
    for (people, only) in [(1, true), (10_001, false)] {
        let harness = Harness::new();
        linked(&harness, people);
        checked(&harness, None);
        started(&harness);
        harness.ask(Some(&harness.admin()), CHANGE, Value::Null).await;
        let calls = harness
            .fakes
            .calls::<invitations::StartBatchRequest>("StartBatch");
        let Some(Of::Linked(linked)) = calls[0].selection.clone().and_then(|selection| selection.of) else {
            panic!("not by links");
        };
        assert_eq!(
            (linked.contact_id.is_some(), linked.since),
            (only, Some(since(&harness)))
        );
    }
}

/// C6: who would get in, each of them, before anything is changed.
#[tokio::test]
async fn c6_a_preview_of_toggles_lists_each_person_and_shows_the_mail() {
    let harness = Harness::new();
    let row = contact(&harness, ContactId::new(harness.now()));
    let listed = row.clone();
    harness
        .fakes
        .on("PreviewSelection", move |_: contacts::PreviewSelectionRequest| {
            Ok(contacts::PreviewSelectionReply {
                total: 3,
                eligible: 2,
                first_eligible: Some(row.clone()),
                first_accounts: vec!["Engines Ltd".into()],
                ..contacts::PreviewSelectionReply::default()
            })
        });
    harness
        .fakes
        .on("ListIneligible", move |_: contacts::ListIneligibleRequest| {
            Ok(contacts::ListContactsReply {
                contacts: vec![listed.clone()],
                page: Some(PageInfo {
                    cursors: vec!["1".to_owned()],
                    ..PageInfo::default()
                }),
            })
        });
    harness
        .fakes
        .on("GetOrganization", |_: invitations::GetOrganizationRequest| {
            Ok(invitations::OrganizationReply {
                organization: Some(invitations::Organization::default()),
                ..invitations::OrganizationReply::default()
            })
        });
    harness
        .fakes
        .on("BatchGetMembers", |_: invitations::BatchGetRequest| {
            Ok(invitations::BatchGetMembersReply::default())
        });
    harness.fakes.on(
        "PreviewInvitation",
        |request: notifications::PreviewInvitationRequest| {
            Ok(notifications::PreviewInvitationReply {
                text: request.account_names.unwrap_or_default(),
                ..notifications::PreviewInvitationReply::default()
            })
        },
    );
    let query = r#"{ portalTogglesPreview(accountIds: ["x"], exceptContactIds: ["y"]) { total eligible text eligibleContacts { nodes { firstName } } } }"#;
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["portalTogglesPreview"],
        json!({ "total": 3, "eligible": 2, "text": "Engines Ltd", "eligibleContacts": { "nodes": [{ "firstName": "Ada" }] } })
    );
    let asked = harness
        .fakes
        .calls::<contacts::ListIneligibleRequest>("ListIneligible");
    assert_eq!((asked[0].reason.as_str(), asked[0].action.as_str()), ("", "SEND"));
    let of = asked[0].selection.clone().and_then(|selection| selection.of);
    assert!(
        matches!(of, Some(Of::Linked(linked)) if linked.since.is_none() && linked.except_contact_ids.len() == 1)
    );
}
