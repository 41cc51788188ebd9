//! GraphQL over server-sent events: how a stream ends.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use chrono::TimeDelta;
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;
use usher_gateway::ids::NodeId;
use usher_proto::invitations::v1::{Batch, WatchBatchRequest};
use usher_types::BatchId;

use super::harness::Harness;

const COMPLETE: &str = "event: complete\ndata:\n\n";

/// Follows a batch that is never done: `states` figures, and then nothing new.
fn watching(harness: &Harness, states: i64) -> String {
    harness.fakes.stream("WatchBatch", move |_: WatchBatchRequest| {
        let running = |sent: i64| Batch {
            sent,
            state: "RUNNING".to_owned(),
            ..Batch::default()
        };
        Ok((0..states).map(running).collect())
    });
    let id = NodeId::Batch(BatchId::new(harness.now())).encode().0;
    format!("subscription {{ invitationBatch(id: \"{id}\") {{ sent }} }}")
}

/// A response whose body nobody has read yet.
async fn opened(harness: &Harness, token: &str, query: &str) -> Response<Body> {
    let from: SocketAddr = "192.0.2.7:1234".parse().unwrap();
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .header("authorization", format!("Bearer {token}"))
        .extension(ConnectInfo(from))
        .body(Body::from(json!({ "query": query }).to_string()))
        .unwrap();
    harness.routes.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn sent(count: i64) -> String {
    format!("event: next\ndata: {{\"data\":{{\"invitationBatch\":{{\"sent\":{count}}}}}}}\n\n")
}

#[tokio::test]
async fn i11_a_stream_that_ends_with_its_token_says_so() {
    let harness = Harness::new();
    let query = watching(&harness, 1);
    let token = harness.admin();
    harness.clock.advance(TimeDelta::milliseconds(298_000));
    let expired = "event: next\ndata: {\"errors\":[{\"message\":\"the access token has expired: refresh the session\",\
        \"extensions\":{\"code\":\"TOKEN_EXPIRED\"}}]}\n\n";
    assert_eq!(
        text(opened(&harness, &token, &query).await).await,
        format!("{}{expired}{COMPLETE}", sent(0))
    );
}

#[tokio::test]
async fn a_stream_that_a_stop_ends_does_not_say_that_it_is_complete() {
    let harness = Harness::new();
    let query = watching(&harness, 1);
    let mut response = opened(&harness, &harness.admin(), &query).await;
    let first = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), sent(0));
    harness.lifecycle.stop();
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_read_ends_its_stream() {
    const WAITING: i64 = 16;
    let harness = Harness::with(&[("gateway.slow_reader_seconds", "1")]);
    let query = watching(&harness, 100);
    let response = opened(&harness, &harness.admin(), &query).await;
    // what is tested is that somebody waits: a reader who is slower than the setting allows
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(text(response).await, (0..WAITING).map(sent).collect::<String>());
}

#[tokio::test]
async fn a_client_that_has_gone_ends_its_stream() {
    let harness = Harness::new();
    // a stream that breaks off is opened again and again, as long as somebody follows
    let query = watching(&harness, 0);
    let response = opened(&harness, &harness.admin(), &query).await;
    while harness.fakes.called().len() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(response);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let called = harness.fakes.called().len();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(harness.fakes.called().len(), called);
}
