//! Access tokens for programs (RFC 6749 §4.4), and where clients find them (RFC 8414).

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tonic::Status;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1::{IssueTokenReply, IssueTokenRequest, IssuedToken};

use super::harness::{Answer, Harness};

const GRANT: &str = "grant_type=client_credentials&client_id=id&client_secret=secret";

async fn post(harness: &Harness, content_type: &str, body: &str) -> Answer {
    let request = Request::post("/oauth/token").header("content-type", content_type);
    harness
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

async fn form(harness: &Harness, body: &str) -> Answer {
    post(harness, "application/x-www-form-urlencoded", body).await
}

fn refusing(harness: &Harness, code: &'static str) {
    harness.fakes.on("IssueToken", move |_: IssueTokenRequest| {
        let refusal = Refusal {
            code: code.to_owned(),
            ..Refusal::default()
        };
        Ok(IssueTokenReply {
            token: None,
            refusals: vec![refusal],
        })
    });
}

fn error(answer: &Answer) -> (u16, Value) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    (answer.status.as_u16(), answer.json()["error"].clone())
}

#[tokio::test]
async fn i15_a_token_is_granted_as_the_rfc_writes_it_and_kept_by_nobody() {
    let harness = Harness::new();
    harness.fakes.on("IssueToken", |_: IssueTokenRequest| {
        let token = IssuedToken {
            access_token: "a.b.c".to_owned(),
            expires_in: 300,
            scope: vec!["contacts.read".to_owned(), "contacts.write".to_owned()],
        };
        Ok(IssueTokenReply {
            token: Some(token),
            refusals: Vec::new(),
        })
    });
    // what is empty was not given
    let answer = post(
        &harness,
        "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        &format!("{GRANT}&scope=contacts.read+contacts.write&resource="),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({ "access_token": "a.b.c", "token_type": "Bearer", "expires_in": 300, "scope": "contacts.read contacts.write" })
    );
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    let asked = harness.fakes.calls::<IssueTokenRequest>("IssueToken");
    assert_eq!(
        asked,
        [IssueTokenRequest {
            client_id: "id".to_owned(),
            client_secret: "secret".to_owned(),
            scope: vec!["contacts.read".to_owned(), "contacts.write".to_owned()],
        }]
    );
}

#[tokio::test]
async fn i15_a_token_is_refused_as_the_rfc_writes_it() {
    let harness = Harness::new();
    let long = format!("{GRANT}&x={}", "x".repeat(16 * 1024));
    for (body, expected) in [
        ("grant_type=client_credentials", (401, "invalid_client")),
        ("client_id=id&client_secret=s", (400, "invalid_request")),
        (
            "grant_type=password&client_id=id&client_secret=s",
            (400, "unsupported_grant_type"),
        ),
        (&format!("{GRANT}&client_id=id"), (400, "invalid_request")),
        (&long, (400, "invalid_request")),
    ] {
        let answer = form(&harness, body).await;
        assert_eq!(error(&answer), (expected.0, json!(expected.1)), "{body}");
    }
    let json = post(&harness, "application/json", "{}").await;
    assert_eq!(error(&json), (400, json!("invalid_request")));
    assert_eq!(harness.fakes.called(), Vec::<String>::new());

    refusing(&harness, "INVALID_CLIENT");
    let answer = form(&harness, GRANT).await;
    assert_eq!(error(&answer), (401, json!("invalid_client")));
    assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"usher\""));
    refusing(&harness, "INVALID_SCOPE");
    let answer = form(&harness, GRANT).await;
    assert_eq!(error(&answer), (400, json!("invalid_scope")));
    let get = Request::get("/oauth/token").body(Body::empty()).unwrap();
    assert_eq!(harness.send(get).await.status, 405);
}

#[tokio::test]
async fn i15_guesses_at_a_secret_pay_as_those_at_a_password_do() {
    let harness = Harness::with(&[("gateway.sign_ins_per_minute", "2")]);
    refusing(&harness, "INVALID_CLIENT");
    for _ in 0..2 {
        assert_eq!(form(&harness, GRANT).await.status, 401);
    }
    let answer = form(&harness, GRANT).await;
    assert_eq!(error(&answer), (429, json!("temporarily_unavailable")));
    assert_eq!(answer.header("retry-after"), Some("30"));
    assert_eq!(harness.fakes.called().len(), 2);
}

#[tokio::test]
async fn i15_a_service_that_is_away_is_no_fault_of_the_clients() {
    let harness = Harness::new();
    harness.fakes.on(
        "IssueToken",
        |_: IssueTokenRequest| -> Result<IssueTokenReply, Status> { Err(Status::unavailable("away")) },
    );
    let answer = form(&harness, GRANT).await;
    assert_eq!(error(&answer), (503, json!("temporarily_unavailable")));
}

#[tokio::test]
async fn i15_clients_find_the_endpoint_by_the_issuer() {
    let harness = Harness::with(&[("public_url", "https://portal.example")]);
    let request = Request::get("/.well-known/oauth-authorization-server");
    let answer = harness.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let found = answer.json();
    assert_eq!(found["issuer"], "https://portal.example");
    assert_eq!(found["token_endpoint"], "https://portal.example/oauth/token");
    assert_eq!(found["jwks_uri"], "https://portal.example/.well-known/jwks.json");
    assert_eq!(
        found["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post"])
    );
}
