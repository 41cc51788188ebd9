//! Messages that nobody could handle: seen and handled again, by operators and by members who may.

use std::collections::HashMap;

use serde_json::{Value, json};
use usher_tests::{Client, Process, Setting, System, eventually, on_both_settings};

const LIST: &str = "query List($filter: DeadLetterFilter) {
  deadLetters(first: 10, filter: $filter) { id component queue type reason state saidAt givenUpAt replayedAt }
}";
const REPLAY: &str = "mutation Replay($input: ReplayDeadLettersInput!) {
  replayDeadLetters(input: $input) { deadLetters { id state } userErrors { code message field } }
}";
const REASON: &str =
    "usher.contact.updated.v1 does not have the expected shape: invalid type: string … expected ";

const AGAIN: &str =
    "# to be handled once more by the running services; usher dead-letters list shows what fails again\n";

async fn list(client: &Client) -> Vec<Value> {
    let letters = client.payload(LIST, json!({})).await;
    letters.as_array().expect("a list").clone()
}

async fn given_up(system: &System, since: &Value) -> Value {
    eventually("the letter is given up", system.patience(), || async {
        let letter = list(system.admin()).await.into_iter().next()?;
        let again = letter["state"] == "GIVEN_UP" && letter["givenUpAt"] != *since;
        again.then_some(letter)
    })
    .await
}

on_both_settings! {
    async fn e3_a_poisoned_message_is_listed_and_replayed_by_command_and_by_api(system: &System) {
        let admin = system.admin();
        assert_eq!(list(admin).await, Vec::<Value>::new());
        system.poison("ada@example.com").await;
        let letter = given_up(system, &Value::Null).await;
        let reason = letter["reason"].as_str().expect("a reason");
        assert!(reason.starts_with(REASON), "{reason}");
        for (field, value) in [
            ("component", "INVITATIONS"),
            ("queue", "invitations.events"),
            ("type", "usher.contact.updated.v1"),
            ("saidAt", "2026-03-01T12:00:00Z"),
        ] {
            assert_eq!(letter[field], json!(value));
        }
        assert_eq!(letter["replayedAt"], Value::Null);
        let none = admin.payload(LIST, json!({ "filter": { "component": "CONTACTS" } })).await;
        assert_eq!(none, json!([]));

        // It fails as before, once a time that somebody asks.
        let asked = admin.payload(REPLAY, json!({ "input": { "ids": [letter["id"], "nonsense"] } })).await;
        assert_eq!(asked, json!({
            "deadLetters": [{ "id": letter["id"], "state": "REPLAYING" }],
            "userErrors": [{ "code": "NOT_FOUND", "message": "there is no such message, or it was handled already", "field": ["ids", "1"] }],
        }));
        let again = given_up(system, &letter["givenUpAt"]).await;
        assert_eq!(again["reason"], letter["reason"]);

        let told = system.command(&["dead-letters", "list"]).await;
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 1, "{told}");
        let columns: Vec<&str> = lines[0].split('\t').collect();
        assert_eq!(columns[2..], ["invitations.events", "usher.contact.updated.v1", reason]);
        let elsewhere = system.command(&["dead-letters", "list", "--queue", "contacts.events"]).await;
        assert_eq!(elsewhere, "");
        let told = system.command(&["dead-letters", "replay", columns[0]]).await;
        assert_eq!(told, AGAIN.replace('#', "1"));
        let third = given_up(system, &again["givenUpAt"]).await;
        let told = system.command(&["dead-letters", "replay", "--all", "--queue", "invitations.events"]).await;
        assert_eq!(told, AGAIN.replace('#', "1"));
        given_up(system, &third["givenUpAt"]).await;

        // What is not there is said.
        let unknown = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5";
        for deed in ["replay", "drop"] {
            let (code, _, said) = system.ends(&["dead-letters", deed, unknown]).await;
            assert_eq!(code, 1);
            assert!(said.ends_with(&format!("usher: not there, handled already, or not readable: {unknown}\n")), "{said}");
            let (code, told, said) = system.ends(&["dead-letters", deed, "--all", "--queue", "contacts.portal"]).await;
            assert_eq!((code, told.as_str()), (1, ""));
            assert!(said.contains("usher: there is no queue contacts.portal; there are contacts.events, "), "{said}");
        }

        // One that nobody shall handle any more goes with all that it says; that it was there stays.
        assert_eq!(system.command(&["dead-letters", "drop", columns[0]]).await, "1 dropped\n");
        let (code, told, said) = system.ends(&["dead-letters", "list"]).await;
        assert_eq!((code, told.as_str()), (0, ""));
        assert!(said.contains("there are none\n"), "{said}");
        let told = system.command(&["dead-letters", "list", "--replayed"]).await;
        let dropped: Vec<&str> = told.trim_end().split('\t').collect();
        assert_eq!((dropped[0], dropped[2..4].to_vec()), (columns[0], vec!["invitations.events", "-"]));
        assert_eq!(dropped[4], format!("dropped by an operator: {reason}"));
        let (code, ..) = system.ends(&["dead-letters", "replay", columns[0]]).await;
        assert_eq!(code, 1, "it is not handled any more");
        assert!(!system.logs().contains("ada@example.com"));
    }
}

#[tokio::test]
async fn i1_dead_letters_are_those_of_the_own_organization() {
    let system = System::start_with_second_organization().await;
    system.poison("ada@example.com").await;
    let letter = given_up(&system, &Value::Null).await;
    assert_eq!(list(system.other_admin()).await, Vec::<Value>::new());
    let input = json!({ "input": { "ids": [letter["id"]] } });
    let refused = system.other_admin().payload(REPLAY, input).await;
    assert_eq!(refused["deadLetters"], json!([]));
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(list(system.admin()).await, [letter]);
    system.stop().await;
}

#[tokio::test]
async fn a_folder_without_data_is_named_and_stays_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let listed = Process::output("usher", &["dead-letters", "list"], &HashMap::new(), folder.path()).await;
    assert_eq!(listed.status.code(), Some(78));
    let said = String::from_utf8(listed.stderr).expect("text");
    assert!(
        said.contains("contacts.db: run this in the folder of the server"),
        "{said}"
    );
    assert!(!folder.path().join("contacts.db").exists() && !folder.path().join("data/contacts.db").exists());
}
