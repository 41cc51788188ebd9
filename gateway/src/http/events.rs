//! GraphQL over server-sent events: one operation a connection, events `next` and `complete`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use usher_service::grpc::{request_id, within};

use super::App;
use super::accept::Format;
use super::operation::{Answer, Operation, execute_stream};
use crate::graphql::Scope;

/// How often a quiet stream says that it still stands.
const BREATH: Duration = Duration::from_secs(12);
/// A comment, which clients leave alone.
const STILL_HERE: &[u8] = b":\n\n";
/// The empty line of data makes browsers hand the event on.
const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";

/// Streams the answers until the operation, the token or the process ends.
pub(super) fn stream(app: Arc<App>, operation: Operation, scope: Scope) -> Response {
    let end = Box::pin(end_of(&app, &scope));
    let id = request_id();
    let answers = Box::pin(execute_stream(app, operation, scope).take_until(end));
    let chunks = stream::unfold(Some(answers), move |answers| {
        let id = id.clone();
        async move {
            let mut answers = answers?;
            // the response outlives its handler, so each step enters the request anew
            let step = within(id, tokio::time::timeout(BREATH, answers.next())).await;
            Some(match step {
                Ok(Some(answer)) => (next(&answer), Some(answers)),
                Ok(None) => (Bytes::from_static(COMPLETE), None),
                Err(_) => (Bytes::from_static(STILL_HERE), Some(answers)),
            })
        }
    });
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static(Format::Events.content_type()),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(chunks.map(Ok::<_, Infallible>))).into_response()
}

fn next(answer: &Answer) -> Bytes {
    // JSON as we write it has no line breaks
    let mut event = b"event: next\ndata: ".to_vec();
    event.extend(answer.json());
    event.extend(b"\n\n");
    Bytes::from(event)
}

/// When a stream ends whatever it has to say: with the caller's token, or with the process.
fn end_of(app: &App, scope: &Scope) -> impl Future<Output = ()> + Send + use<> {
    let stop = app.stop.clone();
    let token = token_life(app, scope);
    async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = token => {}
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
