//! An outbox row as an envelope in JSON.

use serde::Serialize;
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::{BrokerError, transport::Outgoing};

/// An envelope without its data.
#[derive(Serialize)]
struct Head<'a> {
    id: Uuid,
    source: &'a str,
    kind: &'a str,
    time: chrono::DateTime<chrono::Utc>,
    subject: &'a str,
    organization: Option<OrganizationId>,
    key: Uuid,
    queue: Option<&'a str>,
    traceparent: Option<&'a str>,
}

/// The data is JSON already and is put in as it stands.
pub(crate) fn write(message: &Outgoing) -> Result<String, BrokerError> {
    let head = Head {
        id: message.id,
        source: &message.source,
        kind: &message.kind,
        time: message.time,
        subject: &message.subject,
        organization: message.organization.map(OrganizationId::from),
        key: message.key,
        queue: message.queue.as_deref(),
        traceparent: message.traceparent.as_deref(),
    };
    let mut text =
        serde_json::to_string(&head).map_err(|error| BrokerError::Unavailable(error.to_string()))?;
    text.pop();
    text.push_str(",\"data\":");
    text.push_str(&message.data);
    text.push('}');
    Ok(text)
}
