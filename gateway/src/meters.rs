//! What is measured of operations. No label is a client's to choose.

use std::sync::LazyLock;

use opentelemetry::metrics::{Counter, Histogram, UpDownCounter};
use opentelemetry::{KeyValue, global};

use crate::rates::Budget;

/// Points: from a field or two to the most that an operation may cost, unless the settings say otherwise.
const COSTS: [f64; 10] = [
    1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
];

struct Instruments {
    cost: Histogram<f64>,
    throttled: Counter<u64>,
    subscriptions: UpDownCounter<i64>,
}

static INSTRUMENTS: LazyLock<Instruments> = LazyLock::new(|| {
    let meter = global::meter("usher");
    Instruments {
        cost: meter
            .f64_histogram("usher.graphql.cost")
            .with_description("Points that operations were reckoned to cost.")
            .with_boundaries(COSTS.to_vec())
            .build(),
        throttled: meter
            .u64_counter("usher.requests.throttled")
            .with_description("Requests that were more than their budget has, by budget.")
            .build(),
        subscriptions: meter
            .i64_up_down_counter("usher.subscriptions.open")
            .with_description("Subscriptions that this process serves now.")
            .build(),
    }
});

/// An operation is about to be answered.
pub(crate) fn cost(points: u32) {
    INSTRUMENTS.cost.record(points.into(), &[]);
}

/// Somebody has to wait.
pub(crate) fn throttled(budget: Budget) {
    let name = match budget {
        Budget::Points => "points",
        Budget::SignIns => "sign_ins",
        Budget::Links => "links",
        Budget::Mails => "mails",
    };
    INSTRUMENTS.throttled.add(1, &[KeyValue::new("budget", name)]);
}

/// A subscription, counted for as long as this lives.
pub(crate) struct OpenSubscription(());

impl OpenSubscription {
    pub(crate) fn count() -> Self {
        INSTRUMENTS.subscriptions.add(1, &[]);
        Self(())
    }
}

impl Drop for OpenSubscription {
    fn drop(&mut self) {
        INSTRUMENTS.subscriptions.add(-1, &[]);
    }
}
