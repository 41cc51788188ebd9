//! GraphQL over server-sent events: one operation a connection, events `next` and `complete`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use usher_service::grpc::{request_id, within};

use super::App;
use super::operation::{Operation, execute_stream};
use crate::graphql::Scope;

/// How often a quiet stream says that it still stands.
const BREATH: Duration = Duration::from_secs(12);

/// Streams the answers until the operation, the token or the process ends.
pub(super) fn stream(app: Arc<App>, operation: Operation, scope: Scope) -> Response {
    let end = end_of(&app, &scope);
    let id = request_id();
    let mut answers = Box::pin(execute_stream(app, operation, scope));
    // the response outlives its handler, so each step enters the request anew
    let answers = stream::poll_fn(move |context| {
        let mut step = Box::pin(within(id.clone(), answers.next()));
        Future::poll(step.as_mut(), context)
    });
    let next = answers.take_until(Box::pin(end)).map(|answer| {
        let data = String::from_utf8(answer.json()).unwrap_or_default();
        Event::default().event("next").data(data)
    });
    let complete = stream::once(async { Event::default().event("complete").data("") });
    let events = next.chain(complete).map(Ok::<_, Infallible>);
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(BREATH))
        .into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
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
