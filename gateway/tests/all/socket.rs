//! GraphQL over WebSocket: the protocol and its close codes.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use usher_gateway::ids::NodeId;
use usher_proto::invitations::v1::{Batch, SessionReply, SignInRequest, WatchBatchRequest};
use usher_types::BatchId;

use super::harness::Harness;
use super::spans;

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn open(harness: &Harness, protocol: Option<&'static str>) -> Self {
        let address = harness.serve().await.replace("http", "ws");
        let mut request = address.into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request
                .headers_mut()
                .insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self(socket)
    }

    async fn introduced(harness: &Harness, token: Option<String>) -> Self {
        let mut client = Self::open(harness, Some("graphql-transport-ws")).await;
        let payload = token.map(|token| json!({ "Authorization": format!("Bearer {token}") }));
        client
            .say(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(client.hear().await, json!({ "type": "connection_ack" }));
        client
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        match self.0.next().await.unwrap().unwrap() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// The code with which the gateway closed.
    async fn closed(&mut self) -> u16 {
        match self.0.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => frame.code.into(),
            other => panic!("not closed: {other:?}"),
        }
    }
}

fn subscribe(id: &str, query: &str) -> Value {
    json!({ "id": id, "type": "subscribe", "payload": { "query": query } })
}

#[tokio::test]
async fn a_batch_is_followed_until_it_is_done() {
    let harness = Harness::new();
    let query = harness.watching();
    let mut client = Client::introduced(&harness, Some(harness.admin())).await;
    client.say(subscribe("1", &query)).await;
    for (sent, state) in [(1, "RUNNING"), (2, "DONE")] {
        let batch = json!({ "sent": sent, "state": state });
        let payload = json!({ "data": { "invitationBatch": batch } });
        assert_eq!(
            client.hear().await,
            json!({ "id": "1", "type": "next", "payload": payload })
        );
    }
    assert_eq!(client.hear().await, json!({ "id": "1", "type": "complete" }));
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }));
    // the id is free again
    client.say(subscribe("1", "{ __typename }")).await;
    assert_eq!(
        client.hear().await["payload"]["data"],
        json!({ "__typename": "Query" })
    );
    assert_eq!(client.hear().await["type"], json!("complete"));
}

#[tokio::test]
async fn a_refused_operation_ends_with_its_errors_and_leaves_the_socket() {
    let harness = Harness::new();
    let mut client = Client::introduced(&harness, None).await;
    client.say(subscribe("1", "{ nothing }")).await;
    let refused = client.hear().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("1")));
    assert_eq!(
        refused["payload"][0]["extensions"]["code"],
        json!("GRAPHQL_VALIDATION_FAILED")
    );
    client.say(subscribe("2", &harness.watching())).await;
    let answer = client.hear().await;
    assert_eq!(
        answer["payload"]["errors"][0]["extensions"]["code"],
        json!("UNAUTHENTICATED")
    );
}

