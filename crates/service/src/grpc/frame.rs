//! What happens around every gRPC request, once for all services.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame as BodyFrame};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;
use tracing::field::Empty;
use usher_auth::Verifier;

use super::observe::{self, Side};
use super::{caller, context};

/// Puts [`Frame`] around the routes of a server.
#[derive(Clone, Debug)]
pub(super) struct FrameLayer {
    pub(super) name: &'static str,
    pub(super) verifier: Option<Verifier>,
    pub(super) stop: CancellationToken,
}

impl<S> Layer<S> for FrameLayer {
    type Service = Frame<S>;

    fn layer(&self, inner: S) -> Frame<S> {
        Frame {
            inner,
            layer: self.clone(),
        }
    }
}

/// Request id, span, principal, panics and the end of streams at a stop.
#[derive(Clone, Debug)]
pub(super) struct Frame<S> {
    inner: S,
    layer: FrameLayer,
}

impl<S> Service<Request<Body>> for Frame<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let request_id = context::id_of(request.headers());
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let span = tracing::info_span!(
            "grpc",
            service = self.layer.name,
            otel.name = method,
            otel.kind = "server",
            rpc.system.name = "grpc",
            rpc.method = method,
            rpc.response.status_code = Empty,
            "error.type" = Empty,
            otel.status_code = Empty,
            request_id
        );
        context::follow(&span, request.headers());
        let begun = Instant::now();
        // the clone that is ready must be the one that is called
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let layer = self.layer.clone();
        let work = async move {
            match caller::identify(request.headers(), layer.verifier.as_ref()) {
                Ok(Some((principal, bearer))) => {
                    request.extensions_mut().insert(principal);
                    request.extensions_mut().insert(bearer);
                }
                Ok(None) => {}
                Err(refusal) => return refusal.into_http(),
            }
            let answer = AssertUnwindSafe(async move { inner.call(request).await })
                .catch_unwind()
                .await;
            match answer {
                Ok(Ok(answer)) => answer.map(|body| Body::new(EndingBody::new(body, layer.stop))),
                Ok(Err(never)) => match never {},
                Err(_) => {
                    tracing::error!("a handler panicked");
                    let request_id = context::request_id();
                    Status::internal(format!("internal error, request {request_id}")).into_http()
                }
            }
        };
        let work = context::within(request_id, work).instrument(span.clone());
        Box::pin(async move {
            let answer = work.await;
            let code = observe::code_of(answer.headers());
            observe::ended(Side::Server, &span, &method, code, begun);
            Ok(answer)
        })
    }
}

/// The body of an answer. A stream that waits for its next message ends when the service stops.
struct EndingBody {
    inner: Body,
    stop: CancellationToken,
    stopped: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    ended: bool,
}

impl EndingBody {
    fn new(inner: Body, stop: CancellationToken) -> Self {
        Self {
            inner,
            stop,
            stopped: None,
            ended: false,
        }
    }
}

impl HttpBody for EndingBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let stop = &this.stop;
        let stopped = this
            .stopped
            .get_or_insert_with(|| Box::pin(stop.clone().cancelled_owned()));
        if stopped.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        this.ended = true;
        let trailers = Status::unavailable("the service is stopping")
            .into_http::<Body>()
            .into_parts()
            .0
            .headers;
        Poll::Ready(Some(Ok(BodyFrame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }
}
