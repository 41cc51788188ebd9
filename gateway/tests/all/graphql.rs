//! Fields and the calls behind them.

use chrono::TimeDelta;
use http::StatusCode;
use serde_json::{Value, json};
use tonic::Status;
use tonic::metadata::MetadataValue;
use usher_auth::Permission;
use usher_gateway::ids::NodeId;
use usher_proto::common::v1::{PageInfo, Refusal};
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_proto::{bytes_of, timestamp};
use usher_types::{AccountId, ContactId, LinkId};

use super::harness::Harness;

fn contact(harness: &Harness, id: ContactId) -> contacts::Contact {
    contacts::Contact {
        id: bytes_of(id),
        role: "CLIENT".to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        display_name: "Ada Lovelace".to_owned(),
        email: Some("ada@example.com".to_owned()),
        email_state: "VALID".to_owned(),
        notes: Some("likes engines".to_owned()),
        tags: vec!["vip".to_owned()],
        active: true,
        version: 1,
        created_at: Some(timestamp(harness.now())),
        updated_at: Some(timestamp(harness.now())),
        portal: Some(contacts::Portal {
            status: "WAITING".to_owned(),
            actions: vec!["SEND".to_owned()],
            login_enabled: true,
            ..contacts::Portal::default()
        }),
        ..contacts::Contact::default()
    }
}

fn account(harness: &Harness, id: AccountId) -> contacts::Account {
    contacts::Account {
        id: bytes_of(id),
        name: "Engines Ltd".to_owned(),
        kind: "COMPANY".to_owned(),
        portal_status: "ACTIVE".to_owned(),
        version: 1,
        created_at: Some(timestamp(harness.now())),
        updated_at: Some(timestamp(harness.now())),
        ..contacts::Account::default()
    }
}

/// A list of `count` contacts, each linked to an account of its own.
fn list(harness: &Harness, count: i64) -> Vec<ContactId> {
    let ids: Vec<ContactId> = (0..count)
        .map(|n| ContactId::new(harness.now() + TimeDelta::milliseconds(n)))
        .collect();
    let rows: Vec<contacts::Contact> = ids.iter().map(|id| contact(harness, *id)).collect();
    let now = harness.now();
    let row = account(harness, AccountId::new(now));
    harness
        .fakes
        .on("ListContacts", move |question: contacts::ListContactsRequest| {
            Ok(contacts::ListContactsReply {
                page: Some(PageInfo {
                    cursors: (0..rows.len()).map(|n| n.to_string()).collect(),
                    has_next_page: true,
                    total: question.page.filter(|page| page.with_total).map(|_| 1234),
                    ..PageInfo::default()
                }),
                contacts: rows.clone(),
            })
        })
        .on("LinksOfContacts", move |question: contacts::BatchGetRequest| {
            let link = |contact_id| contacts::Link {
                id: bytes_of(LinkId::new(now)),
                account_id: row.id.clone(),
                contact_id,
                login: true,
                account: Some(row.clone()),
                ..contacts::Link::default()
            };
            Ok(contacts::BatchGetLinksReply {
                links: question.ids.into_iter().map(link).collect(),
            })
        })
        .on(
            "BatchGetPortalAccess",
            |question: invitations::BatchGetRequest| {
                let access = |contact_id| invitations::PortalAccess {
                    contact_id,
                    delivery: Some("SENT".to_owned()),
                    delivery_error: None,
                };
                Ok(invitations::BatchGetPortalAccessReply {
                    access: question.ids.into_iter().map(access).collect(),
                })
            },
        );
    ids
}

#[tokio::test]
async fn a_page_with_status_and_accounts_costs_two_calls() {
    let harness = Harness::new();
    let ids = list(&harness, 50);
    let query = "{ contacts(first: 50) { nodes { id displayName portal { status invitedAt } accounts { login account { id name } } }
        pageInfo { hasNextPage startCursor endCursor } } }";
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    let page = &answer.json()["data"]["contacts"];
    assert_eq!(page["nodes"].as_array().unwrap().len(), 50);
    assert_eq!(page["nodes"][7]["id"], json!(NodeId::Contact(ids[7]).encode().0));
    assert_eq!(
        page["nodes"][7]["accounts"][0]["account"]["name"],
        json!("Engines Ltd")
    );
    assert_eq!(
        page["pageInfo"],
        json!({ "hasNextPage": true, "startCursor": "0", "endCursor": "49" })
    );
    assert_eq!(harness.fakes.called(), ["ListContacts", "LinksOfContacts"]);
    let bearer = harness.fakes.tokens();
    assert!(
        bearer
            .iter()
            .all(|token| token.as_ref().is_some_and(|token| token.starts_with("Bearer ")))
    );
}

#[tokio::test]
async fn delivery_and_totals_are_asked_for_only_when_selected() {
    let harness = Harness::new();
    list(&harness, 3);
    let query =
        "query Q($total: Boolean!) { contacts { edges { cursor node { portal { delivery deliveryError } } }
        totalCount @include(if: $total) } }";
    let answer = harness
        .ask(Some(&harness.admin()), query, json!({ "total": false }))
        .await;
    assert_eq!(
        answer.json()["data"]["contacts"]["edges"][2]["node"]["portal"]["delivery"],
        json!("SENT")
    );
    assert_eq!(harness.fakes.called(), ["ListContacts", "BatchGetPortalAccess"]);
    let answer = harness
        .ask(Some(&harness.admin()), query, json!({ "total": true }))
        .await;
    assert_eq!(answer.json()["data"]["contacts"]["totalCount"], json!(1234));
    let asked: Vec<bool> = harness
        .fakes
        .calls::<contacts::ListContactsRequest>("ListContacts")
        .into_iter()
        .map(|question| question.page.unwrap().with_total)
        .collect();
    assert_eq!(asked, [false, true]);
}