#[tokio::test]
async fn every_way_to_break_the_protocol_has_its_close_code() {
    let harness = Harness::new();
    let mut client = Client::open(&harness, Some("graphql-transport-ws")).await;
    client.say(json!({ "type": "nonsense" })).await;
    assert_eq!(client.closed().await, 4400);
    let mut client = Client::open(&harness, Some("graphql-transport-ws")).await;
    client.say(subscribe("1", "{ __typename }")).await;
    assert_eq!(client.closed().await, 4401);
    let mut client = Client::open(&harness, Some("graphql-transport-ws")).await;
    client
        .say(json!({ "type": "connection_init", "payload": { "authorization": "Bearer nonsense" } }))
        .await;
    assert_eq!(client.closed().await, 4403);
    let mut client = Client::open(&harness, None).await;
    assert_eq!(client.closed().await, 4406);
    let mut client = Client::introduced(&harness, None).await;
    client.say(json!({ "type": "connection_init" })).await;
    assert_eq!(client.closed().await, 4429);
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_with_1009() {
    let harness = Harness::new();
    let mut client = Client::introduced(&harness, None).await;
    client
        .say(json!({ "type": "ping", "payload": "x".repeat(1024 * 1024) }))
        .await;
    assert_eq!(client.closed().await, 1009);
}

#[tokio::test]
async fn a_token_that_cannot_be_verified_yet_closes_with_1013() {
    let harness = Harness::new();
    harness.verifier.set_keys(usher_auth::VerifyingKeys::default());
    let mut client = Client::open(&harness, Some("graphql-transport-ws")).await;
    let payload = json!({ "authorization": format!("Bearer {}", harness.admin()) });
    client
        .say(json!({ "type": "connection_init", "payload": payload }))
        .await;
    assert_eq!(client.closed().await, 1013);
}

/// The code of an operation's refusal, and for how many seconds to wait.
fn refusal(message: &Value, id: &str) -> (String, Option<u64>) {
    assert_eq!(
        (&message["type"], &message["id"]),
        (&json!("error"), &json!(id)),
        "{message}"
    );
    let extensions = &message["payload"][0]["extensions"];
    let code = extensions["code"].as_str().unwrap().to_owned();
    (code, extensions["retryAfter"].as_u64())
}

#[tokio::test]
async fn operations_of_a_socket_are_paid_for_as_those_over_http() {
    let harness = Harness::with(&[
        ("gateway.query_complexity", "50"),
        ("gateway.rate_points", "60"),
        ("gateway.rate_points_per_second", "1"),
        ("gateway.sign_ins_per_minute", "1"),
    ]);
    harness
        .fakes
        .on("SignIn", |_: SignInRequest| Ok(SessionReply::default()));
    let mut client = Client::introduced(&harness, Some(harness.admin())).await;
    let dear = format!("{{ {} }}", "viewer { __typename } ".repeat(20));
    client.say(subscribe("1", &dear)).await;
    assert_eq!(client.hear().await["type"], json!("next"));
    assert_eq!(client.hear().await, json!({ "id": "1", "type": "complete" }));
    client.say(subscribe("2", &dear)).await;
    let (code, wait) = refusal(&client.hear().await, "2");
    // twenty points are missing, and one comes back in a second
    assert!(
        code == "THROTTLED" && wait.is_some_and(|wait| (15..=20).contains(&wait)),
        "{code} {wait:?}"
    );
    let mut client = Client::introduced(&harness, None).await;
    let guess = "signIn(input: { email: \"a@b.example\", password: \"x\" }) { userErrors { code } }";
    client
        .say(subscribe("1", &format!("mutation {{ a: {guess} b: {guess} }}")))
        .await;
    assert_eq!(refusal(&client.hear().await, "1").0, "THROTTLED");
    assert!(!harness.fakes.called().contains(&"SignIn".to_owned()));
}

#[tokio::test]
async fn a_socket_has_fifty_operations_at_a_time() {
    let harness = Harness::new();
    let query = harness.watching();
    // nobody answers, so the operations live
    harness.fakes.silent("WatchBatch");
    let mut client = Client::introduced(&harness, Some(harness.admin())).await;
    for id in 0..51 {
        client.say(subscribe(&id.to_string(), &query)).await;
    }
    assert_eq!(
        refusal(&client.hear().await, "50"),
        ("THROTTLED".to_owned(), None)
    );
    client.say(json!({ "id": "7", "type": "complete" })).await;
    client.say(subscribe("50", "{ __typename }")).await;
    assert_eq!(client.hear().await["type"], json!("next"));
}

#[tokio::test]
async fn an_operation_that_panics_is_masked_and_frees_its_id() {
    let harness = Harness::new();
    let query = harness.watching();
    let mut client = Client::introduced(&harness, Some(harness.admin())).await;
    let breaking = spans::break_calls();
    for query in ["{ contacts { nodes { id } } }", &query] {
        client.say(subscribe("1", query)).await;
        let answer = client.hear().await;
        assert_eq!(refusal(&answer, "1").0, "INTERNAL_SERVER_ERROR");
        let error = &answer["payload"][0];
        assert_eq!(error["message"], json!("internal error"));
        assert!(error["extensions"]["requestId"].is_string(), "{error}");
    }
    drop(breaking);
    client.say(subscribe("1", "{ __typename }")).await;
    assert_eq!(client.hear().await["type"], json!("next"));
}

#[tokio::test]
async fn a_second_operation_under_a_living_id_closes_with_4409() {
    let harness = Harness::new();
    // nobody answers, so the operation lives
    let query = harness.watching();
    let mut client = Client::introduced(&harness, Some(harness.admin())).await;
    let both = [subscribe("1", &query), subscribe("1", &query)];
    for message in both {
        client.0.feed(Message::text(message.to_string())).await.unwrap();
    }
    client.0.flush().await.unwrap();
    loop {
        match client.0.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), 4409);
                return;
            }
            Message::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_introduce_itself_is_closed_with_4408() {
    let harness = Harness::new();
    let mut client = Client::open(&harness, Some("graphql-transport-ws")).await;
    assert_eq!(client.closed().await, 4408);
}

