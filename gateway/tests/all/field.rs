//! What the field's own audit and clients say, run by Node: see `scripts/node`.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use super::harness::Harness;

/// Where the audit follows the draft of before September 2026, and what it would rather see.
const OLDER_DRAFT: [(&str, &str); 6] = [
    (
        "47DE",
        "SHOULD accept */* and use application/json for the content-type",
    ),
    (
        "80D8",
        "SHOULD assume application/json content-type when accept is missing",
    ),
    (
        "572B",
        "SHOULD use 200 status code on document parsing failure when accepting application/json",
    ),
    (
        "FDE2",
        "SHOULD use 200 status code on document validation failure when accepting application/json",
    ),
    (
        "7B9B",
        "SHOULD use a status code of 200 on variable coercion failure when accepting application/json",
    ),
    (
        "86EE",
        "SHOULD use a status code of 400 on variable coercion failure when accepting application/graphql-response+json",
    ),
];

/// What a program of `tests/node` writes.
pub async fn node(program: &str, arguments: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(root.join("scripts/node"))
        .arg(format!("tests/node/{program}"))
        .args(arguments)
        .output()
        .await
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{program}\n{log}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_audit_of_graphql_over_http_finds_nothing_but_what_the_guide_names() {
    let harness = Harness::new();
    let address = harness.serve().await;
    let found: Value = serde_json::from_str(&node("audit.mjs", &[&address]).await).unwrap();
    let audits = found.as_object().unwrap();
    assert_eq!(audits.len(), 61);
    let mut failed: Vec<(&str, &str)> = audits
        .iter()
        .filter(|(_, audit)| audit["status"] == "warn" || audit["status"] == "error")
        .map(|(id, audit)| (id.as_str(), audit["name"].as_str().unwrap()))
        .collect();
    failed.sort_unstable();
    let mut known = OLDER_DRAFT;
    known.sort_unstable();
    assert_eq!(failed, known);
    let guide = include_str!("../../../docs/graphql.md");
    for (id, _) in OLDER_DRAFT {
        assert!(
            guide.contains(&format!("`{id}`")),
            "docs/graphql.md does not name {id}"
        );
    }
}

/// The lines of a client that follows a batch.
async fn followed(transport: &str, harness: &Harness, token: &str) -> Vec<String> {
    let (address, query) = (harness.serve().await, harness.watching());
    let said = node("follow.mjs", &[transport, &address, token, &query]).await;
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_clients_graphql_ws_and_graphql_sse_follow_a_batch_to_its_end() {
    let harness = Harness::new();
    let batch =
        |state, sent| json!({ "data": { "invitationBatch": { "state": state, "sent": sent } } }).to_string();
    for transport in ["ws", "sse"] {
        let said = followed(transport, &harness, &harness.admin()).await;
        let answers: Vec<Value> = said
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let answers: Vec<String> = answers.iter().map(Value::to_string).collect();
        assert_eq!(answers, [batch("RUNNING", 1), batch("DONE", 2)], "{transport}");
        assert_eq!(said.last().map(String::as_str), Some("complete"), "{transport}");
    }
}

#[tokio::test]
async fn the_clients_are_told_that_a_token_has_run_out() {
    let harness = Harness::new();
    let token = harness.admin();
    harness.clock.advance(chrono::TimeDelta::minutes(5));
    assert_eq!(followed("ws", &harness, &token).await, ["ended by 4403"]);
    assert_eq!(followed("sse", &harness, &token).await, ["ended by 401"]);
}
