//! What a line of the log looks like.

use std::fmt;
use std::io::IsTerminal;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::{Boxed, TelemetrySettings};
use crate::Settings;

pub(super) fn layer(own: &TelemetrySettings, settings: &Settings) -> Boxed {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if own.is_json(settings) {
        layer
            .json()
            .flatten_event(true)
            .map_event_format(WithTrace)
            .boxed()
    } else {
        layer
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed()
    }
}

/// Writes JSON objects with the ids of the trace and the span that an event happens in, so that each is found by the other.
struct WithTrace<F>(F);

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let span = Context::map_current(|current| current.span().span_context().clone());
        if !span.is_valid() {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        // an object, whose last brace is put behind the ids
        let object = line.trim_end();
        let object = object.strip_suffix('}').unwrap_or(object);
        writeln!(
            writer,
            "{object},\"trace_id\":\"{}\",\"span_id\":\"{}\"}}",
            span.trace_id(),
            span.span_id()
        )
    }
}
