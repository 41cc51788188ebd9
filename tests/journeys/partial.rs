//! A service that is down costs its own fields and nothing else.

use serde_json::{Value, json};
use usher_tests::{Answer, Client, Setting, System, eventually};

use crate::operations::{CREATE_CONTACT, address};

/// Something of every service: a page of contacts, the organization of invitations, a mail of notifications.
const EVERYTHING: &str = "{
  contacts(first: 1) { nodes { displayName } }
  organization { slug }
  invitationPreview(contacts: { filter: {} }) { eligible subject }
  __typename
}";

/// The answer once it is this one; services notice each other within moments.
async fn becomes(client: &Client, what: &str, expected: &Value) -> Answer {
    eventually(what, std::time::Duration::from_secs(20), || async {
        let answer = client.send(EVERYTHING, json!({})).await;
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
            let steps: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
            steps.join(".")
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
    client.payload(CREATE_CONTACT, json!({ "input": input })).await;
    let whole = client.data(EVERYTHING, json!({})).await;
    assert_eq!(whole["invitationPreview"]["eligible"], 1);
    assert!(whole["invitationPreview"]["subject"].is_string());

    let table: [(&str, &[&str]); 3] = [
        ("usher-notifications", &["invitationPreview.subject"]),
        ("usher-contacts", &["contacts", "invitationPreview"]),
        (
            "usher-invitations",
            &["invitationPreview.subject", "organization"],
        ),
    ];
    for (name, lost) in table {
        system.halt(name).await;
        let mut rest = whole.clone();
        for place in lost {
            let pointer = format!("/{}", place.replace('.', "/"));
            *rest.pointer_mut(&pointer).expect("a place of the answer") = Value::Null;
        }
        let answer = becomes(&client, &format!("the rest without {name}"), &rest).await;
        assert_eq!(answer.status.as_u16(), 294, "{name}");
        assert_eq!(places(&answer), lost, "{name}");
        system.resume(name).await;
        let answer = becomes(&client, &format!("the whole with {name}"), &whole).await;
        assert_eq!(
            (answer.status.as_u16(), places(&answer).len()),
            (200, 0),
            "{name}"
        );
    }
    system.stop().await;
}
