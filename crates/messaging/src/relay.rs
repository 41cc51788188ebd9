//! The relay: publishes outbox rows after their commit, all that is said about somebody in its order.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use usher_database::Database;
use usher_events::Lane;
use uuid::Uuid;

use crate::{
    BrokerError, Pace,
    outbox::BUCKETS,
    rows, trace,
    transport::{Outgoing, Transport},
};

/// The longest a key waits after its message was refused.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What a turn has found to publish.
enum Window {
    /// There may be more, or somebody waits for what comes next.
    Full,
    /// Few bulk messages: the next turn is worth more a little later.
    Gathering,
    /// Nothing.
    Empty,
}

impl Window {
    fn of(found: &[Outgoing], pace: &Pace) -> Self {
        let events: usize = found.iter().map(Outgoing::events).sum();
        let few = found.len() < usize::from(pace.window) / 2 && events < usize::from(pace.events) / 2;
        if found.is_empty() {
            Self::Empty
        } else if few && found.iter().all(|message| message.lane == Lane::Bulk) {
            Self::Gathering
        } else {
            Self::Full
        }
    }
}

/// One process's relay of one outbox.
pub(crate) struct Relay {
    database: Database,
    transport: Arc<dyn Transport>,
    pace: Pace,
    /// Names this relay in the leases.
    holder: Uuid,
    /// What was leased last, and when that was asked for.
    held: (Instant, Vec<i64>),
    /// Confirmed, and marked in the next transaction.
    published: Vec<(Lane, i64)>,
    /// Events by their type.
    counter: Counter<u64>,
    /// Orders of which a message was refused, how often, and when they are tried again.
    resting: HashMap<Uuid, (u32, Instant)>,
}

impl Relay {
    pub(crate) fn new(database: &Database, transport: Arc<dyn Transport>, pace: Pace) -> Self {
        let counter = global::meter("usher")
            .u64_counter("usher.events.published")
            .with_description("Events that the broker has confirmed, by type.")
            .build();
        Self {
            counter,
            database: database.for_relay(),
            transport,
            pace,
            holder: Uuid::new_v4(),
            held: (Instant::now(), Vec::new()),
            published: Vec::new(),
            resting: HashMap::new(),
        }
    }

    /// Publishes until `stop`, then what is still there, for as long as the pace allows.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), BrokerError> {
        let (mut spoken, mut urgently) = (self.database.spoken(), self.database.spoken_urgently());
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let pause = match self.turn().await {
                Ok(Window::Full) => continue,
                Ok(Window::Gathering) => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = urgently.next() => {}
                        () = sleep_until(begun + self.pace.gather) => {}
                    }
                    continue;
                }
                Ok(Window::Empty) => self.rest(),
                Err(error) if error.is_temporary() => {
                    tracing::warn!(%error, "relay waits");
                    self.pace.outage
                }
                Err(error) => return Err(error),
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = spoken.next() => {}
                () = sleep(pause) => {}
            }
        }
        self.drain().await;
        Ok(())
    }

    async fn drain(&mut self) {
        let limit = self.pace.drain;
        let all = async { while matches!(self.turn().await, Ok(Window::Full | Window::Gathering)) {} };
        if timeout(limit, all).await.is_err() {
            tracing::info!("the relay stops with messages left; they keep");
        }
    }

    /// How long to wait when nothing can be published now.
    fn rest(&self) -> Duration {
        let next = self
            .resting
            .values()
            .map(|(_, until)| until.saturating_duration_since(Instant::now()))
            .min();
        next.map_or(self.pace.poll, |next| next.min(self.pace.poll))
    }

    /// Marks what was published, then publishes a window.
    async fn turn(&mut self) -> Result<Window, BrokerError> {
        let now = Instant::now();
        // What has rested is tried again, but keeps its count until it succeeds.
        let resting = self
            .resting
            .iter()
            .filter(|(_, (_, until))| *until > now)
            .map(|(order, _)| *order);
        let turn = rows::Turn {
            holder: self.holder,
            all_held: self.all_held(now),
            lease: self.pace.lease,
            limit: self.pace.window,
            events: self.pace.events,
            published: &self.published,
            resting: resting.collect(),
        };
        let renewed = turn.all_held.is_none();
        let found = rows::turn(&self.database, &turn).await;
        if found.is_err() {
            // whether the leases were given back is not known
            self.held.1.clear();
        }
        let rows::Found { window, buckets } = found?;
        if renewed || buckets.is_empty() {
            self.held = (now, buckets);
        }
        self.published.clear();
        let found = Window::of(&window, &self.pace);
        self.publish(window).await?;
        Ok(found)
    }

    /// The buckets, where all are ours and their leases have hardly aged.
    fn all_held(&self, now: Instant) -> Option<&[i64]> {
        let (leased_at, buckets) = &self.held;
        let fresh = now < *leased_at + self.pace.lease / 4;
        (fresh && buckets.len() == usize::from(BUCKETS)).then_some(buckets)
    }

    /// A round goes out only when the one before is confirmed.
    async fn publish(&mut self, window: Vec<Outgoing>) -> Result<(), BrokerError> {
        let mut failed = HashSet::new();
        for mut round in rounds(window) {
            round.retain(|message| !failed.contains(&message.order()));
            if round.is_empty() {
                continue;
            }
            let sending = trace::sending(self.transport.as_ref(), &round);
            // what is not confirmed by then may be somebody else's
            let publishing = timeout_at(self.held.0 + self.pace.lease, self.transport.publish(&round));
            let outcomes = publishing.await.unwrap_or_else(|_| Err(outlasted()));
            for group in sending {
                group.end(outcomes.as_deref().unwrap_or_default());
            }
            let outcomes = outcomes?;
            for (message, stored) in round.iter().zip(outcomes) {
                if stored {
                    self.count(message);
                    self.published.push((message.lane, message.position));
                    self.resting.remove(&message.order());
                } else {
                    self.refused(message);
                    failed.insert(message.order());
                }
            }
        }
        Ok(())
    }

    /// What the broker has has happened: the change that it tells of is committed, in the transaction that wrote it.
    fn count(&self, message: &Outgoing) {
        if !message.is_command() {
            let events = u64::try_from(message.events()).unwrap_or_default();
            self.counter
                .add(events, &[KeyValue::new("type", message.kind.clone())]);
        }
    }

    fn refused(&mut self, message: &Outgoing) {
        let failures = self
            .resting
            .get(&message.order())
            .map_or(1, |(failures, _)| failures + 1);
        let rest = (self.pace.outage * 2_u32.saturating_pow(failures.min(6) - 1)).min(LONGEST_REST);
        self.resting
            .insert(message.order(), (failures, Instant::now() + rest));
        tracing::warn!(id = %message.id, kind = message.kind, failures, "the broker refused a message");
    }
}

fn outlasted() -> BrokerError {
    BrokerError::Unavailable("publishing took longer than the lease of the messages".to_owned())
}

/// What may be published at once: of each order one message, or those of a mass that follow each other and are of one kind, for
/// within a kind the transport keeps their order.
fn rounds(window: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut last = HashMap::<Uuid, (usize, String)>::new();
    let mut rounds: Vec<Vec<Outgoing>> = Vec::new();
    for message in window {
        let round = match last.get(&message.order()) {
            None => 0,
            Some((round, kind)) if message.is_of_mass() && *kind == message.kind => *round,
            Some((round, _)) => round + 1,
        };
        last.insert(message.order(), (round, message.kind.clone()));
        if rounds.len() == round {
            rounds.push(Vec::new());
        }
        rounds[round].push(message);
    }
    rounds
}
