//! Who is refused what, and what is not told.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tonic::Status;
use tonic::metadata::MetadataValue;
use usher_auth::Permission;
use usher_gateway::ids::NodeId;
use usher_proto::common::v1::Refusal;
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_types::{AccountId, ContactId};

use super::harness::{Harness, partial};
use super::rows::contact;

#[tokio::test]
async fn what_breaks_inside_is_masked_and_found_again_by_its_request() {
    let harness = Harness::new();
    harness
        .fakes
        .on("ListContacts", |_: contacts::ListContactsRequest| {
            Err::<contacts::ListContactsReply, _>(Status::internal("select secret from table"))
        });
    let answer = harness
        .ask(
            Some(&harness.admin()),
            "{ contacts { nodes { id } } }",
            Value::Null,
        )
        .await;
    assert_eq!(answer.status, partial());
    assert_eq!(answer.json()["data"], json!({ "contacts": null }));
    assert_eq!(answer.codes(), ["INTERNAL_SERVER_ERROR"]);
    assert!(!answer.text().contains("secret"));
    let error = &answer.json()["errors"][0];
    assert_eq!(
        error["extensions"]["requestId"].as_str(),
        answer.header("x-request-id")
    );
    assert_eq!(error["path"], json!(["contacts"]));
}

#[tokio::test]
async fn nobody_and_the_unpermitted_are_refused_before_a_service_is_asked() {
    let harness = Harness::new();
    let code = async |token: Option<&str>, query: &str| harness.ask(token, query, Value::Null).await.codes();
    let list = "{ contacts { nodes { id } } }";
    assert_eq!(code(None, list).await, ["UNAUTHENTICATED"]);
    assert_eq!(code(Some(&harness.member([])), list).await, ["FORBIDDEN"]);
    assert_eq!(
        code(Some(&harness.contact(ContactId::new(harness.now()))), list).await,
        ["FORBIDDEN"]
    );
    let by_id = format!(
        "{{ contact(id: \"{}\") {{ id }} }}",
        NodeId::Contact(ContactId::new(harness.now())).encode().0
    );
    assert_eq!(code(Some(&harness.member([])), &by_id).await, ["FORBIDDEN"]);
    let change = r#"mutation { setContactActive(input: { id: "x", active: true }) { userErrors { code } } }"#;
    assert_eq!(
        code(Some(&harness.member([Permission::ContactsRead])), change).await,
        ["FORBIDDEN"]
    );
    assert_eq!(
        code(Some(&harness.read_only()), change).await,
        ["READ_ONLY_SESSION"]
    );
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
    let answer = harness.ask(Some(&harness.member([])), change, Value::Null).await;
    assert_eq!(answer.json()["data"], Value::Null);
    assert_eq!(
        harness
            .ask(None, "{ viewer { __typename } }", Value::Null)
            .await
            .json(),
        json!({ "data": { "viewer": null } })
    );
}

#[tokio::test]
async fn i14_a_service_that_refuses_a_read_only_session_is_heard() {
    let harness = Harness::new();
    harness
        .fakes
        .on("UpdateContact", |_: contacts::UpdateContactRequest| {
            let mut status = Status::permission_denied("no");
            status
                .metadata_mut()
                .insert("usher-code", MetadataValue::from_static("READ_ONLY_SESSION"));
            Err::<contacts::ContactReply, _>(status)
        });
    let change = r#"mutation { updateContact(input: { id: "x" }) { userErrors { code } } }"#;
    assert_eq!(
        harness
            .ask(Some(&harness.admin()), change, Value::Null)
            .await
            .codes(),
        ["READ_ONLY_SESSION"]
    );
}

