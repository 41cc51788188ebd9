//! Batches under way: paused and resumed, followed, and what became of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tonic::Status;
use usher_auth::Permission;
use usher_gateway::ids::NodeId;
use usher_proto::invitations::v1::{
    Batch, BatchReply, PauseBatchRequest, ResultRow, Results, StreamResultsRequest, WatchBatchRequest,
};
use usher_proto::{bytes_of, timestamp};
use usher_types::{BatchId, ContactId};

use super::harness::{Answer, Harness};

fn batch(state: &str, sent: i64) -> Batch {
    Batch {
        state: state.to_owned(),
        action: "SEND".to_owned(),
        sent,
        ..Batch::default()
    }
}

#[tokio::test]
async fn i4_a_paused_batch_says_why_it_stands_still() {
    let harness = Harness::new();
    let at = timestamp(harness.now());
    harness.fakes.on("PauseBatch", move |_: PauseBatchRequest| {
        let paused = Batch {
            pause_reason: Some("MEMBER".to_owned()),
            waiting_until: Some(at),
            ..batch("PAUSED", 3)
        };
        Ok(BatchReply {
            batch: Some(paused),
            refusals: Vec::new(),
        })
    });
    let id = NodeId::Batch(BatchId::new(harness.now())).encode().0;
    let pause = format!(
        r#"mutation {{ pauseBatch(input: {{ id: "{id}" }}) {{
            batch {{ state pauseReason waitingUntil sent }} userErrors {{ code }} }} }}"#
    );
    let answer = harness.ask(Some(&harness.admin()), &pause, Value::Null).await;
    assert_eq!(
        answer.json()["data"]["pauseBatch"]["batch"],
        json!({ "state": "PAUSED", "pauseReason": "MEMBER", "waitingUntil": "2026-03-06T12:26:40Z", "sent": 3 })
    );
}

fn following(harness: &Harness) -> Request<Body> {
    let id = NodeId::Batch(BatchId::new(harness.now())).encode().0;
    let query = format!("subscription {{ invitationBatch(id: \"{id}\") {{ sent state }} }}");
    Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .header("authorization", format!("Bearer {}", harness.admin()))
        .body(Body::from(json!({ "query": query }).to_string()))
        .unwrap()
}

/// What was told, in order.
fn told(answer: &Answer) -> Vec<String> {
    let lines = answer
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let values = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    values
        .map(|value| match value["errors"][0]["extensions"]["code"].as_str() {
            Some(code) => code.to_owned(),
            None => value["data"]["invitationBatch"].to_string(),
        })
        .collect()
}

/// The service stops in the middle, is away for a while, and begins anew with what was told already.
#[tokio::test]
async fn i4_following_a_batch_goes_on_when_the_service_was_started_anew() {
    let harness = Harness::new();
    let calls = AtomicUsize::new(0);
    harness.fakes.stream("WatchBatch", move |_: WatchBatchRequest| {
        match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(vec![batch("RUNNING", 1)]),
            1 => Err(Status::unavailable("starting")),
            _ => Ok(vec![batch("RUNNING", 1), batch("RUNNING", 2), batch("DONE", 3)]),
        }
    });
    let answer = harness.send(following(&harness)).await;
    assert_eq!(
        told(&answer),
        [
            r#"{"sent":1,"state":"RUNNING"}"#,
            r#"{"sent":2,"state":"RUNNING"}"#,
            r#"{"sent":3,"state":"DONE"}"#
        ]
    );
    assert_eq!(harness.fakes.calls::<WatchBatchRequest>("WatchBatch").len(), 3);
}

/// It became done while the service was away: the last word comes all the same.
#[tokio::test]
async fn i4_the_end_is_told_even_if_nobody_saw_it() {
    let harness = Harness::new();
    let calls = AtomicUsize::new(0);
    harness.fakes.stream("WatchBatch", move |_: WatchBatchRequest| {
        match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(vec![batch("RUNNING", 1)]),
            _ => Ok(vec![batch("DONE", 9)]),
        }
    });
    let told = told(&harness.send(following(&harness)).await);
    assert_eq!(told.last().unwrap(), r#"{"sent":9,"state":"DONE"}"#);
}

