//! GraphQL over server-sent events: one operation a connection, events `next` and `complete`.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use usher_service::grpc::{request_id, within};

use super::App;
use super::accept::Format;
use super::client::expired;
use super::operation::{Answer, Operation, Refused, execute_stream};
use crate::graphql::Scope;

/// Answers that wait for a slow client before its operations wait too.
pub(super) const BACKLOG: usize = 16;
/// How often a quiet stream says that it still stands.
const BREATH: Duration = Duration::from_secs(12);
/// A comment, which clients leave alone.
const STILL_HERE: &[u8] = b":\n\n";
/// The empty line of data makes browsers hand the event on.
const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";

/// Streams the answers until the operation, the token or the process ends.
pub(super) fn stream(app: Arc<App>, operation: Operation, scope: Scope) -> Response {
    let (events, waiting) = mpsc::channel(BACKLOG);
    let reader = Reader {
        events,
        patience: app.slow_reader,
    };
    let end = end_of(&app, &operation, &scope);
    let answers = execute_stream(app, operation, scope);
    // a body is polled only by a client that reads, so somebody else has to notice that one does not; the response outlives its
    // handler, so the request's id is taken along
    tokio::spawn(within(request_id(), feed(answers, end, reader)));
    let body = stream::unfold(waiting, |mut waiting| async move {
        let event: Bytes = waiting.recv().await?;
        Some((Ok::<_, Infallible>(event), waiting))
    });
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static(Format::Events.content_type()),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

/// The other end of the body.
struct Reader {
    events: mpsc::Sender<Bytes>,
    /// How long an event may lie before the client has lost its stream.
    patience: Duration,
}

impl Reader {
    /// Whether the client takes more. What ends the stream does not wait for it.
    async fn hand(&self, event: Bytes, end: impl Future<Output = End>) -> bool {
        tokio::select! {
            biased;
            sent = timeout(self.patience, self.events.send(event)) => matches!(sent, Ok(Ok(()))),
            _ = end => false,
        }
    }
}

/// Hands the answers over. Where the process stops or the client does not read, the events end without `complete`: that is how a client
/// knows that there was more, and asks again.
async fn feed(
    answers: impl Stream<Item = Answer> + Send,
    end: impl Future<Output = End> + Send,
    reader: Reader,
) {
    let (mut answers, mut end) = (pin!(answers), pin!(end));
    loop {
        let step = tokio::select! {
            biased;
            () = reader.events.closed() => return,
            ending = &mut end => match ending {
                End::Stop => return,
                End::Token => {
                    let expired = next(&Refused::new(StatusCode::UNAUTHORIZED, expired()).into());
                    if !reader.hand(expired, pending()).await {
                        return;
                    }
                    None
                }
            },
            step = timeout(BREATH, answers.next()) => match step {
                Ok(answer) => answer.as_ref().map(next),
                Err(_) => Some(Bytes::from_static(STILL_HERE)),
            },
        };
        let Some(event) = step else {
            reader.hand(Bytes::from_static(COMPLETE), pending()).await;
            return;
        };
        if !reader.hand(event, &mut end).await {
            return;
        }
    }
}

fn next(answer: &Answer) -> Bytes {
    // JSON as we write it has no line breaks
    let mut event = b"event: next\ndata: ".to_vec();
    event.extend(answer.json());
    event.extend(b"\n\n");
    Bytes::from(event)
}

/// What ends a stream that has more to say.
enum End {
    /// The process stops.
    Stop,
    /// The caller's token has run out.
    Token,
}

/// When a subscription ends whatever it has to say. A question or a change that has begun is answered.
fn end_of(app: &App, operation: &Operation, scope: &Scope) -> impl Future<Output = End> + Send + use<> {
    let is_endless = operation.kind == OperationType::Subscription;
    let (stop, token) = (app.stop.clone(), token_life(app, scope));
    async move {
        if !is_endless {
            pending::<()>().await;
        }
        tokio::select! {
            () = stop.cancelled() => End::Stop,
            () = token => End::Token,
        }
    }
}

/// Ends when the caller's token does; never without one.
pub(super) fn token_life(app: &App, scope: &Scope) -> impl Future<Output = ()> + Send + use<> {
    let expires_at = scope.caller.as_ref().map(|caller| caller.principal.expires_at);
    let left = expires_at.map(|at| (at - app.clock.now()).to_std().unwrap_or_default());
    async move {
        match left {
            Some(left) => tokio::time::sleep(left).await,
            None => std::future::pending().await,
        }
    }
}
