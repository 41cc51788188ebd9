//! Trace context across the broker (E4).

use tracing::Span;
use usher_events::Envelope;

use crate::transport::Queue;

/// The current span as a W3C `traceparent`, where there is one.
pub(crate) fn current() -> Option<String> {
    None
}

/// The span of one step of a consumer.
pub(crate) fn consuming(queue: &Queue, slice: &[Envelope]) -> Span {
    tracing::info_span!("consume", queue = queue.name(), messages = slice.len())
}
