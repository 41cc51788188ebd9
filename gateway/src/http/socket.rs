//! GraphQL over WebSocket: the protocol `graphql-transport-ws`, with the close codes that its clients act on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use usher_service::grpc::{id_of, within};

use super::App;
use super::client::{bearer_token, caller};
use super::events::{BACKLOG, token_life};
use super::graphql::LONGEST_BODY;
use super::operation::{Answer, Parameters, Refused, execute_stream, prepare};
use crate::fault::{Code, Fault};
use crate::graphql::{Caller, Scope};
use crate::rates::Payer;

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to introduce itself.
const INTRODUCTION: Duration = Duration::from_secs(3);
/// Operations of one socket at a time.
const MOST_OPERATIONS: usize = 50;
/// How often a quiet client is asked whether it still stands; unanswered until the next time, it is gone.
const BREATH: Duration = Duration::from_secs(25);
/// How long the word that we close may take.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Why we close: code and reason.
type Close = (u16, &'static str);

const GOING_AWAY: Close = (1001, "Going away");
const TOO_BIG: Close = (1009, "Message too big");
const TRY_AGAIN: Close = (1013, "Try again later");
const BAD_MESSAGE: Close = (4400, "Invalid message");
const UNAUTHORIZED: Close = (4401, "Unauthorized");
const FORBIDDEN: Close = (4403, "Forbidden");
const NO_PROTOCOL: Close = (4406, "Subprotocol not acceptable");
const NO_INTRODUCTION: Close = (4408, "Connection initialisation timeout");
const DUPLICATE: Close = (4409, "Subscriber already exists");
const TWICE: Close = (4429, "Too many initialisation requests");

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FromClient {
    ConnectionInit {
        #[serde(default)]
        payload: Option<serde_json::Map<String, serde_json::Value>>,
    },
    Ping,
    Pong,
    Subscribe {
        id: String,
        payload: Parameters,
    },
    Complete {
        id: String,
    },
}

/// What we say.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ToClient<'a> {
    ConnectionAck,
    Pong,
    Error {
        id: &'a str,
        payload: &'a [async_graphql::ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl ToClient<'_> {
    fn text(&self) -> String {
        // the message holds nothing that JSON cannot say
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An answer that is JSON already is not read again to be wrapped.
fn next(id: &str, answer: &Answer) -> String {
    let id = serde_json::Value::from(id);
    let payload = String::from_utf8(answer.json()).unwrap_or_default();
    format!(r#"{{"type":"next","id":{id},"payload":{payload}}}"#)
}

/// What an operation hands to its socket.
enum FromOperation {
    /// An answer; more may follow.
    Next { text: String },
    /// The last word.
    Last { id: String, text: String },
}

/// Takes the upgrade.
pub(super) fn accept(app: Arc<App>, upgrade: WebSocketUpgrade, source: String) -> Response {
    // an upgraded connection is no longer the server's to wait for, so the process's end waits for it here
    let (open, closed) = oneshot::channel::<()>();
    app.lifecycle.spawn_short(async move {
        closed.await.ok();
    });
    upgrade
        .protocols([PROTOCOL])
        // a message that is a little too long is read to its end, so that whoever is still sending hears why we close
        .max_message_size(2 * LONGEST_BODY)
        .on_upgrade(move |socket| async move {
            let agreed = socket
                .protocol()
                .is_some_and(|protocol| protocol.as_bytes() == PROTOCOL.as_bytes());
            Connection::new(app, source).run(socket, agreed).await;
            drop(open);
        })
}

/// One socket.
struct Connection {
    app: Arc<App>,
    source: String,
    introduced: bool,
    token: Option<String>,
    caller: Option<Caller>,
    operations: HashMap<String, AbortHandle>,
    answers: mpsc::Sender<FromOperation>,
    answered: mpsc::Receiver<FromOperation>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        for operation in self.operations.values() {
            operation.abort();
        }
    }
}

impl Connection {
    fn new(app: Arc<App>, source: String) -> Self {
        let (answers, answered) = mpsc::channel(BACKLOG);
        Self {
            app,
            source,
            introduced: false,
            token: None,
            caller: None,
            operations: HashMap::new(),
            answers,
            answered,
        }
    }

    async fn run(mut self, mut socket: WebSocket, agreed: bool) {
        let close = if agreed {
            self.talk(&mut socket).await
        } else {
            Some(NO_PROTOCOL)
        };
        let last_word = async {
            match close {
                Some((code, reason)) => {
                    let reason = reason.into();
                    socket
                        .send(Message::Close(Some(CloseFrame { code, reason })))
                        .await
                }
                // the answer to the client's own close (RFC 6455 §5.5.1) is written already
                None => socket.flush().await,
            }
        };
        // a client that is gone or does not read needs no reason
        tokio::time::timeout(LAST_WORD, last_word).await.ok();
    }

    /// Talks until one side ends; none where the client did.
    async fn talk(&mut self, socket: &mut WebSocket) -> Option<Close> {
        let stop = self.app.stop.clone();
        let introduction = tokio::time::sleep(INTRODUCTION);
        tokio::pin!(introduction);
        let mut token_end = Box::pin(self.token_end());
        let mut breath = tokio::time::interval_at(Instant::now() + BREATH, BREATH);
        let mut heard = true;
        loop {
            let was_introduced = self.introduced;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Some(GOING_AWAY),
                () = &mut introduction, if !self.introduced => return Some(NO_INTRODUCTION),
                () = &mut token_end => return Some(FORBIDDEN),
                Some(answer) = self.answered.recv() => {
                    if let Err(close) = self.pass_on(socket, answer).await {
                        return close;
                    }
                }
                _ = breath.tick() => {
                    if !std::mem::take(&mut heard) {
                        return None;
                    }
                    if let Err(close) = self.say(socket, Message::Ping(Bytes::new())).await {
                        return close;
                    }
                }
                message = socket.recv() => {
                    heard = true;
                    let text = match message {
                        Some(Ok(Message::Text(text))) if text.len() > LONGEST_BODY => return Some(TOO_BIG),
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Binary(_))) => return Some(BAD_MESSAGE),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    };
                    if let Err(close) = self.hear(socket, &text).await {
                        return close;
                    }
                }
            }
            if self.introduced && !was_introduced {
                token_end = Box::pin(self.token_end());
            }
        }
    }

    fn token_end(&self) -> impl Future<Output = ()> + Send + use<> {
        token_life(&self.app, &self.scope())
    }

    fn scope(&self) -> Scope {
        let app = &self.app;
        app.scope(self.caller.clone(), self.source.clone())
    }

    /// Hands an operation's answer to the client.
    async fn pass_on(&mut self, socket: &mut WebSocket, answer: FromOperation) -> Result<(), Option<Close>> {
        let text = match answer {
            FromOperation::Next { text } => text,
            FromOperation::Last { id, text } => match self.operations.remove(&id) {
                Some(_) => text,
                // the client has completed it meanwhile and needs no word
                None => return Ok(()),
            },
        };
        self.say(socket, Message::Text(text.into())).await
    }

    /// Sends. A client that does not read holds up its own operations, and after a while loses its connection.
    async fn say(&self, socket: &mut WebSocket, message: Message) -> Result<(), Option<Close>> {
        tokio::select! {
            biased;
            () = self.app.stop.cancelled() => Err(Some(GOING_AWAY)),
            sent = tokio::time::timeout(self.app.slow_reader, socket.send(message)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(None),
            },
        }
    }

    async fn hear(&mut self, socket: &mut WebSocket, text: &str) -> Result<(), Option<Close>> {
        let Ok(message) = serde_json::from_str(text) else {
            return Err(Some(BAD_MESSAGE));
        };
        let reply = match message {
            FromClient::ConnectionInit { .. } if self.introduced => return Err(Some(TWICE)),
            FromClient::ConnectionInit { payload } => {
                self.introduce(payload.unwrap_or_default()).map_err(Some)?;
                ToClient::ConnectionAck.text()
            }
            FromClient::Ping => ToClient::Pong.text(),
            FromClient::Pong => return Ok(()),
            FromClient::Complete { id } => {
                if let Some(operation) = self.operations.remove(&id) {
                    operation.abort();
                }
                return Ok(());
            }
            FromClient::Subscribe { .. } if !self.introduced => return Err(Some(UNAUTHORIZED)),
            FromClient::Subscribe { id, payload } => match self.subscribe(id, payload).map_err(Some)? {
                Some(refusal) => refusal,
                None => return Ok(()),
            },
        };
        self.say(socket, Message::Text(reply.into())).await
    }

    /// Browsers cannot set headers on a socket, so the token comes in the first message.
    fn introduce(&mut self, payload: serde_json::Map<String, serde_json::Value>) -> Result<(), Close> {
        let given = payload
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if let Some((_, given)) = given {
            let token = given.as_str().and_then(bearer_token).ok_or(FORBIDDEN)?;
            self.caller = Some(caller(&self.app, token).map_err(|fault| refusal_of(&fault))?);
            self.token = Some(token.to_owned());
        }
        self.introduced = true;
        Ok(())
    }

    /// Starts an operation; a text is the refusal to send instead.
    fn subscribe(&mut self, id: String, parameters: Parameters) -> Result<Option<String>, Close> {
        if self.operations.contains_key(&id) {
            return Err(DUPLICATE);
        }
        let refusal = |refused: Refused| {
            let payload = &refused.errors;
            Ok(Some(ToClient::Error { id: &id, payload }.text()))
        };
        if self.operations.len() >= MOST_OPERATIONS {
            let fault = Fault::new(
                Code::Throttled,
                format!("at most {MOST_OPERATIONS} operations at a time"),
            );
            return refusal(Refused::new(StatusCode::TOO_MANY_REQUESTS, fault));
        }
        // the session may have ended since the socket was opened
        if let Some(token) = &self.token {
            caller(&self.app, token).map_err(|fault| refusal_of(&fault))?;
        }
        let payer = Payer::of(self.caller.as_ref(), &self.source);
        let prepared = prepare(&self.app, parameters).and_then(|mut operation| {
            operation.pay(&self.app, &payer)?;
            Ok(operation)
        });
        let operation = match prepared {
            Ok(operation) => operation,
            Err(refused) => return refusal(refused),
        };
        let answers = execute_stream(Arc::clone(&self.app), operation, self.scope());
        let work = relay(id.clone(), answers, self.answers.clone());
        let request = id_of(&axum::http::HeaderMap::new());
        let task = tokio::spawn(within(request, work));
        self.operations.insert(id, task.abort_handle());
        Ok(None)
    }
}

/// How a token is refused: that keys have not arrived yet is no fault of the token's.
const fn refusal_of(fault: &Fault) -> Close {
    match fault.code {
        Code::Unavailable => TRY_AGAIN,
        _ => FORBIDDEN,
    }
}

/// Runs an operation and hands its answers to the socket.
async fn relay(
    id: String,
    answers: impl futures::Stream<Item = Answer> + Send,
    socket: mpsc::Sender<FromOperation>,
) {
    let mut answers = std::pin::pin!(answers);
    while let Some(answer) = answers.next().await {
        if answer.is_refusal() {
            let text = ToClient::Error {
                id: &id,
                payload: answer.errors(),
            }
            .text();
            socket.send(FromOperation::Last { id, text }).await.ok();
            return;
        }
        let text = next(&id, &answer);
        if socket.send(FromOperation::Next { text }).await.is_err() {
            return;
        }
    }
    let text = ToClient::Complete { id: &id }.text();
    socket.send(FromOperation::Last { id, text }).await.ok();
}