#[tokio::test]
async fn what_cannot_be_had_of_a_list_costs_the_rest_of_it_nothing() {
    let harness = Harness::new();
    let (here, away) = (
        ContactId::new(harness.now()),
        NodeId::Account(AccountId::new(harness.now())),
    );
    let row = contact(&harness, here);
    harness
        .fakes
        .on("BatchGetContacts", move |_: contacts::BatchGetRequest| {
            Ok(contacts::BatchGetContactsReply {
                contacts: vec![row.clone()],
            })
        })
        .on("BatchGetAccounts", |_: contacts::BatchGetRequest| {
            Err::<contacts::BatchGetAccountsReply, _>(Status::deadline_exceeded("away"))
        })
        .on("ListSessions", |_: invitations::ListSessionsRequest| {
            Err::<invitations::ListSessionsReply, _>(Status::deadline_exceeded("away"))
        });
    let ids = json!({ "ids": [away.encode().0, NodeId::Contact(here).encode().0] });
    let query = "query Q($ids: [ID!]!) { nodes(ids: $ids) { __typename } sessions { id } __typename }";
    let answer = harness.ask(Some(&harness.admin()), query, ids).await;
    assert_eq!(answer.status, partial());
    assert_eq!(
        answer.json()["data"]["nodes"],
        json!([null, { "__typename": "Contact" }])
    );
    assert_eq!(answer.json()["data"]["sessions"], Value::Null);
    assert_eq!(answer.json()["data"]["__typename"], "Query");
    let errors = answer.json()["errors"].as_array().cloned().unwrap();
    let mut paths: Vec<String> = errors.iter().map(|error| error["path"].to_string()).collect();
    paths.sort_unstable();
    assert_eq!(paths, [r#"["nodes",0]"#, r#"["sessions"]"#]);
    assert_eq!(answer.codes(), ["UNAVAILABLE", "UNAVAILABLE"]);
}

#[tokio::test]
async fn malformed_and_foreign_ids_look_like_unknown_ones() {
    let harness = Harness::new();
    harness
        .fakes
        .on("BatchGetContacts", |_: contacts::BatchGetRequest| {
            Ok(contacts::BatchGetContactsReply::default())
        })
        .on("SetContactActive", |_: contacts::SetContactActiveRequest| {
            Ok(contacts::ContactReply {
                refusals: vec![Refusal {
                    code: "NOT_FOUND".to_owned(),
                    field: vec!["id".to_owned()],
                    message: "There is no such contact.".to_owned(),
                    ..Refusal::default()
                }],
                ..contacts::ContactReply::default()
            })
        });
    let of_account = NodeId::Account(AccountId::new(harness.now())).encode().0;
    let unknown = NodeId::Contact(ContactId::new(harness.now())).encode().0;
    for id in ["nonsense", "", &of_account, &unknown] {
        let query =
            "query Q($id: ID!) { contact(id: $id) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }";
        if id != of_account {
            let answer = harness
                .ask(Some(&harness.admin()), query, json!({ "id": id }))
                .await;
            assert_eq!(
                answer.json(),
                json!({ "data": { "contact": null, "node": null, "nodes": [null] } }),
                "{id}"
            );
        }
        let change = "mutation M($id: ID!) { setContactActive(input: { id: $id, active: true }) {
            contact { id } userErrors { code field message contactId } } }";
        let answer = harness
            .ask(Some(&harness.admin()), change, json!({ "id": id }))
            .await;
        let error = json!({ "code": "NOT_FOUND", "field": ["id"], "message": "There is no such contact.", "contactId": null });
        assert_eq!(
            answer.json(),
            json!({ "data": { "setContactActive": { "contact": null, "userErrors": [error] } } }),
            "{id}"
        );
    }
    let sent = harness
        .fakes
        .calls::<contacts::SetContactActiveRequest>("SetContactActive");
    assert_eq!(sent[0].id.as_ref(), [0_u8; 16]);
}

