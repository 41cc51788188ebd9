//! Changes, and the calls behind them.

use serde_json::{Value, json};
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_proto::timestamp;
use usher_types::ContactId;

use super::harness::Harness;
use super::rows::contact;

const CREATE: &str = r#"mutation { createContact(input: { role: CLIENT, firstName: "Ada", lastName: "Lovelace",
    email: "ada@example.com", invite: true, message: "Welcome" }) { contact { portal { status } } userErrors { code } } }"#;

fn creating(harness: &Harness) -> ContactId {
    let id = ContactId::new(harness.now());
    let made = contact(harness, id);
    harness
        .fakes
        .on("CreateContact", move |_: contacts::CreateContactRequest| {
            Ok(contacts::ContactReply {
                contact: Some(made.clone()),
                invite_key: Some("create:1".to_owned()),
                ..contacts::ContactReply::default()
            })
        });
    id
}

#[tokio::test]
async fn i2_a_new_contact_is_invited_at_once_under_the_key_of_its_command() {
    let harness = Harness::new();
    let id = creating(&harness);
    let mut invited = contact(&harness, id);
    invited.portal = Some(contacts::Portal {
        status: "INVITED".to_owned(),
        ..contacts::Portal::default()
    });
    harness
        .fakes
        .on("StartBatch", |_: invitations::StartBatchRequest| {
            Ok(invitations::BatchReply::default())
        })
        .on("BatchGetContacts", move |_: contacts::BatchGetRequest| {
            Ok(contacts::BatchGetContactsReply {
                contacts: vec![invited.clone()],
            })
        });
    let answer = harness.ask(Some(&harness.admin()), CREATE, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["createContact"]["contact"],
        json!({ "portal": { "status": "INVITED" } })
    );
    assert_eq!(
        harness.fakes.called(),
        ["CreateContact", "StartBatch", "BatchGetContacts"]
    );
    let [started] = &harness
        .fakes
        .calls::<invitations::StartBatchRequest>("StartBatch")[..]
    else {
        panic!("one batch");
    };
    assert_eq!(started.idempotency_key.as_deref(), Some("create:1"));
    assert_eq!(started.action, "SEND");
    assert_eq!(started.message.as_deref(), Some("Welcome"));
}

#[tokio::test]
async fn i2_an_invitation_that_fails_does_not_fail_the_contact() {
    let harness = Harness::new();
    creating(&harness);
    let answer = harness.ask(Some(&harness.admin()), CREATE, Value::Null).await;
    assert_eq!(
        answer.json(),
        json!({ "data": { "createContact": { "contact": { "portal": { "status": "WAITING" } }, "userErrors": [] } } })
    );
}

#[tokio::test]
async fn c1_a_contact_that_is_not_invited_is_answered_as_it_was_made() {
    let harness = Harness::new();
    let made = contact(&harness, ContactId::new(harness.now()));
    harness
        .fakes
        .on("CreateContact", move |_: contacts::CreateContactRequest| {
            Ok(contacts::ContactReply {
                contact: Some(made.clone()),
                ..contacts::ContactReply::default()
            })
        });
    let create = r#"mutation { createContact(input: { role: LEAD, firstName: "Ada", lastName: "Lovelace" }) {
        contact { displayName } userErrors { code } } }"#;
    let answer = harness.ask(Some(&harness.admin()), create, Value::Null).await;
    assert_eq!(
        answer.json(),
        json!({ "data": { "createContact": { "contact": { "displayName": "Ada Lovelace" }, "userErrors": [] } } })
    );
    assert_eq!(harness.fakes.called(), ["CreateContact"]);
}

#[tokio::test]
async fn i11_sign_in_tells_the_service_where_it_came_from_and_sends_no_token() {
    let harness = Harness::new();
    let at = timestamp(harness.now());
    harness.fakes.on("SignIn", move |_: invitations::SignInRequest| {
        Ok(invitations::SessionReply {
            session: Some(invitations::Session {
                access_token: "a".to_owned(),
                refresh_token: Some("r".to_owned()),
                expires_at: Some(at),
                read_only: false,
            }),
            ..invitations::SessionReply::default()
        })
    });
    let change = r#"mutation { signIn(input: { email: "a@example.com", password: "p", as: CONTACT }) {
        session { accessToken refreshToken expiresAt readOnly } userErrors { code } } }"#;
    let answer = harness.ask(None, change, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["signIn"]["session"],
        json!({ "accessToken": "a", "refreshToken": "r", "expiresAt": "2026-03-06T12:26:40Z", "readOnly": false })
    );
    let [asked] = &harness.fakes.calls::<invitations::SignInRequest>("SignIn")[..] else {
        panic!("one call");
    };
    assert_eq!(
        (asked.source.as_str(), asked.r#as.as_deref()),
        ("192.0.2.7", Some("CONTACT"))
    );
    assert_eq!(harness.fakes.tokens(), [None]);
}
