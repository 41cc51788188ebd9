//! The envelope: CloudEvents 1.0 attributes, and the data as JSON.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::Data;

/// What the data of an envelope did not fit.
#[derive(Debug, thiserror::Error)]
#[error("{kind} does not have the expected shape: {source}")]
pub struct PayloadError {
    /// The type of the envelope.
    pub kind: String,
    /// What was wrong with it.
    #[source]
    pub source: serde_json::Error,
}

/// Two lanes run through outbox, queues and claims: what a person waits for does not stand behind a mass sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Somebody is waiting for it.
    Interactive,
    /// Part of a mass.
    Bulk,
}

impl Lane {
    /// Both, in order of urgency.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::Bulk];

    /// The last part of routing keys and queue names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }

    /// From the stored name; anything unknown is bulk.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        if name == "interactive" {
            Self::Interactive
        } else {
            Self::Bulk
        }
    }
}

/// A typed payload.
pub trait Payload: Serialize + DeserializeOwned {
    /// Whom the order of messages is kept for: the contact, where there is one (E4).
    fn key(&self) -> Uuid;
    /// The organization it belongs to.
    fn organization(&self) -> OrganizationId;
    /// The CloudEvents type: `usher.{entity}.{event}.v{major}`.
    fn kind(&self) -> &'static str;
}

/// A payload that is published for everyone on the topic exchange.
pub trait Event: Payload {}

/// A payload for one of our own services.
pub trait Command: Payload {
    /// The queue that takes it, named after the service that works on it.
    const QUEUE: &'static str;
}

/// One message: CloudEvents attributes and data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Unique with `source`; consumers remember it.
    pub id: Uuid,
    /// The service that speaks, such as `contacts`.
    pub source: String,
    /// The CloudEvents type, such as `usher.contact.updated.v1`.
    pub kind: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// What it is about: the key's id as text.
    pub subject: String,
    /// The tenant.
    pub organization: Option<OrganizationId>,
    /// Order is kept among messages with the same key.
    pub key: Uuid,
    /// Set for a command: the queue that takes it. Events have none.
    pub queue: Option<String>,
    /// W3C trace context of whoever caused it.
    pub traceparent: Option<String>,
    /// The broker's user who published it, vouched for by the broker, where it came from another service (E2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// The payload.
    pub data: Data,
}

impl Envelope {
    /// Wraps an event.
    #[must_use]
    pub fn event<E: Event>(source: &str, now: DateTime<Utc>, event: &E) -> Self {
        Self::wrap(source, now, event, None)
    }

    /// Wraps a command.
    #[must_use]
    pub fn command<C: Command>(source: &str, now: DateTime<Utc>, command: &C) -> Self {
        Self::wrap(source, now, command, Some(C::QUEUE.to_owned()))
    }

    fn wrap<P: Payload>(source: &str, now: DateTime<Utc>, payload: &P, queue: Option<String>) -> Self {
        Self {
            id: usher_types::MessageId::new(now).uuid(),
            source: source.to_owned(),
            kind: payload.kind().to_owned(),
            time: now,
            subject: payload.key().to_string(),
            organization: Some(payload.organization()),
            key: payload.key(),
            queue,
            traceparent: None,
            publisher: None,
            // Our payloads are structs with string keys, which JSON always takes.
            data: Data::of(payload),
        }
    }

    /// Reads the data as the payload that the type promises.
    ///
    /// # Errors
    /// Where the data does not have the payload's shape.
    pub fn decode<P: Payload>(&self) -> Result<P, PayloadError> {
        self.data.read().map_err(|source| PayloadError {
            kind: self.kind.clone(),
            source,
        })
    }

    /// `{entity}.{event}.v{major}.{lane}` for an event, the queue's name with its lane for a command.
    #[must_use]
    pub fn routing_key(&self, lane: Lane) -> String {
        let base = match &self.queue {
            Some(queue) => queue.as_str(),
            None => self.kind.strip_prefix("usher.").unwrap_or(&self.kind),
        };
        format!("{base}.{}", lane.as_str())
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use usher_types::{ContactId, EmailState};

    use super::*;
    use crate::AddressStateChanged;

    #[test]
    fn e4_events_of_one_contact_share_a_key_and_lanes_share_a_type() {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let event = AddressStateChanged {
            organization_id: OrganizationId::new(now),
            email_canonical: "ada@example.com".into(),
            state: EmailState::Bounced,
            version: usher_types::Version::FIRST,
            contact_id: Some(ContactId::new(now)),
        };
        let envelope = Envelope::event("notifications", now, &event);
        assert_eq!(Some(envelope.key), event.contact_id.map(ContactId::uuid));
        assert_eq!(envelope.routing_key(Lane::Bulk), "address.state_changed.v1.bulk");
        assert_eq!(envelope.decode::<AddressStateChanged>().unwrap(), event);
    }
}