#[tokio::test]
async fn i22_a_portal_session_sees_of_others_the_name_alone() {
    let harness = Harness::new();
    let (own, other) = (
        ContactId::new(harness.now()),
        ContactId::new(harness.now() + TimeDelta::seconds(1)),
    );
    let rows = [contact(&harness, own), contact(&harness, other)];
    harness
        .fakes
        .on("BatchGetContacts", move |_: contacts::BatchGetRequest| {
            Ok(contacts::BatchGetContactsReply {
                contacts: rows.to_vec(),
            })
        });
    let token = harness.contact(own);
    let show = async |id: ContactId, fields: &str| {
        let query = format!(
            "{{ contact(id: \"{}\") {{ {fields} }} }}",
            NodeId::Contact(id).encode().0
        );
        harness.ask(Some(&token), &query, Value::Null).await
    };
    let fields = "displayName email notes tags externalId portal { status delivery deliveryError }";
    assert_eq!(
        show(own, fields).await.json(),
        json!({ "data": { "contact": {
            "displayName": "Ada Lovelace", "email": "ada@example.com", "notes": null, "tags": [], "externalId": null,
            "portal": { "status": "WAITING", "delivery": null, "deliveryError": null },
        } } })
    );
    assert_eq!(
        show(
            other,
            "displayName email notes tags externalId phone portal { status } accounts { id }"
        )
        .await
        .json(),
        json!({ "data": { "contact": {
            "displayName": "Ada Lovelace", "email": null, "notes": null, "tags": [], "externalId": null, "phone": null,
            "portal": null, "accounts": [],
        } } })
    );
    let answer = show(other, "displayName role").await;
    assert_eq!(
        (answer.codes(), answer.json()["data"]["contact"].clone()),
        (vec!["FORBIDDEN".to_owned()], Value::Null)
    );
    assert_eq!(
        show(own, "activity { nodes { id } }").await.codes(),
        ["FORBIDDEN"]
    );
}

/// `placeholderDomains` has no null: an empty list would say that there is none.
#[tokio::test]
async fn i22_a_portal_session_sees_what_the_firm_is_called_and_not_its_settings() {
    let harness = Harness::new();
    harness
        .fakes
        .on("GetOrganization", |_: invitations::GetOrganizationRequest| {
            let organization = invitations::Organization {
                slug: "mueller".to_owned(),
                name: "Müller".to_owned(),
                portal_enabled: true,
                locale: "de".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
                ..invitations::Organization::default()
            };
            Ok(invitations::OrganizationReply {
                organization: Some(organization),
                ..invitations::OrganizationReply::default()
            })
        });
    let token = harness.contact(ContactId::new(harness.now()));
    let seen = "{ organization { slug name portalEnabled locale timeZone replyTo } }";
    assert_eq!(
        harness.ask(Some(&token), seen, Value::Null).await.json(),
        json!({ "data": { "organization": {
            "slug": "mueller", "name": "Müller", "portalEnabled": true, "locale": "de", "timeZone": "Europe/Berlin",
            "replyTo": null,
        } } })
    );
    for field in ["placeholderDomains", "invitationLife"] {
        let query = format!("{{ organization {{ name {field} }} }}");
        let answer = harness.ask(Some(&token), &query, Value::Null).await;
        assert_eq!(
            (answer.codes(), answer.json()["data"].clone()),
            (vec!["FORBIDDEN".to_owned()], json!({ "organization": null })),
            "{field}"
        );
        let answer = harness.ask(Some(&harness.admin()), &query, Value::Null).await;
        assert_eq!(answer.codes(), Vec::<String>::new(), "{field}");
    }
}

#[tokio::test]
async fn an_unknown_code_of_a_service_is_a_defect_and_not_shown_as_something_to_mend() {
    let harness = Harness::new();
    harness
        .fakes
        .on("CreateAccount", |_: contacts::CreateAccountRequest| {
            Ok(contacts::AccountReply {
                refusals: vec![Refusal {
                    code: "NEW_CODE".to_owned(),
                    ..Refusal::default()
                }],
                ..contacts::AccountReply::default()
            })
        });
    let change = r#"mutation { createAccount(input: { name: "x", kind: TRUST }) { userErrors { code } } }"#;
    let answer = harness.ask(Some(&harness.admin()), change, Value::Null).await;
    assert_eq!(answer.codes(), ["INTERNAL_SERVER_ERROR"]);
    assert_eq!(answer.json()["data"], Value::Null);
}
