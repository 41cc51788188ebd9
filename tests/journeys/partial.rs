//! A service that is down costs its own fields and nothing else.

use serde_json::{Value, json};
use usher_tests::{Answer, Client, Setting, System, eventually};

use crate::operations::{CREATE_CONTACT, address};

/// Something of every service: a page of contacts, the organization of invitations, a mail of notifications; and what has no null of its own at
/// the root, or is a question to all services.
const EVERYTHING: &str = "query Everything($ids: [ID!]!) {
  contacts(first: 1) { nodes { displayName } }
  organization { slug }
  invitationPreview(contacts: { filter: {} }) { eligible subject }
  nodes(ids: $ids) { __typename }
  sessions { current }
  deadLetters { component }
  __typename
}";

/// The answer once it is this one; services notice each other within moments.
async fn becomes(client: &Client, ids: &Value, what: &str, expected: &Value) -> Answer {
    eventually(what, std::time::Duration::from_secs(20), || async {
        let answer = client.send(EVERYTHING, ids.clone()).await;
        (answer.body["data"] == *expected).then_some(answer)
    })
    .await
}

/// Where each error stands; all of them are UNAVAILABLE.
fn places(answer: &Answer) -> Vec<String> {
    let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
    let mut places: Vec<String> = errors
        .iter()
        .map(|error| {
            assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{error}");
            let path = error["path"].as_array().expect("a path");
            let steps = path.iter().map(|step| match step {
                Value::String(field) => field.clone(),
                index => index.to_string(),
            });
            steps.collect::<Vec<_>>().join(".")
        })
        .collect();
    places.sort_unstable();
    places
}

#[tokio::test]
async fn a_service_that_is_down_costs_its_own_fields_and_nothing_else() {
    let mut system = System::start(Setting::Distributed).await;
    let client = system.admin().clone();
    let input = json!({ "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": address(1) });
    let made = client.payload(CREATE_CONTACT, json!({ "input": input })).await;
    let organization = client.payload("query { organization { id } }", json!({})).await;
    let ids = json!({ "ids": [made["contact"]["id"], organization["id"]] });
    let whole = client.data(EVERYTHING, ids.clone()).await;
    assert_eq!(whole["invitationPreview"]["eligible"], 1);
    assert!(whole["invitationPreview"]["subject"].is_string());
    assert_eq!(
        whole["nodes"],
        json!([{ "__typename": "Contact" }, { "__typename": "Organization" }])
    );
    assert_eq!(whole["sessions"], json!([{ "current": true }]));
    assert_eq!(whole["deadLetters"], json!([]));

    let table: [(&str, &[&str]); 3] = [
        (
            "usher-notifications",
            &["deadLetters.0", "invitationPreview.subject"],
        ),
        (
            "usher-contacts",
            &["contacts", "deadLetters.0", "invitationPreview", "nodes.0"],
        ),
        (
            "usher-invitations",
            &[
                "deadLetters.0",
                "invitationPreview.subject",
                "nodes.1",
                "organization",
                "sessions",
            ],
        ),
    ];
    for (name, lost) in table {
        system.halt(name).await;
        let mut rest = whole.clone();
        // there are no letters, so the null of the service that is down is the first of the list
        rest["deadLetters"] = json!([null]);
        for place in lost {
            let pointer = format!("/{}", place.replace('.', "/"));
            *rest.pointer_mut(&pointer).expect("a place of the answer") = Value::Null;
        }
        let answer = becomes(&client, &ids, &format!("the rest without {name}"), &rest).await;
        assert_eq!(answer.status.as_u16(), 294, "{name}");
        assert_eq!(places(&answer), lost, "{name}");
        system.resume(name).await;
        let answer = becomes(&client, &ids, &format!("the whole with {name}"), &whole).await;
        assert_eq!(
            (answer.status.as_u16(), places(&answer).len()),
            (200, 0),
            "{name}"
        );
    }
    system.stop().await;
}
