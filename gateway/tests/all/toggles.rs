//! setPortalToggles: links changed and people invited in one step.

use serde_json::{Value, json};
use tonic::Status;
use usher_auth::Permission;
use usher_proto::bytes_of;
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1 as contacts;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::invitations::v1 as invitations;
use usher_types::{AccountId, ContactId};

use super::harness::Harness;
use super::rows::account;

const CHANGE: &str = r#"mutation { setPortalToggles(input: { accountIds: ["x"], login: true, sendInvitations: true, message: "Hello" }) {
    accounts { name } batch { total } userErrors { code } } }"#;

/// Links of so many contacts.
fn linked(harness: &Harness, people: usize) {
    let row = account(harness, AccountId::new(harness.now()));
    let contact = bytes_of(ContactId::new(harness.now()));
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

/// 10,000 is the most that one selection names by ids (I17); the accounts name the same people in any number.
#[tokio::test]
async fn i17_more_people_than_a_selection_may_name_are_named_by_their_accounts() {
    for (people, by_accounts) in [(10_000, false), (10_001, true)] {
        let harness = Harness::new();
        linked(&harness, people);
        checked(&harness, None);
        started(&harness);
        harness.ask(Some(&harness.admin()), CHANGE, Value::Null).await;
        let calls = harness
            .fakes
            .calls::<invitations::StartBatchRequest>("StartBatch");
        let of = calls[0].selection.clone().and_then(|selection| selection.of);
        assert_eq!(matches!(of, Some(Of::AccountIds(_))), by_accounts, "{people}");
    }
}
