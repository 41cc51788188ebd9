//! What is measured of invitations. No label names an organization or a person.

use chrono::TimeDelta;
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use opentelemetry::{KeyValue, global};
use usher_types::BatchState;

use super::Failure;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// The instruments.
#[derive(Debug)]
pub(crate) struct Meters {
    open_batches: Gauge<i64>,
    until_sent: Histogram<f64>,
    until_accepted: Histogram<f64>,
    sign_ins: Counter<u64>,
}

impl Meters {
    /// On the meter provider of the process.
    pub(crate) fn new() -> Self {
        let meter = global::meter("usher");
        let duration = |name: &'static str, text: &'static str, bounds: Vec<f64>| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(text)
                .with_boundaries(bounds)
                .build()
        };
        Self {
            open_batches: meter
                .i64_gauge("usher.batches.open")
                .with_description("Batches that are not over, by state; the same in every replica.")
                .build(),
            until_sent: duration(
                "usher.invitation.sent.duration",
                "From the issue of an invitation until a mail server took its mail.",
                vec![
                    0.1,
                    0.5,
                    1.0,
                    5.0,
                    30.0,
                    MINUTE,
                    5.0 * MINUTE,
                    30.0 * MINUTE,
                    HOUR,
                    6.0 * HOUR,
                    DAY,
                ],
            ),
            until_accepted: duration(
                "usher.invitation.accepted.duration",
                "From the sending of an invitation until a password was chosen.",
                vec![
                    MINUTE,
                    10.0 * MINUTE,
                    HOUR,
                    6.0 * HOUR,
                    DAY,
                    2.0 * DAY,
                    4.0 * DAY,
                    7.0 * DAY,
                    14.0 * DAY,
                    30.0 * DAY,
                ],
            ),
            sign_ins: meter
                .u64_counter("usher.sign_ins")
                .with_description("Attempts to sign in, by way (password, provider) and outcome.")
                .build(),
        }
    }

    /// Somebody has tried to sign in.
    pub(crate) fn sign_in<T>(&self, way: &'static str, outcome: &Result<T, Failure>) {
        let outcome = match outcome {
            Ok(_) => "SIGNED_IN".to_owned(),
            Err(failure) => failure.code().unwrap_or("UNAVAILABLE").to_owned(),
        };
        self.sign_ins
            .add(1, &[KeyValue::new("way", way), KeyValue::new("outcome", outcome)]);
    }

    /// How many batches there are in each state that is no end.
    pub(crate) fn open_batches(&self, counts: &[(BatchState, i64)]) {
        for state in [BatchState::Scheduled, BatchState::Running, BatchState::Paused] {
            let count = counts
                .iter()
                .find(|(known, _)| *known == state)
                .map_or(0, |(_, count)| *count);
            self.open_batches
                .record(count, &[KeyValue::new("state", state.as_str())]);
        }
    }

    /// Mails went out so long after they were asked for.
    pub(crate) fn sent_after(&self, waited: &[TimeDelta]) {
        waited
            .iter()
            .for_each(|waited| self.until_sent.record(waited.as_seconds_f64(), &[]));
    }

    /// A password was chosen so long after the mail went out.
    pub(crate) fn accepted_after(&self, waited: TimeDelta) {
        self.until_accepted.record(waited.as_seconds_f64(), &[]);
    }
}