#[tokio::test]
async fn i15_following_ends_when_the_service_refuses() {
    let harness = Harness::new();
    let calls = AtomicUsize::new(0);
    harness.fakes.stream("WatchBatch", move |_: WatchBatchRequest| {
        match calls.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(vec![batch("RUNNING", 1)]),
            _ => Err(Status::unauthenticated("the session has ended")),
        }
    });
    let answer = tokio::time::timeout(Duration::from_secs(20), harness.send(following(&harness))).await;
    assert_eq!(
        told(&answer.unwrap()),
        [r#"{"sent":1,"state":"RUNNING"}"#, "UNAUTHENTICATED"]
    );
}

async fn download(harness: &Harness, id: &str, token: Option<&str>) -> Answer {
    let mut request = Request::get(format!("/batches/{id}/results.csv"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    harness.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn i4_c13_results_are_a_csv_without_formulas() {
    let harness = Harness::new();
    let contact = ContactId::new(harness.now());
    let at = Some(timestamp(harness.now()));
    harness
        .fakes
        .stream("StreamResults", move |_: StreamResultsRequest| {
            let row = |outcome: &str| ResultRow {
                contact_id: bytes_of(contact),
                first_name: "=cmd|' /C calc'!A0".to_owned(),
                last_name: "O\"Neill, Jr".to_owned(),
                email: Some("ada@example.com".to_owned()),
                outcome: outcome.to_owned(),
                error: Some("-1 later".to_owned()),
                invited_at: at,
                ..ResultRow::default()
            };
            Ok(vec![
                Results {
                    rows: vec![row("SENT"), row("FAILED")],
                },
                Results {
                    rows: vec![row("DEFERRED")],
                },
            ])
        });
    let id = NodeId::Batch(BatchId::new(harness.now())).encode().0;
    let answer = download(&harness, &id, Some(&harness.admin())).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8; header=present")
    );
    assert_eq!(
        answer.header("content-disposition"),
        Some(format!("attachment; filename=\"batch-{id}.csv\"").as_str())
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let shown = NodeId::Contact(contact).encode().0;
    let line = |outcome: &str| {
        format!(
            "{shown},'=cmd|' /C calc'!A0,\"O\"\"Neill, Jr\",ada@example.com,{outcome},,'-1 later,2026-03-06T12:26:40Z,,\r\n"
        )
    };
    let header = "contactId,firstName,lastName,email,outcome,reason,error,invitedAt,expiresAt,acceptedAt\r\n";
    assert_eq!(
        answer.text(),
        [header.to_owned(), line("SENT"), line("FAILED"), line("DEFERRED")].concat()
    );
    // the address stands with the batch
    harness.fakes.on("PauseBatch", |request: PauseBatchRequest| {
        Ok(BatchReply {
            batch: Some(Batch {
                id: request.id,
                ..batch("PAUSED", 0)
            }),
            refusals: Vec::new(),
        })
    });
    let ask = format!(r#"mutation {{ pauseBatch(input: {{ id: "{id}" }}) {{ batch {{ resultsUrl }} }} }}"#);
    let answer = harness.ask(Some(&harness.admin()), &ask, Value::Null).await;
    let url = answer.json()["data"]["pauseBatch"]["batch"]["resultsUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(url.starts_with("http"), "{url}");
    assert!(url.ends_with(&format!("/batches/{id}/results.csv")), "{url}");
}

#[tokio::test]
async fn i15_results_need_a_token_and_the_permission() {
    let harness = Harness::new();
    harness.fakes.stream(
        "StreamResults",
        |_: StreamResultsRequest| -> Result<Vec<Results>, Status> {
            Err(Status::not_found("there is no such batch"))
        },
    );
    let id = NodeId::Batch(BatchId::new(harness.now())).encode().0;
    let nobody = download(&harness, &id, None).await;
    assert_eq!(
        (nobody.status, nobody.header("www-authenticate")),
        (StatusCode::UNAUTHORIZED, Some("Bearer"))
    );
    let contact = harness.contact(ContactId::new(harness.now()));
    let without = harness.member([Permission::PortalInvite]);
    for token in [&contact, &without] {
        assert_eq!(
            download(&harness, &id, Some(token)).await.status,
            StatusCode::FORBIDDEN
        );
    }
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
    for id in [id.as_str(), "nonsense"] {
        assert_eq!(
            download(&harness, id, Some(&harness.admin())).await.status,
            StatusCode::NOT_FOUND
        );
    }
}
