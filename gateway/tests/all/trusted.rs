//! Documents that front ends have registered when they were built.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use usher_gateway::router;
use usher_service::{Lifecycle, Settings};

use super::harness::{Answer, Harness, is_refusal};

const DOCUMENT: &str = "query A { __typename }";
/// The SHA-256 of that text.
const HASH: &str = "aed34f3aa3d67f4038584ed674dc16bc23504d6d65653dc605dd306aeb1fd56d";
const CHANGE: &str = "mutation B { signOut(input: {}) { userErrors { code } } }";
const CHANGE_HASH: &str = "069d7bbc5a92491d88e0336f2a3021b97b02ee08e145a34ac1de972f48c4ae21";

/// A gateway that knows both documents, one as codegen writes them and one with a prefix.
fn harness(only: &str) -> Harness {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        folder.path().join("persisted-documents.json"),
        folder.path().join("relay.json"),
    );
    std::fs::write(&one, json!({ HASH: DOCUMENT }).to_string()).unwrap();
    std::fs::write(
        &two,
        json!({ format!("sha256:{CHANGE_HASH}"): CHANGE }).to_string(),
    )
    .unwrap();
    let files = format!("{}, {}", one.display(), two.display());
    Harness::with(&[
        ("gateway.trusted_documents", &files),
        ("gateway.trusted_only", only),
    ])
}

async fn post(harness: &Harness, body: Value) -> Answer {
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    harness.send(request).await
}

#[tokio::test]
async fn a_trusted_document_is_named_by_its_hash_in_each_of_the_ways_that_clients_know() {
    let harness = harness("false");
    for body in [
        json!({ "documentId": format!("sha256:{HASH}") }),
        json!({ "documentId": HASH, "operationName": "A", "variables": {} }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": HASH } } }),
        json!({ "query": "{ __typename }" }),
    ] {
        let answer = post(&harness, body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}");
        assert_eq!(answer.json(), json!({ "data": { "__typename": "Query" } }));
    }
    let unknown = json!({ "documentId": format!("sha256:{}", "0".repeat(64)) });
    is_refusal(
        &post(&harness, unknown).await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "PERSISTED_QUERY_NOT_FOUND",
    );
}

#[tokio::test]
async fn a_trusted_question_needs_no_preflight_by_get_and_a_trusted_change_is_none_for_get() {
    let harness = harness("true");
    let get = async |id: &str| {
        let request = Request::get(format!("/graphql?documentId=sha256:{id}"));
        harness.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(
        get(HASH).await.json(),
        json!({ "data": { "__typename": "Query" } })
    );
    is_refusal(
        &get(CHANGE_HASH).await,
        StatusCode::METHOD_NOT_ALLOWED,
        "GRAPHQL_VALIDATION_FAILED",
    );
}

#[tokio::test]
async fn the_strict_mode_takes_no_other_document() {
    let harness = harness("true");
    let answer = post(&harness, json!({ "query": "{ __typename }" })).await;
    is_refusal(&answer, StatusCode::FORBIDDEN, "DOCUMENT_NOT_TRUSTED");
    let in_full = post(&harness, json!({ "query": DOCUMENT })).await;
    assert_eq!(
        in_full.status,
        StatusCode::OK,
        "whoever sends a trusted one in full may"
    );
}

#[tokio::test]
async fn a_manifest_that_cannot_be_right_ends_the_start() {
    let good = Harness::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.json");
    let start = |files: &str, only: &str| {
        let data = folder.path().to_str().unwrap();
        let settings = [
            ("data_dir", data),
            ("gateway.trusted_documents", files),
            ("gateway.trusted_only", only),
        ];
        let parts = good.parts.clone();
        router(&Settings::with(settings).unwrap(), parts, &Lifecycle::default())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let name = file.to_str().unwrap();
    assert!(start(name, "false").unwrap_err().contains("cannot be read"));
    std::fs::write(
        &file,
        json!({ "0cc175b9c0f1b6a831c399e269772661": DOCUMENT }).to_string(),
    )
    .unwrap();
    assert!(
        start(name, "false")
            .unwrap_err()
            .contains("algorithm: \"SHA256\"")
    );
    assert!(start("", "true").unwrap_err().contains("gateway.trusted_only"));
}
