//! Traces across outbox and broker (E4): a `traceparent` in every envelope, and spans as the semantic conventions for messaging
//! have them ([ADR 42](../../../docs/adr/0042-one-trace.md)).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Instant;

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{
    Context, KeyValue, global,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use usher_events::{Envelope, Lane};

use crate::transport::{Exchange, Outgoing, Queue, Transport};

/// A slice may hold as many traces as messages; a span with more links than this helps nobody.
const LINKS: usize = 32;

/// The current span as a W3C `traceparent`, where there is one.
#[must_use]
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| write(span))
}

/// Says what `span` comes from: it is a part of the trace of what one person waits for, and is linked to all else, for a mass
/// would be one trace without end.
pub fn relate<'a>(span: &Span, lane: Lane, traceparents: impl IntoIterator<Item = &'a str>) {
    if span.is_disabled() {
        return;
    }
    let traceparents: BTreeSet<&str> = traceparents.into_iter().collect();
    let mut contexts = traceparents.iter().take(LINKS).filter_map(|text| read(text));
    if lane == Lane::Interactive && traceparents.len() == 1 {
        if let Some(parent) = contexts.next() {
            // fails where nobody collects traces
            span.set_parent(Context::new().with_remote_span_context(parent))
                .ok();
        }
    } else {
        contexts.for_each(|context| span.add_link(context));
    }
}

/// Messages of a queue came that had been handled.
pub(crate) fn duplicates(queue: &str, count: usize) {
    if let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) {
        INSTRUMENTS
            .duplicates
            .add(count, &[KeyValue::new("queue", queue.to_owned())]);
    }
}

struct Instruments {
    operation: Histogram<f64>,
    process: Histogram<f64>,
    sent: Counter<u64>,
    consumed: Counter<u64>,
    duplicates: Counter<u64>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("usher");
    Instruments {
        operation: meter
            .f64_histogram("messaging.client.operation.duration")
            .with_unit("s")
            .with_description("How long the broker took to confirm what was published together.")
            .build(),
        process: meter
            .f64_histogram("messaging.process.duration")
            .with_unit("s")
            .with_description("How long a consumer worked on what it had taken together.")
            .build(),
        sent: meter
            .u64_counter("messaging.client.sent.messages")
            .with_description("Messages that were handed to the broker.")
            .build(),
        consumed: meter
            .u64_counter("messaging.client.consumed.messages")
            .with_description("Messages that consumers worked on, each try counted.")
            .build(),
        duplicates: meter
            .u64_counter("usher.events.duplicates")
            .with_description("Messages that came once more and had been handled already, by queue.")
            .build(),
    }
});

