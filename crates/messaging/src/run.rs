//! Relay and consumers of one service.

use std::sync::Arc;

use tokio::{
    task::{AbortHandle, JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use usher_database::Database;
use usher_events::Lane;

use crate::{
    Broker, BrokerError, Pace, Subscription, consumer::Consumer, gauges, relay::Relay, replay, retention,
    transport::Queue,
};

/// Runs the relay and a consumer for each queue and lane until `stop`, then ends what is under way and publishes what the
/// outbox still holds, for at most five seconds. A broker or database that does not answer is waited for, and said.
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
    run_at(Pace::default(), broker, database, service, subscriptions, stop).await
}

/// [`run`] at another pace.
///
/// # Errors
/// As [`run`].
pub async fn run_at(
    pace: Pace,
    broker: Broker,
    database: Database,
    service: &'static str,
    subscriptions: Vec<Subscription>,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    let queues = queues(&subscriptions);
    if !declared(&broker, service, &queues, pace, &stop).await? {
        return Ok(());
    }
    // Whoever fails for good takes the others along. The relay goes last, for consumers speak until they end.
    let (consumers_stop, relay_stop) = (stop.child_token(), CancellationToken::new());
    let relay = Relay::new(&database, Arc::clone(&broker.transport), pace).run(relay_stop.clone());
    let relay = tokio::spawn(carrying_along(relay, consumers_stop.clone()));
    let mut tasks = JoinSet::new();
    tasks.spawn(swept(database.clone(), consumers_stop.clone()));
    tasks.spawn(measured(database.clone(), service, consumers_stop.clone()));
    tasks.spawn(replayed(
        database.clone(),
        subscriptions.clone(),
        pace,
        consumers_stop.clone(),
    ));
    for subscription in subscriptions {
        for lane in Lane::ALL {
            let consumer = Consumer {
                broker: broker.clone(),
                database: database.clone(),
                queue: subscription.lane(lane),
                subscription: subscription.clone(),
                pace,
            };
            tasks.spawn(carrying_along(
                consumer.run(consumers_stop.clone()),
                consumers_stop.clone(),
            ));
        }
    }
    let _abort = AbortOnDrop(relay.abort_handle());
    let mut outcome = Ok(());
    while let Some(task) = tasks.join_next().await {
        outcome = outcome.and(joined(task));
    }
    relay_stop.cancel();
    outcome.and(joined(relay.await))
}

/// The relay ends with [`run`], however that ends; a [`JoinSet`] does the same for the consumers.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task that fails, or panics, stops the others.
async fn carrying_along(
    task: impl Future<Output = Result<(), BrokerError>>,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    let stopping = stop.drop_guard();
    let done = task.await;
    if done.is_ok() {
        stopping.disarm();
    }
    done
}

fn joined(task: Result<Result<(), BrokerError>, JoinError>) -> Result<(), BrokerError> {
    task.unwrap_or_else(|error| {
        Err(BrokerError::Unavailable(format!(
            "a task of messaging ended: {error}"
        )))
    })
}

async fn swept(database: Database, stop: CancellationToken) -> Result<(), BrokerError> {
    retention::run(database, stop).await;
    Ok(())
}

async fn replayed(
    database: Database,
    subscriptions: Vec<Subscription>,
    pace: Pace,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    replay::run(database, subscriptions, pace, stop).await;
    Ok(())
}

async fn measured(
    database: Database,
    service: &'static str,
    stop: CancellationToken,
) -> Result<(), BrokerError> {
    gauges::run(database, service, stop).await;
    Ok(())
}

pub(crate) fn queues(subscriptions: &[Subscription]) -> Vec<Queue> {
    let lanes = |subscription: &Subscription| Lane::ALL.map(|lane| subscription.lane(lane));
    subscriptions.iter().flat_map(lanes).collect()
}

/// Declares the queues as soon as the broker answers; false where the stop came first.
async fn declared(
    broker: &Broker,
    service: &str,
    queues: &[Queue],
    pace: Pace,
    stop: &CancellationToken,
) -> Result<bool, BrokerError> {
    let mut waited = false;
    loop {
        let declaring = tokio::select! {
            () = stop.cancelled() => return Ok(false),
            declaring = broker.transport.declare(queues) => declaring,
        };
        match declaring {
            Ok(()) => break,
            Err(error) if error.is_temporary() => {
                if !waited {
                    tracing::warn!(service, %error, "waiting for the broker");
                }
                waited = true;
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = sleep(pace.outage) => {}
        }
    }
    if waited {
        tracing::info!(service, "the broker answers now");
    }
    Ok(true)
}
