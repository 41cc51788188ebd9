//! Messages that services could not handle.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tonic::Status;
use usher_auth::Permission;
use usher_proto::operations::v1 as wire;
use usher_proto::{bytes_of, timestamp};
use uuid::Uuid;

use super::harness::{Harness, partial};

const LIST: &str = "query($first: Int, $filter: DeadLetterFilter) {
  deadLetters(first: $first, filter: $filter) { component state reason } }";
const REPLAY: &str = "mutation($input: ReplayDeadLettersInput!) {
  replayDeadLetters(input: $input) { deadLetters { id } userErrors { code } } }";

#[tokio::test]
async fn e3_all_services_are_asked_and_the_newest_letters_come_first() {
    let harness = Harness::new();
    let now = timestamp(harness.now());
    harness
        .fakes
        .on("ListDeadLetters", move |asked: wire::ListDeadLettersRequest| {
            let letter = |seconds: i64, reason: &str| {
                let mut at = now;
                at.seconds += seconds;
                wire::DeadLetter {
                    id: bytes_of(Uuid::from_u128(1)),
                    reason: reason.to_owned(),
                    given_up_at: Some(at),
                    replayed_at: asked.replayed.then_some(now),
                    ..Default::default()
                }
            };
            Ok(wire::DeadLettersReply {
                letters: vec![letter(1, "new"), letter(0, "old")],
            })
        });
    let operator = harness.member([Permission::OperationsManage]);
    let answer = harness.ask(Some(&operator), LIST, json!({ "first": 4 })).await;
    let letter = |component: &str, reason: &str| json!({ "component": component, "state": "GIVEN_UP", "reason": reason });
    assert_eq!(
        answer.json()["data"]["deadLetters"],
        json!([
            letter("CONTACTS", "new"),
            letter("INVITATIONS", "new"),
            letter("NOTIFICATIONS", "new"),
            letter("CONTACTS", "old"),
        ])
    );
    let filter = json!({ "filter": { "component": "NOTIFICATIONS", "replayed": true } });
    let answer = harness.ask(Some(&operator), LIST, filter).await;
    assert_eq!(
        answer.json()["data"]["deadLetters"][0],
        json!({ "component": "NOTIFICATIONS", "state": "REPLAYED", "reason": "new" })
    );
    let asked: Vec<(u32, bool)> = harness
        .fakes
        .calls("ListDeadLetters")
        .iter()
        .map(|asked: &wire::ListDeadLettersRequest| (asked.limit, asked.replayed))
        .collect();
    assert_eq!(asked, [(4, false), (4, false), (4, false), (50, true)]);
}

#[tokio::test]
async fn e3_a_service_that_does_not_answer_hides_its_own_letters_alone() {
    let harness = Harness::new();
    let (at, asked) = (timestamp(harness.now()), AtomicUsize::new(0));
    harness
        .fakes
        .on("ListDeadLetters", move |_: wire::ListDeadLettersRequest| {
            if asked.fetch_add(1, Ordering::Relaxed) == 1 {
                return Err(Status::deadline_exceeded("away"));
            }
            let letter = wire::DeadLetter {
                id: bytes_of(Uuid::from_u128(1)),
                given_up_at: Some(at),
                ..Default::default()
            };
            Ok(wire::DeadLettersReply {
                letters: vec![letter],
            })
        });
    let query = "{ deadLetters { state } __typename }";
    let answer = harness.ask(Some(&harness.admin()), query, json!({})).await;
    assert_eq!(answer.status, partial());
    let letter = json!({ "state": "GIVEN_UP" });
    assert_eq!(
        answer.json()["data"]["deadLetters"],
        json!([letter, letter, null])
    );
    assert_eq!(answer.json()["data"]["__typename"], "Query");
    assert_eq!(answer.codes(), ["UNAVAILABLE"]);
    assert_eq!(answer.json()["errors"][0]["path"], json!(["deadLetters", 2]));
}

#[tokio::test]
async fn i15_dead_letters_need_a_permission_of_their_own() {
    let harness = Harness::new();
    let everything_else = Permission::ALL
        .into_iter()
        .filter(|permission| *permission != Permission::OperationsManage);
    let member = harness.member(everything_else);
    let replay = json!({ "input": { "ids": ["x"] } });
    for (query, variables) in [(LIST, json!({})), (REPLAY, replay.clone())] {
        let answer = harness.ask(Some(&member), query, variables.clone()).await;
        assert_eq!(answer.codes(), ["FORBIDDEN"]);
        let answer = harness.ask(None, query, variables).await;
        assert_eq!(answer.codes(), ["UNAUTHENTICATED"]);
    }
    let answer = harness.ask(Some(&harness.read_only()), REPLAY, replay).await;
    assert_eq!(answer.codes(), ["READ_ONLY_SESSION"]);
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
}

#[tokio::test]
async fn e3_only_so_many_letters_at_a_time_and_only_letters() {
    let harness = Harness::new();
    let admin = harness.admin();
    for (query, variables) in [
        (LIST, json!({ "first": 0 })),
        (LIST, json!({ "first": 101 })),
        (REPLAY, json!({ "input": { "ids": [] } })),
        (REPLAY, json!({ "input": { "ids": vec!["x"; 101] } })),
    ] {
        let answer = harness.ask(Some(&admin), query, variables).await;
        assert_eq!(answer.codes(), ["BAD_USER_INPUT"]);
    }
    let answer = harness
        .ask(Some(&admin), REPLAY, json!({ "input": { "ids": ["x"] } }))
        .await;
    assert_eq!(
        answer.json()["data"]["replayDeadLetters"],
        json!({ "deadLetters": [], "userErrors": [{ "code": "NOT_FOUND" }] })
    );
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
}
