//! How calls are measured, and what their spans say of their end: the semantic conventions for RPC.

use std::sync::LazyLock;
use std::time::Instant;

use http::HeaderMap;
use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};
use tonic::{Code, Status};
use tracing::Span;

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    fn durations(self) -> &'static Histogram<f64> {
        // made with the first call, when telemetry has started
        static CLIENT: LazyLock<Histogram<f64>> = LazyLock::new(|| {
            histogram(
                "rpc.client.call.duration",
                "How long calls to another service took.",
            )
        });
        static SERVER: LazyLock<Histogram<f64>> = LazyLock::new(|| {
            histogram(
                "rpc.server.call.duration",
                "How long a service took to answer calls.",
            )
        });
        match self {
            Self::Client => &CLIENT,
            Self::Server => &SERVER,
        }
    }

    /// A server has not failed where it refuses what it was asked.
    const fn is_error(self, code: Code) -> bool {
        match self {
            Self::Client => !matches!(code, Code::Ok),
            Self::Server => matches!(
                code,
                Code::Unknown
                    | Code::DeadlineExceeded
                    | Code::Unimplemented
                    | Code::Internal
                    | Code::Unavailable
                    | Code::DataLoss
            ),
        }
    }
}

fn histogram(name: &'static str, description: &'static str) -> Histogram<f64> {
    let meter = global::meter("usher");
    let histogram = meter.f64_histogram(name).with_unit("s");
    histogram.with_description(description).build()
}

/// The code of an answer. One that does not begin with a refusal is taken for OK: a stream is measured until it begins.
pub(crate) fn code_of(headers: &HeaderMap) -> Code {
    Status::from_header_map(headers).map_or(Code::Ok, |status| status.code())
}

/// The call is over.
pub(crate) fn ended(side: Side, span: &Span, method: &str, code: Code, begun: Instant) {
    let name = name(code);
    span.record("rpc.response.status_code", name);
    // whoever calls what there is not could make up any number of names
    let method = match (side, code) {
        (Side::Server, Code::Unimplemented) => "_OTHER",
        _ => method,
    };
    let mut labels = vec![
        KeyValue::new("rpc.system.name", "grpc"),
        KeyValue::new("rpc.method", method.to_owned()),
        KeyValue::new("rpc.response.status_code", name),
    ];
    if side.is_error(code) {
        span.record("error.type", name);
        span.record("otel.status_code", "ERROR");
        labels.push(KeyValue::new("error.type", name));
    }
    side.durations().record(begun.elapsed().as_secs_f64(), &labels);
}

/// As gRPC writes it.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
