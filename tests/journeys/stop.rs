//! The end of a process that people are still using (R3).

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use usher_tests::{Client, LockedTable, Postgres, System, eventually, free_port};

use crate::operations::CREATE_CONTACT;

/// A process with a request that waits for the database, somebody who listens, and a collector that is silent.
struct Stage {
    system: System,
    probe: Client,
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
    asked: JoinHandle<Value>,
    lock: LockedTable,
    _collector: TcpListener,
    _postgres: Postgres,
}

impl Stage {
    async fn set() -> Self {
        let postgres = Postgres::start().await;
        let database = format!("{}/postgres", postgres.url());
        let private = format!("127.0.0.1:{}", free_port());
        let collector = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", collector.local_addr().expect("an address"));
        let mut system = System::launch_on(&[
            ("USHER_DATABASE_URL", &database),
            ("USHER_PRIVATE_LISTEN", &private),
            ("USHER_TELEMETRY__OTLP_ENDPOINT", &endpoint),
        ]);
        system.wait_until_ready().await;
        let admin = system.sign_in_again().await;
        let socket = listening(&system, &admin).await;
        let lock = LockedTable::lock(&database, "contacts.contact").await;
        let input = json!({ "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com" });
        let asked = tokio::spawn(async move { admin.done(CREATE_CONTACT, json!({ "input": input })).await });
        eventually("the request waits for the table", system.patience(), || async {
            (LockedTable::waiting(&database).await > 0).then_some(())
        })
        .await;
        Self {
            system,
            probe: Client::new(&format!("http://{private}")),
            socket,
            asked,
            lock,
            _collector: collector,
            _postgres: postgres,
        }
    }

    /// What the private port says, once it says that it stops.
    async fn is_stopping(&self) {
        eventually("it is not ready any more", self.system.patience(), || async {
            let page = self.probe.page(hyper::Method::GET, "/readyz").await;
            ((page.status().as_u16(), page.body().as_str()) == (503, "stopping\n")).then_some(())
        })
        .await;
    }
}

/// Somebody who is connected by WebSocket, and listens.
async fn listening(
    system: &System,
    client: &Client,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    let address = format!("{}/graphql", system.base()).replace("http", "ws");
    let mut request = address.into_client_request().expect("a request");
    let protocol = "graphql-transport-ws".parse().expect("a header");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let token = client.token().expect("a token");
    let hello =
        json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
    socket.send(Message::text(hello.to_string())).await.expect("sent");
    let said = socket.next().await.expect("an answer").expect("an answer");
    assert_eq!(
        said.into_text().expect("text").as_str(),
        r#"{"type":"connection_ack"}"#
    );
    socket
}

#[tokio::test]
async fn r3_a_stop_finishes_what_has_begun_and_takes_nothing_new() {
    let mut stage = Stage::set().await;
    stage.system.terminate().await;
    stage.is_stopping().await;
    let closed = stage.socket.next().await.expect("a frame").expect("a frame");
    let Message::Close(Some(frame)) = closed else {
        panic!("{closed:?}");
    };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(!stage.asked.is_finished());
    drop(stage.lock);
    let answer = stage.asked.await.expect("an answer");
    assert_eq!(answer["contact"]["portal"]["status"], "WAITING");
    let (code, log) = stage.system.ended("usher").await;
    assert_eq!(code, 0, "{log}");
}

#[tokio::test]
async fn r3_a_second_signal_stops_at_once() {
    let mut stage = Stage::set().await;
    stage.system.terminate().await;
    stage.is_stopping().await;
    let asked = Instant::now();
    stage.system.terminate().await;
    let (code, log) = stage.system.ended("usher").await;
    assert_eq!(code, 1, "{log}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(stage.asked.await.is_err(), "nobody answers");
}
