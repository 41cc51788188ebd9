//! Whoever collects telemetry: takes what comes over OTLP, counts it and forgets it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::failure::{Context, Failure};

/// Listens for as long as its runtime lives.
#[derive(Clone, Default)]
pub struct Collector(Arc<Counts>);

#[derive(Default)]
struct Counts {
    spans: AtomicUsize,
    metrics: AtomicUsize,
}

impl Collector {
    /// Listens on a free port, and says where.
    ///
    /// # Errors
    /// When there is no port.
    pub fn start(runtime: &Runtime) -> Result<(Self, String), Failure> {
        let collector = Self::default();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = listener.context("a port for telemetry")?;
        let address = listener.local_addr().context("a port for telemetry")?;
        let server = Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .add_service(MetricsServiceServer::new(collector.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        runtime.spawn(server);
        Ok((collector, format!("http://{address}")))
    }

    /// Spans and metrics so far.
    pub fn counts(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.0.spans), of(&self.0.metrics))
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let sent = request.into_inner().resource_spans;
        let spans = sent.iter().flat_map(|sent| &sent.scope_spans);
        let count = spans.map(|scope| scope.spans.len()).sum();
        self.0.spans.fetch_add(count, Ordering::Relaxed);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let sent = request.into_inner().resource_metrics;
        let metrics = sent.iter().flat_map(|sent| &sent.scope_metrics);
        let count = metrics.map(|scope| scope.metrics.len()).sum();
        self.0.metrics.fetch_add(count, Ordering::Relaxed);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
