//! Sees the spans that this thread begins.

use std::collections::BTreeMap;
use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// What a span is begun with.
#[derive(Debug, Default)]
pub struct Fields(pub BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

struct Watch<F>(F);

impl<F: Fn(&str, Fields) + Send + Sync + 'static> Subscriber for Watch<F> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("usher")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        (self.0)(span.metadata().name(), fields);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Shows every span of ours that this thread begins, until the guard is dropped.
pub fn watch(begun: impl Fn(&str, Fields) + Send + Sync + 'static) -> DefaultGuard {
    tracing::subscriber::set_default(Watch(begun))
}

/// Lets every call to a service panic inside whatever asks.
pub fn break_calls() -> DefaultGuard {
    watch(|name, _| assert_ne!(name, "call", "a secret"))
}
