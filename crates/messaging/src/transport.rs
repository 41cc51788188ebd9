//! What a broker does for relay and consumers, whichever it is.

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use usher_events::{Envelope, Lane};
use uuid::Uuid;

use crate::BrokerError;

/// One queue of one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    /// The name without the lane.
    pub base: String,
    pub lane: Lane,
    /// Patterns of routing keys on the topic exchange.
    pub bindings: Vec<String>,
    /// Patterns of routing keys on the exchange of what others publish.
    pub inbound: Vec<String>,
}

impl Queue {
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.base, self.lane.as_str())
    }

    /// Whether others publish into it, who are not to be trusted.
    pub(crate) const fn is_open(&self) -> bool {
        !self.inbound.is_empty()
    }
}

/// One outbox row on its way out: a message, or a pack of events. The data stays the text that it is in the table.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub position: i64,
    pub id: Uuid,
    pub lane: Lane,
    pub key: Uuid,
    pub kind: String,
    pub source: String,
    pub subject: String,
    pub queue: Option<String>,
    pub organization: Option<Uuid>,
    pub time: DateTime<Utc>,
    pub traceparent: Option<String>,
    /// More than one in a pack, whose data is a list of whole envelopes.
    pub events: i16,
    pub data: String,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the data may hold addresses
        write!(
            formatter,
            "Outgoing({} {}, {} events)",
            self.kind, self.id, self.events
        )
    }
}

impl Outgoing {
    /// Among what its order is kept: events of a mass go by organization, packed or not, all else by its key (E4). `order` in
    /// `outbox` says the same.
    pub(crate) fn order(&self) -> Uuid {
        match self.organization {
            Some(organization) if self.is_of_mass() => organization,
            _ => self.key,
        }
    }

    /// An event, or several, of a mass.
    pub(crate) fn is_of_mass(&self) -> bool {
        self.lane == Lane::Bulk && !self.is_command()
    }

    /// How many.
    pub(crate) fn events(&self) -> usize {
        usize::try_from(self.events).unwrap_or(1)
    }

    /// As [`Envelope::routing_key`].
    pub(crate) fn routing_key(&self) -> String {
        let base = match &self.queue {
            Some(queue) => queue.as_str(),
            None => self.kind.strip_prefix("usher.").unwrap_or(&self.kind),
        };
        format!("{base}.{}", self.lane.as_str())
    }

    pub(crate) const fn is_command(&self) -> bool {
        self.queue.is_some()
    }

    pub(crate) const fn is_pack(&self) -> bool {
        self.events > 1
    }

    /// Each event of a pack on its own; a message that is none, as it is.
    pub(crate) fn singles(&self) -> Result<Vec<Self>, BrokerError> {
        if !self.is_pack() {
            return Ok(vec![self.clone()]);
        }
        let events: Vec<Envelope> =
            serde_json::from_str(&self.data).map_err(|error| BrokerError::Unavailable(error.to_string()))?;
        let single = |event: Envelope| Self {
            id: event.id,
            key: event.key,
            kind: event.kind,
            source: event.source,
            subject: event.subject,
            queue: event.queue,
            time: event.time,
            traceparent: event.traceparent,
            events: 1,
            data: event.data.to_string(),
            ..*self
        };
        Ok(events.into_iter().map(single).collect())
    }
}

/// One message as it came, not yet acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Grows with the order of arrival.
    pub tag: u64,
    /// How often it came back unacknowledged, by a crash or a lost connection.
    pub returned: u32,
    /// The pack that it came in.
    pub pack: Option<Pack>,
    pub content: Result<Envelope, Unreadable>,
}

/// An outbox row of several events, by which consumers know them all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pack {
    pub id: Uuid,
    /// Its events.
    pub events: usize,
}

/// What arrived is no message of ours.
#[derive(Clone, PartialEq)]
pub(crate) struct Unreadable {
    /// Its id where it had one, else one made of its bytes, so that the same thing is noted once.
    pub id: Uuid,
    pub reason: String,
    /// What came, as far as it is text.
    pub raw: String,
}

/// What messages go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// Public facts, for everyone.
    Events,
    /// The same for our own queues.
    Packs,
    /// Commands.
    Work,
}

#[async_trait::async_trait]
pub(crate) trait Transport: Send + Sync + fmt::Debug {
    /// What it is, in traces and metrics.
    fn system(&self) -> &'static str;

    /// The name of an exchange.
    fn exchange(&self, exchange: Exchange) -> String;

    /// Whether it takes us in, with this user and password. Changes nothing.
    async fn greet(&self) -> Result<(), BrokerError>;

    /// Makes queues and bindings exist. Queues stay when their service is gone.
    async fn declare(&self, queues: &[Queue]) -> Result<(), BrokerError>;

    /// Publishes and waits until the broker has stored each message or not; one outcome a message, in their order. Within one
    /// call, order is only kept among messages of one kind and lane. An event that no queue is bound to counts as published; a command
    /// without its queue has failed.
    async fn publish(&self, messages: &[Outgoing]) -> Result<Vec<bool>, BrokerError>;

    /// Becomes the queue's active consumer, or waits until the one before has gone.
    async fn consume(&self, queue: &Queue) -> Result<Box<dyn Deliveries>, BrokerError>;
}

/// Messages of one queue. Dropping it gives unacknowledged ones back.
#[async_trait::async_trait]
pub(crate) trait Deliveries: Send {
    /// Takes what is there, up to `limit`, without waiting. Not cancel safe.
    async fn take(&mut self, limit: usize) -> Result<Vec<Delivery>, BrokerError>;

    /// Waits until there may be something to take, or the connection is lost. Cancel safe.
    async fn wait(&mut self) -> Result<(), BrokerError>;

    /// Lets nothing more come; what has arrived can still be taken.
    async fn cancel(&mut self) -> Result<(), BrokerError>;

    /// These are done.
    async fn ack(&mut self, tags: &[u64]) -> Result<(), BrokerError>;
}

impl fmt::Debug for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Unreadable({}, {})", self.id, self.reason)
    }
}

impl Unreadable {
    /// For bytes that are no message.
    pub(crate) fn new(raw: &[u8], reason: impl Into<String>) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&Sha256::digest(raw)[..16]);
        Self {
            id: uuid::Builder::from_custom_bytes(bytes).into_uuid(),
            reason: reason.into(),
            // PostgreSQL's texts take no NUL.
            raw: String::from_utf8_lossy(raw).replace('\0', "\u{fffd}"),
        }
    }
}
