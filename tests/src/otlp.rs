//! Whoever collects telemetry: takes what is sent over OTLP, and keeps it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
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
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span as Wire;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity as Shown, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};
use usher_testkit::tls::Identity;

/// A span as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// `service.name` of whoever sent it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// "SERVER" and the like.
    pub kind: &'static str,
    /// Its trace, in hexadecimal digits as everywhere.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The id of its parent; empty for a root.
    pub parent: String,
    /// The spans that it is linked to: trace and id.
    pub links: Vec<(String, String)>,
    /// Its attributes as text.
    pub attributes: BTreeMap<String, String>,
    /// Whether it failed.
    pub failed: bool,
}

/// A line of a log as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `service.name` of whoever sent it.
    pub service: String,
    /// INFO and the like.
    pub severity: String,
    /// What it says.
    pub body: String,
    /// The trace that it belongs to; empty where to none.
    pub trace: String,
    /// Its fields as text.
    pub attributes: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Received {
    resources: Vec<BTreeMap<String, String>>,
    spans: Vec<Span>,
    metrics: Vec<(String, String)>,
    lines: Vec<Line>,
    /// All that came, for whoever looks for what must not be in it.
    text: String,
}

/// Listens on a port of its own until it is dropped.
#[derive(Debug)]
pub struct Collector {
    port: u16,
    received: Arc<Mutex<Received>>,
    task: AbortHandle,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Debug)]
struct Sink(Arc<Mutex<Received>>);

impl Collector {
    /// One that speaks in clear.
    ///
    /// # Panics
    /// Where it cannot listen.
    pub async fn start() -> Self {
        Self::serve(Server::builder()).await
    }

    /// One that shows a certificate.
    ///
    /// # Panics
    /// Where it cannot listen, or the certificate is none.
    pub async fn start_with_certificate(identity: &Identity) -> Self {
        let shown = Shown::from_pem(&identity.certificate, &identity.key);
        let server = Server::builder().tls_config(ServerTlsConfig::new().identity(shown));
        Self::serve(server.expect("a certificate")).await
    }

    async fn serve(mut server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let received = Arc::<Mutex<Received>>::default();
        let sink = Sink(Arc::clone(&received));
        let routes = server
            .add_service(TraceServiceServer::new(sink.clone()))
            .add_service(MetricsServiceServer::new(sink.clone()))
            .add_service(LogsServiceServer::new(sink));
        let task = tokio::spawn(routes.serve_with_incoming(TcpListenerStream::new(listener)));
        Self {
            port,
            received,
            task: task.abort_handle(),
        }
    }

    /// Its port on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The settings that make processes send everything to it.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "USHER_TELEMETRY__OTLP_ENDPOINT",
                format!("http://127.0.0.1:{}", self.port),
            ),
            ("USHER_TELEMETRY__OTLP_LOGS", "true".to_owned()),
        ]
    }

    fn read<T>(&self, look: impl FnOnce(&Received) -> T) -> T {
        look(&self.received.lock().expect("nobody has panicked"))
    }

    /// All spans so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.read(|received| received.spans.clone())
    }

    /// All lines of logs so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.read(|received| received.lines.clone())
    }

    /// The names of a service's metrics so far, each once.
    #[must_use]
    pub fn metrics_of(&self, service: &str) -> Vec<String> {
        let mut names = self.read(|received| {
            let own = received.metrics.iter().filter(|(of, _)| of == service);
            own.map(|(_, name)| name.clone()).collect::<Vec<_>>()
        });
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What senders say of themselves.
    #[must_use]
    pub fn resources(&self) -> Vec<BTreeMap<String, String>> {
        self.read(|received| received.resources.clone())
    }

    /// All that came, as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.read(|received| received.text.clone())
    }
}

impl Sink {
    fn keep(&self, message: &impl std::fmt::Debug, add: impl FnOnce(&mut Received)) {
        let mut received = self.0.lock().expect("nobody has panicked");
        received.text.push_str(&format!("{message:?}\n"));
        add(&mut received);
    }
}

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        self.keep(&request, |received| {
            for sent in &request.resource_spans {
                let resource = attributes_of(sent.resource.as_ref());
                let service = resource["service.name"].clone();
                received.resources.push(resource);
                let spans = sent.scope_spans.iter().flat_map(|scope| &scope.spans);
                received.spans.extend(spans.map(|span| read_span(&service, span)));
            }
        });
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Sink {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let request = request.into_inner();
        self.keep(&request, |received| {
            for sent in &request.resource_metrics {
                let service = attributes_of(sent.resource.as_ref())["service.name"].clone();
                let metrics = sent.scope_metrics.iter().flat_map(|scope| &scope.metrics);
                received
                    .metrics
                    .extend(metrics.map(|metric| (service.clone(), metric.name.clone())));
            }
        });
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Sink {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let request = request.into_inner();
        self.keep(&request, |received| {
            for sent in &request.resource_logs {
                let service = attributes_of(sent.resource.as_ref())["service.name"].clone();
                let records = sent.scope_logs.iter().flat_map(|scope| &scope.log_records);
                received.lines.extend(records.map(|record| Line {
                    service: service.clone(),
                    severity: record.severity_text.clone(),
                    body: record.body.as_ref().map(text).unwrap_or_default(),
                    trace: hex(&record.trace_id),
                    attributes: attributes(&record.attributes),
                }));
            }
        });
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

fn read_span(service: &str, span: &Wire) -> Span {
    Span {
        service: service.to_owned(),
        name: span.name.clone(),
        kind: match span.kind() {
            SpanKind::Server => "SERVER",
            SpanKind::Client => "CLIENT",
            SpanKind::Producer => "PRODUCER",
            SpanKind::Consumer => "CONSUMER",
            SpanKind::Internal => "INTERNAL",
            SpanKind::Unspecified => "",
        },
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: span
            .links
            .iter()
            .map(|link| (hex(&link.trace_id), hex(&link.span_id)))
            .collect(),
        attributes: attributes(&span.attributes),
        failed: span.status.as_ref().is_some_and(|status| status.code == 2),
    }
}

fn attributes_of(resource: Option<&Resource>) -> BTreeMap<String, String> {
    resource.map_or_else(BTreeMap::new, |resource| attributes(&resource.attributes))
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|pair| {
            (
                pair.key.clone(),
                pair.value.as_ref().map(text).unwrap_or_default(),
            )
        })
        .collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
