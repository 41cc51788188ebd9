//! The channel that generated clients are built on: deadlines, one retry of reads, one error for a peer that is away.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};
use tracing::Instrument;
use tracing::field::Empty;
use url::Url;

use super::GrpcSettings;
use crate::grpc::context;
use crate::grpc::observe::{self, Side};

/// Methods whose name begins like this change nothing, so they may be sent twice.
const READS: [&str; 12] = [
    "Get", "BatchGet", "List", "LinksOf", "Walk", "Await", "Find", "Preview", "Count", "Check", "Lookup",
    "Watch",
];
const TIMEOUT_HEADER: &str = "grpc-timeout";

/// A connection to another service. Cheap to clone; connects with its first call and again whenever needed.
///
/// Every call has a deadline: the one of the settings, or the request's own (`Request::set_timeout`). For a stream
/// it bounds the time to its beginning. A peer that is away or late is `UNAVAILABLE`; methods that only read (by
/// their name: Get, BatchGet, List, Watch and so on, see `READS`) are then tried once more.
#[derive(Clone, Debug)]
pub struct PeerChannel {
    peer: &'static str,
    channel: Channel,
    /// Its host and port in traces; its name where it has none.
    server: (Arc<str>, Option<u16>),
    deadline: Duration,
    connect: Duration,
    addresses: Option<watch::Receiver<usize>>,
    away: Arc<AtomicBool>,
}

impl PeerChannel {
    pub(super) fn new(peer: &'static str, channel: Channel, settings: &GrpcSettings) -> Self {
        Self {
            peer,
            channel,
            server: (peer.into(), None),
            deadline: settings.deadline(),
            connect: settings.connect(),
            addresses: None,
            away: Arc::default(),
        }
    }

    pub(super) fn with_address_count(mut self, count: watch::Receiver<usize>) -> Self {
        self.addresses = Some(count);
        self
    }

    /// How many addresses there are, as that changes.
    #[cfg(test)]
    pub(super) fn address_count(&self) -> Option<watch::Receiver<usize>> {
        self.addresses.clone()
    }

    /// Says where it is: at the first of several addresses.
    pub(super) fn at(mut self, url: &Url) -> Self {
        if let Some(host) = url.host_str() {
            self.server = (host.into(), url.port_or_known_default());
        }
        self
    }

    /// Waits a moment for a name to resolve: without an address the request would wait for its whole deadline.
    async fn located(&mut self) -> Result<(), Status> {
        let Some(addresses) = &mut self.addresses else {
            return Ok(());
        };
        let known = tokio::time::timeout(self.connect, addresses.wait_for(|count| *count > 0))
            .await
            .is_ok_and(|known| known.is_ok());
        if known {
            Ok(())
        } else {
            Err(self.away(&"its name does not resolve"))
        }
    }

    fn away(&self, reason: &dyn std::fmt::Display) -> Status {
        // said once, not with every request that waits for it
        if !self.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(peer = self.peer, %reason, "peer does not answer");
        }
        Status::unavailable(format!("{} does not answer", self.peer))
    }

    async fn once(&mut self, request: Request<Body>) -> Result<Response<Body>, Status> {
        self.located().await?;
        let channel = match self.channel.ready().await {
            Ok(channel) => channel,
            Err(error) => return Err(self.away(&crate::error::chain(&error))),
        };
        let answer = channel.call(request).await;
        if answer.is_ok() && self.away.swap(false, Ordering::Relaxed) {
            tracing::info!(peer = self.peer, "peer answers now");
        }
        answer.map_err(|error| self.away(&crate::error::chain(&error)))
    }

    async fn send(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let (host, port) = self.server.clone();
        let span = tracing::debug_span!(
            "call",
            otel.name = method,
            otel.kind = "client",
            rpc.system.name = "grpc",
            rpc.method = method,
            server.address = &*host,
            server.port = port,
            rpc.response.status_code = Empty,
            "error.type" = Empty,
            otel.status_code = Empty,
        );
        let begun = Instant::now();
        let answer = self.in_time(request).instrument(span.clone()).await;
        let code = match &answer {
            Ok(answer) => observe::code_of(answer.headers()),
            Err(status) => status.code(),
        };
        observe::ended(Side::Client, &span, &method, code, begun);
        answer
    }

    async fn in_time(mut self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        context::inject(request.headers_mut());
        let deadline = own_deadline(&request).unwrap_or(self.deadline);
        if let Ok(value) = HeaderValue::from_str(&format!("{}m", deadline.as_millis())) {
            request.headers_mut().insert(TIMEOUT_HEADER, value);
        }
        let peer = self.peer;
        let answer = async move {
            if is_read(request.uri().path()) {
                self.twice(request).await
            } else {
                self.once(request).await
            }
        };
        tokio::time::timeout(deadline, answer)
            .await
            .unwrap_or_else(|_| Err(Status::unavailable(format!("{peer} did not answer in time"))))
    }

    /// A read: its small body is kept, so that it can be sent again.
    async fn twice(&mut self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let again = || Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
        match self.once(again()).await {
            Ok(answer) if !is_unavailable(&answer) => Ok(answer),
            Err(status) if status.code() != Code::Unavailable => Err(status),
            _ => self.once(again()).await,
        }
    }
}

impl Service<Request<Body>> for PeerChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // readiness is awaited inside the call, where the deadline covers it
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

/// Whether a path such as `/usher.contacts.v1.Contacts/BatchGetContacts` names a read.
fn is_read(path: &str) -> bool {
    let method = path.rsplit('/').next().unwrap_or_default();
    READS.iter().any(|prefix| method.starts_with(prefix))
}

/// An answer that is nothing but the refusal of a server on its way down.
fn is_unavailable(answer: &Response<Body>) -> bool {
    Status::from_header_map(answer.headers()).is_some_and(|status| status.code() == Code::Unavailable)
}

/// The deadline that the request brought along (digits and a unit, as gRPC writes it).
fn own_deadline(request: &Request<Body>) -> Option<Duration> {
    let text = request.headers().get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount.saturating_mul(3600))),
        "M" => Some(Duration::from_secs(amount.saturating_mul(60))),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reads_are_sent_twice() {
        assert!(is_read("/usher.contacts.v1.Contacts/BatchGetContacts"));
        assert!(is_read("/usher.contacts.v1.Contacts/ListContacts"));
        assert!(!is_read("/usher.contacts.v1.Contacts/CreateContact"));
        assert!(!is_read("/usher.invitations.v1.Invitations/SendInvitations"));
    }

    #[test]
    fn a_request_may_bring_its_own_deadline() {
        let mut request = tonic::Request::new(());
        request.set_timeout(Duration::from_millis(1500));
        let written = request.metadata().get(TIMEOUT_HEADER).unwrap().clone();
        let mut http = Request::new(Body::empty());
        http.headers_mut()
            .insert(TIMEOUT_HEADER, written.to_str().unwrap().parse().unwrap());
        assert_eq!(own_deadline(&http), Some(Duration::from_millis(1500)));
    }
}