fn many(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What goes out together with one routing key.
pub(crate) struct Sending {
    system: &'static str,
    destination: String,
    count: usize,
    members: Vec<usize>,
    begun: Instant,
    span: Span,
}

/// Begins a span for each routing key of a round.
pub(crate) fn sending(transport: &dyn Transport, round: &[Outgoing]) -> Vec<Sending> {
    let mut groups = BTreeMap::<String, Vec<usize>>::new();
    for (index, message) in round.iter().enumerate() {
        groups.entry(message.routing_key()).or_default().push(index);
    }
    let begin = |(key, members): (String, Vec<usize>)| Sending::begin(transport, key, members, round);
    groups.into_iter().map(begin).collect()
}

impl Sending {
    fn begin(transport: &dyn Transport, key: String, members: Vec<usize>, round: &[Outgoing]) -> Self {
        let messages = || members.iter().map(|index| &round[*index]);
        let is_command = messages().any(Outgoing::is_command);
        let lane = messages().next().map_or(Lane::Bulk, |message| message.lane);
        let count = messages().map(Outgoing::events).sum();
        let only = messages().next().filter(|_| count == 1);
        let system = transport.system();
        let destination = format!(
            "{}:{key}",
            transport.exchange(if is_command {
                Exchange::Work
            } else {
                Exchange::Events
            })
        );
        let span = tracing::debug_span!(
            parent: None,
            "send",
            otel.name = format!("send {destination}"),
            otel.kind = "producer",
            messaging.system = system,
            messaging.operation.name = "send",
            "messaging.operation.type" = "send",
            messaging.destination.name = destination,
            messaging.rabbitmq.destination.routing_key = key,
            messaging.message.id = only.map(|message| tracing::field::display(message.id)),
            messaging.batch.message_count = (count > 1).then(|| signed(count)),
            "error.type" = Empty,
            otel.status_code = Empty,
        );
        relate(
            &span,
            lane,
            messages().filter_map(|message| message.traceparent.as_deref()),
        );
        Self {
            system,
            destination,
            count,
            members,
            begun: Instant::now(),
            span,
        }
    }

    /// The broker has said what became of the round; nothing where it did not answer.
    pub(crate) fn end(self, outcomes: &[bool]) {
        let confirmed = self
            .members
            .iter()
            .all(|index| outcomes.get(*index).copied().unwrap_or_default());
        let mut labels = labels(self.system, "send", self.destination);
        INSTRUMENTS.sent.add(many(self.count), &labels);
        if !confirmed {
            let error = if outcomes.is_empty() {
                "UNAVAILABLE"
            } else {
                "REFUSED"
            };
            fail(&self.span, error, &mut labels);
        }
        INSTRUMENTS
            .operation
            .record(self.begun.elapsed().as_secs_f64(), &labels);
    }
}

/// One step of a consumer.
pub(crate) struct Processing {
    system: &'static str,
    queue: String,
    count: usize,
    begun: Instant,
    /// What it works in.
    pub(crate) span: Span,
}

impl Processing {
    pub(crate) fn begin(transport: &dyn Transport, queue: &Queue, slice: &[Envelope]) -> Self {
        let keys: BTreeSet<String> = slice
            .iter()
            .map(|envelope| envelope.routing_key(queue.lane))
            .collect();
        let is_command = slice.iter().any(|envelope| envelope.queue.is_some());
        let one_key = keys.first().filter(|_| keys.len() == 1);
        let name = queue.name();
        let exchange = transport.exchange(if is_command {
            Exchange::Work
        } else {
            Exchange::Packs
        });
        let destination = match one_key {
            Some(key) => format!("{exchange}:{key}:{name}"),
            None => format!("{exchange}:{name}"),
        };
        let only = slice.first().filter(|_| slice.len() == 1);
        let span = tracing::info_span!(
            "process",
            otel.name = format!("process {destination}"),
            otel.kind = "consumer",
            messaging.system = transport.system(),
            messaging.operation.name = "process",
            "messaging.operation.type" = "process",
            messaging.destination.name = destination,
            messaging.rabbitmq.destination.routing_key = one_key.map(String::as_str),
            messaging.message.id = only.map(|envelope| tracing::field::display(envelope.id)),
            messaging.batch.message_count = only.is_none().then(|| signed(slice.len())),
            "error.type" = Empty,
            otel.status_code = Empty,
        );
        relate(
            &span,
            queue.lane,
            slice
                .iter()
                .filter_map(|envelope| envelope.traceparent.as_deref()),
        );
        Self {
            system: transport.system(),
            queue: name,
            count: slice.len(),
            begun: Instant::now(),
            span,
        }
    }

    /// It is committed, or `error` says what kind of failure it met.
    pub(crate) fn end(self, error: Option<&'static str>) {
        let mut labels = labels(self.system, "process", self.queue);
        INSTRUMENTS.consumed.add(many(self.count), &labels);
        if let Some(error) = error {
            fail(&self.span, error, &mut labels);
        }
        INSTRUMENTS
            .process
            .record(self.begun.elapsed().as_secs_f64(), &labels);
    }
}

fn labels(system: &'static str, operation: &'static str, destination: String) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", system),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.destination.name", destination),
    ]
}

fn fail(span: &Span, error: &'static str, labels: &mut Vec<KeyValue>) {
    span.record("error.type", error);
    span.record("otel.status_code", "ERROR");
    labels.push(KeyValue::new("error.type", error));
}

fn write(span: &SpanContext) -> String {
    format!(
        "00-{}-{}-{:02x}",
        span.trace_id(),
        span.span_id(),
        span.trace_flags().to_u8()
    )
}

fn read(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (_version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4_a_traceparent_is_read_and_written_alike() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(read(text).map(|context| write(&context)).as_deref(), Some(text));
        assert_eq!(
            read("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
            None
        );
        assert_eq!(read("nonsense"), None);
    }

    #[test]
    fn nothing_is_written_where_nobody_traces() {
        assert_eq!(traceparent(), None);
    }
}