/// A field with a name so long that a few hundred answers fill every buffer on the way.
fn long_answers(harness: &Harness, count: i64) -> String {
    let id = BatchId::new(harness.now());
    harness.fakes.stream("WatchBatch", move |_: WatchBatchRequest| {
        let running = |sent: i64| Batch {
            sent,
            state: "RUNNING".to_owned(),
            ..Batch::default()
        };
        Ok((0..count).map(running).collect())
    });
    let fields: String = (0..30)
        .map(|n| format!("{}{n}: sent ", "x".repeat(1000)))
        .collect();
    let id = NodeId::Batch(id).encode().0;
    format!("subscription {{ invitationBatch(id: \"{id}\") {{ {fields} }} }}")
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_its_own_events_and_then_loses_its_connection() {
    const EVENTS: i64 = 2_000;
    let harness = Harness::with(&[("gateway.slow_reader_seconds", "1")]);
    let mut client = Client::introduced(&harness, Some(harness.admin())).await;
    client.say(subscribe("1", &long_answers(&harness, EVENTS))).await;
    // what is tested is that somebody waits: a reader who is slower than the setting allows
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut heard = 0;
    while let Some(Ok(message)) = client.0.next().await {
        if let Message::Text(text) = message {
            assert!(text.starts_with(r#"{"type":"next""#), "{text:.80}");
            heard += 1;
        }
    }
    assert!(heard < EVENTS, "all {EVENTS} events were sent to nobody");
}

#[tokio::test]
async fn i11_a_session_that_has_ended_starts_nothing_more() {
    let harness = Harness::new();
    let token = harness.admin();
    let mut client = Client::introduced(&harness, Some(token.clone())).await;
    let session = harness.verifier.verify(&token).unwrap().session.unwrap();
    let until = harness.now() + chrono::TimeDelta::minutes(5);
    harness.verifier.add_ended([(session, until)]);
    client.say(subscribe("1", "{ __typename }")).await;
    assert_eq!(client.closed().await, 4403);
}

#[tokio::test]
async fn a_clients_own_close_is_answered() {
    let harness = Harness::new();
    let mut client = Client::introduced(&harness, None).await;
    client.0.close(None).await.unwrap();
    let answer = client.0.next().await.unwrap().unwrap();
    assert!(matches!(answer, Message::Close(_)), "{answer:?}");
}

#[tokio::test]
async fn i11_a_socket_ends_with_its_token_and_a_stop_says_so() {
    let harness = Harness::new();
    let mut client = Client::introduced(&harness, Some(harness.admin())).await;
    harness.lifecycle.stop();
    assert_eq!(client.closed().await, 1001);
    let harness = Harness::new();
    let token = harness.admin();
    harness.clock.advance(chrono::TimeDelta::milliseconds(299_950));
    let mut client = Client::introduced(&harness, Some(token)).await;
    assert_eq!(client.closed().await, 4403);
}
