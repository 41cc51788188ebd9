//! How much mail waits, for whoever watches or scales.

use std::time::Duration;

use opentelemetry::{KeyValue, global};
use sea_orm::DbErr;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Scope, SystemReason};
use usher_types::SharedClock;

use crate::storage;

/// Between two looks; whoever scrapes does not look more often.
const INTERVAL: Duration = Duration::from_secs(15);

/// Looks every fifteen seconds until `stop`.
pub async fn measure(database: Database, clock: SharedClock, stop: CancellationToken) {
    let meter = global::meter("usher");
    let letters = meter
        .i64_gauge("usher.mails.waiting")
        .with_description("Mails that are due and have not gone out, by lane; the same in every replica.")
        .build();
    let age = meter
        .f64_gauge("usher.mails.oldest.age")
        .with_unit("s")
        .with_description("How long the oldest of them is due.")
        .build();
    let look = async || -> Result<(), DbErr> {
        let now = clock.now();
        let tx = database.read(Scope::System(SystemReason::Sweep)).await?;
        for (lane, due) in storage::due(&tx, now).await? {
            let of = [KeyValue::new("lane", lane.as_str())];
            let since = due.since.map_or(0, |since| (now - since).num_seconds());
            letters.record(due.letters, &of);
            #[expect(clippy::cast_precision_loss, reason = "ages are far below 2^52 s")]
            age.record(since as f64, &of);
        }
        Ok(())
    };
    while !stop.is_cancelled() {
        if let Err(error) = look().await {
            tracing::debug!(%error, "the mail that waits was not counted");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(INTERVAL) => {}
        }
    }
}