#[tokio::test]
async fn a_part_that_is_away_blanks_its_own_fields_alone() {
    let harness = Harness::new();
    list(&harness, 2);
    harness
        .fakes
        .on("BatchGetPortalAccess", |_: invitations::BatchGetRequest| {
            Err::<invitations::BatchGetPortalAccessReply, _>(Status::unavailable("x"))
        });
    let query = "{ contacts { nodes { displayName portal { status delivery } } } }";
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    let node = json!({ "displayName": "Ada Lovelace", "portal": { "status": "WAITING", "delivery": null } });
    assert_eq!(
        answer.json()["data"]["contacts"]["nodes"],
        json!([node.clone(), node])
    );
    assert_eq!(answer.codes(), ["UNAVAILABLE", "UNAVAILABLE"]);
    // where the schema has no null, the nearest ancestor that has one is null
    harness
        .fakes
        .on("LinksOfContacts", |_: contacts::BatchGetRequest| {
            Err::<contacts::BatchGetLinksReply, _>(Status::unavailable("x"))
        });
    let query = "{ contacts { nodes { accounts { id } } } viewer { __typename } }";
    harness
        .fakes
        .on("BatchGetMembers", |_: invitations::BatchGetRequest| {
            Ok(invitations::BatchGetMembersReply {
                members: vec![invitations::Member::default()],
            })
        });
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    assert_eq!(answer.json()["data"], json!({ "contacts": null, "viewer": null }));
}

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
    assert_eq!(answer.status, StatusCode::OK);
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
async fn aliases_of_one_level_share_a_call() {
    let harness = Harness::new();
    let id = ContactId::new(harness.now());
    let row = contact(&harness, id);
    harness
        .fakes
        .on("BatchGetContacts", move |_: contacts::BatchGetRequest| {
            Ok(contacts::BatchGetContactsReply {
                contacts: vec![row.clone()],
            })
        });
    let id = NodeId::Contact(id).encode().0;
    let query = format!(
        "{{ a: contact(id: \"{id}\") {{ id }} b: node(id: \"{id}\") {{ id }} c: contact(id: \"{id}\") {{ email }} }}"
    );
    let answer = harness.ask(Some(&harness.admin()), &query, Value::Null).await;
    assert_eq!(answer.json()["data"]["c"]["email"], json!("ada@example.com"));
    assert_eq!(harness.fakes.called(), ["BatchGetContacts"]);
}

#[tokio::test]
async fn pages_out_of_bounds_are_refused() {
    let harness = Harness::new();
    for arguments in [
        "first: 0",
        "first: 101",
        "last: 101",
        "first: 1, last: 1",
        "first: -1",
    ] {
        let query = format!("{{ contacts({arguments}) {{ nodes {{ id }} }} }}");
        let answer = harness.ask(Some(&harness.admin()), &query, Value::Null).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"], "{arguments}");
        assert_eq!(answer.json()["data"], json!({ "contacts": null }));
    }
    harness
        .fakes
        .on("ListContacts", |_: contacts::ListContactsRequest| {
            Err::<contacts::ListContactsReply, _>(Status::invalid_argument("this cursor is of another list"))
        });
    let answer = harness
        .ask(
            Some(&harness.admin()),
            r#"{ contacts(after: "x") { nodes { id } } }"#,
            Value::Null,
        )
        .await;
    assert_eq!(answer.codes(), ["BAD_USER_INPUT"]);
    assert_eq!(
        answer.json()["errors"][0]["message"],
        json!("this cursor is of another list")
    );
}

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
async fn c6_toggles_and_invitations_in_one_step() {
    let harness = Harness::new();
    let id = ContactId::new(harness.now());
    let row = account(&harness, AccountId::new(harness.now()));
    harness
        .fakes
        .on("SetToggles", move |_: contacts::SetTogglesRequest| {
            Ok(contacts::SetTogglesReply {
                accounts: vec![row.clone()],
                contacts: vec![contacts::ContactVersion {
                    contact_id: bytes_of(id),
                    raw_version: 2,
                }],
                ..contacts::SetTogglesReply::default()
            })
        })
        .on("StartBatch", |_: invitations::StartBatchRequest| {
            Ok(invitations::BatchReply {
                batch: Some(invitations::Batch {
                    total: 1,
                    ..invitations::Batch::default()
                }),
                ..invitations::BatchReply::default()
            })
        });
    let change = r#"mutation { setPortalToggles(input: { accountIds: ["x"], login: true, sendInvitations: true }) {
        accounts { name } batch { total } userErrors { code } } }"#;
    let answer = harness.ask(Some(&harness.admin()), change, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["setPortalToggles"],
        json!({ "accounts": [{ "name": "Engines Ltd" }], "batch": { "total": 1 }, "userErrors": [] })
    );
    // who may not invite changes nothing either
    let token = harness.member([Permission::ContactsWrite]);
    assert_eq!(
        harness.ask(Some(&token), change, Value::Null).await.codes(),
        ["FORBIDDEN"]
    );
    assert_eq!(harness.fakes.called(), ["SetToggles", "StartBatch"]);
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
