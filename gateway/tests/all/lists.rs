//! Lists, and the calls behind them.

use serde_json::{Value, json};
use tonic::Status;
use usher_gateway::ids::NodeId;
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_types::{ContactId, MemberId};

use super::harness::Harness;
use super::rows::{contact, list};

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
async fn c15_activity_names_the_member_and_asks_for_each_once() {
    let harness = Harness::new();
    let member = MemberId::new(harness.now());
    let row = contact(&harness, ContactId::new(harness.now()));
    let id = NodeId::Contact(usher_proto::id_from(&row.id).unwrap()).encode().0;
    let at = usher_proto::timestamp(harness.now());
    harness
        .fakes
        .on("BatchGetContacts", move |_: contacts::BatchGetRequest| {
            Ok(contacts::BatchGetContactsReply {
                contacts: vec![row.clone()],
            })
        })
        .on("ListActivity", move |_: contacts::ListActivityRequest| {
            let line = |actor: String| contacts::Activity {
                actor,
                at: Some(at),
                ..contacts::Activity::default()
            };
            let actors = [member.to_string(), "crm".to_owned(), member.to_string()];
            Ok(contacts::ListActivityReply {
                activities: actors.into_iter().map(line).collect(),
                page: None,
            })
        })
        .on("BatchGetMembers", move |_: invitations::BatchGetRequest| {
            let member = invitations::Member {
                id: usher_proto::bytes_of(member),
                display_name: "Grace Hopper".to_owned(),
                ..invitations::Member::default()
            };
            Ok(invitations::BatchGetMembersReply {
                members: vec![member],
            })
        });
    let query = format!("{{ contact(id: \"{id}\") {{ activity {{ nodes {{ actor at }} }} }} }}");
    let answer = harness.ask(Some(&harness.admin()), &query, Value::Null).await;
    let nodes = &answer.json()["data"]["contact"]["activity"]["nodes"];
    let actors: Vec<&str> = nodes
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["actor"].as_str().unwrap())
        .collect();
    assert_eq!(actors, ["Grace Hopper", "crm", "Grace Hopper"]);
    assert_eq!(
        harness.fakes.called(),
        ["BatchGetContacts", "ListActivity", "BatchGetMembers"]
    );
}
