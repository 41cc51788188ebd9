//! Trace context across the broker (E4): a `traceparent` in every envelope.

use std::collections::HashSet;

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use usher_events::Envelope;

use crate::transport::Queue;

/// A slice may hold as many traces as messages; a span with more links than this helps nobody.
const LINKS: usize = 32;

/// The current span as a W3C `traceparent`, where there is one.
pub(crate) fn current() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| write(span))
}

/// The span of one step of a consumer: part of the trace that all its messages share, or linked to theirs.
pub(crate) fn consuming(queue: &Queue, slice: &[Envelope]) -> Span {
    let span = tracing::info_span!("consume", queue = queue.name(), messages = slice.len());
    let parents: HashSet<&str> = slice
        .iter()
        .filter_map(|envelope| envelope.traceparent.as_deref())
        .collect();
    if span.is_disabled() || parents.is_empty() {
        return span;
    }
    let mut contexts = parents.iter().take(LINKS).filter_map(|parent| read(parent));
    if parents.len() == 1 {
        if let Some(parent) = contexts.next() {
            // Fails where nobody collects traces.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
    } else {
        contexts.for_each(|context| span.add_link(context));
    }
    span
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
        assert_eq!(current(), None);
    }
}
