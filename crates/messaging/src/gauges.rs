//! How much waits in a service's outbox and how much was given up, for whoever watches.

use std::time::Duration;

use chrono::{DateTime, Utc};
use opentelemetry::metrics::Gauge;
use opentelemetry::{KeyValue, global};
use sea_orm::{ConnectionTrait, DbErr};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Scope, SystemReason};

/// Between two looks; whoever scrapes does not look more often.
const INTERVAL: Duration = Duration::from_secs(15);

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waiting {
    /// Rows of the outbox that the broker has not confirmed; a row can hold several events of a mass.
    pub outbox: i64,
    /// How long the oldest of them waits, in seconds.
    pub oldest: f64,
    /// Messages that could not be handled, and were not replayed.
    pub dead_letters: i64,
}

/// Looks once.
///
/// # Errors
/// Where the database does not answer.
pub async fn waiting(database: &Database) -> Result<Waiting, DbErr> {
    let tx = database.read(Scope::System(SystemReason::Sweep)).await?;
    let sql = format!(
        "SELECT count(*), min(created_at), {} FROM outbox WHERE published_at IS NULL",
        tx.dialect().now()
    );
    let missing = || DbErr::RecordNotFound("a count".to_owned());
    let row = tx
        .query_one_raw(tx.statement(sql, []))
        .await?
        .ok_or_else(missing)?;
    let (oldest, now): (Option<DateTime<Utc>>, DateTime<Utc>) =
        (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
    let age = oldest.map_or(0, |oldest| (now - oldest).num_milliseconds().max(0));
    let dead = "SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL";
    let dead = tx
        .query_one_raw(tx.statement(dead, []))
        .await?
        .ok_or_else(missing)?;
    Ok(Waiting {
        outbox: row.try_get_by_index(0)?,
        #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 ms")]
        oldest: age as f64 / 1000.0,
        dead_letters: dead.try_get_by_index(0)?,
    })
}

/// The instruments.
struct Gauges {
    outbox: Gauge<i64>,
    oldest: Gauge<f64>,
    dead_letters: Gauge<i64>,
}

impl Gauges {
    fn new() -> Self {
        let meter = global::meter("usher");
        Self {
            outbox: meter
                .i64_gauge("usher.outbox.waiting")
                .with_description("Rows of a service's outbox that the broker has not confirmed; the same in every replica.")
                .build(),
            oldest: meter
                .f64_gauge("usher.outbox.oldest.age")
                .with_unit("s")
                .with_description("How long the oldest of them waits.")
                .build(),
            dead_letters: meter
                .i64_gauge("usher.dead.letters")
                .with_description("Messages that a service could not handle and that were not replayed; the same in every replica.")
                .build(),
        }
    }

    fn record(&self, service: &'static str, waiting: Waiting) {
        let of = [KeyValue::new("component", service)];
        self.outbox.record(waiting.outbox, &of);
        self.oldest.record(waiting.oldest, &of);
        self.dead_letters.record(waiting.dead_letters, &of);
    }
}

/// Looks every fifteen seconds until `stop`.
pub(crate) async fn run(database: Database, service: &'static str, stop: CancellationToken) {
    let gauges = Gauges::new();
    while !stop.is_cancelled() {
        match waiting(&database).await {
            Ok(waiting) => gauges.record(service, waiting),
            Err(error) => tracing::debug!(%error, "what waits was not counted"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(INTERVAL) => {}
        }
    }
}
