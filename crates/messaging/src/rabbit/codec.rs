//! CloudEvents 1.0 over AMQP 0-9-1, by their binding to AMQP: attributes as headers with the prefix `cloudEvents_`, the data's media
//! type as the message's, the data as the body. Read is also the prefix `cloudEvents:`, and the structured mode of other
//! publishers. Our own queues get the same events in packs.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use lapin::{
    BasicProperties,
    message::Delivery as Arrived,
    types::{AMQPValue, FieldTable},
};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use usher_events::{Data, Envelope};
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::{
    BrokerError, json,
    transport::{Outgoing, Pack, Unreadable},
};

const PREFIXES: [&str; 2] = ["cloudEvents_", "cloudEvents:"];
const PERSISTENT: u8 = 2;
const TRACE: &str = "traceparent";
/// The most that somebody else's message may hold, in bytes.
const LARGEST: usize = 1024 * 1024;
const PACK: &str = "application/vnd.usher.pack+json";
/// What structured modes begin with; the only one that is read.
const STRUCTURED: &str = "application/cloudevents";
const STRUCTURED_JSON: &str = "application/cloudevents+json";

pub(super) fn properties(message: &Outgoing) -> BasicProperties {
    let id = message.id.to_string();
    let mut headers = FieldTable::default();
    let mut put = |name: &str, value: &str| {
        headers.insert(
            format!("cloudEvents_{name}").into(),
            AMQPValue::LongString(value.into()),
        );
    };
    put("specversion", "1.0");
    put("id", &id);
    put("source", &message.source);
    put("type", &message.kind);
    put("time", &message.time.to_rfc3339_opts(SecondsFormat::Micros, true));
    put("subject", &message.subject);
    put("partitionkey", &message.key.to_string());
    if let Some(organization) = message.organization {
        put("organization", &organization.to_string());
    }
    if let Some(queue) = &message.queue {
        put("queue", queue);
    }
    if let Some(traceparent) = &message.traceparent {
        put(TRACE, traceparent);
    }
    BasicProperties::default()
        .with_headers(headers)
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.into())
        .with_type(message.kind.as_str().into())
        .with_app_id(message.source.as_str().into())
        .with_timestamp(u64::try_from(message.time.timestamp()).unwrap_or_default())
}

/// A part of a pack on the wire: the events of an outbox row that holds several, or some that stand for themselves.
#[derive(Deserialize)]
struct Part {
    pack: Option<Uuid>,
    events: Vec<Envelope>,
}

/// Messages with one routing key in one, between our own services: a list of [`Part`].
pub(super) fn pack(messages: &[&Outgoing]) -> Result<(Vec<u8>, BasicProperties), BrokerError> {
    let mut body = String::new();
    for message in messages {
        body.push(if body.is_empty() { '[' } else { ',' });
        let part = if message.is_pack() {
            format!("{{\"pack\":\"{}\",\"events\":{}}}", message.id, message.data)
        } else {
            format!("{{\"events\":[{}]}}", json::write(message)?)
        };
        body.push_str(&part);
    }
    body.push(']');
    let properties = BasicProperties::default()
        .with_content_type(PACK.into())
        .with_delivery_mode(PERSISTENT);
    Ok((body.into_bytes(), properties))
}

/// What a message holds: one event, or packs.
pub(super) fn contents(arrived: &Arrived) -> Vec<(Option<Pack>, Result<Envelope, Unreadable>)> {
    if media_type(arrived) != PACK {
        return vec![(None, ours(arrived))];
    }
    let unreadable = |reason: String| vec![(None, Err(Unreadable::new(&arrived.data, reason)))];
    match serde_json::from_slice::<Vec<Part>>(&arrived.data) {
        Ok(parts) if parts.iter().all(|part| part.events.is_empty()) => {
            unreadable("an empty pack".to_owned())
        }
        Ok(parts) => parts.into_iter().flat_map(unpack).collect(),
        Err(error) => unreadable(error.to_string()),
    }
}

fn unpack(part: Part) -> impl Iterator<Item = (Option<Pack>, Result<Envelope, Unreadable>)> {
    let events = part.events.len();
    let pack = part.pack.map(|id| Pack { id, events });
    part.events.into_iter().map(move |event| (pack, Ok(event)))
}

/// The media type without its parameters, in lower case.
fn media_type(arrived: &Arrived) -> String {
    let given = arrived.properties.content_type().as_ref();
    let given = given.map_or("", |given| given.as_str());
    let bare = given.split(';').next().unwrap_or_default();
    bare.trim().to_ascii_lowercase()
}

/// How often it came back, as quorum queues count it.
pub(super) fn returned(arrived: &Arrived) -> u32 {
    let headers = arrived.properties.headers().as_ref();
    let count = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
    match count {
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or(u32::MAX),
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or(u32::MAX),
        Some(AMQPValue::LongUInt(count)) => *count,
        _ => 0,
    }
}

/// What one of our services says.
fn ours(arrived: &Arrived) -> Result<Envelope, Unreadable> {
    read(arrived).map_err(|reason| {
        let mut unreadable = Unreadable::new(&arrived.data, reason);
        let id = arrived.properties.message_id().as_ref();
        let id = id.and_then(|id| Uuid::parse_str(id.as_str()).ok());
        unreadable.id = id.unwrap_or(unreadable.id);
        unreadable
    })
}

/// What somebody else says. Who that is the broker vouches for; ids and keys are theirs alone, so that nobody can pass off a message as
/// one that another has sent already.
pub(super) fn foreign(arrived: &Arrived) -> Result<Envelope, Unreadable> {
    let publisher = arrived.properties.user_id().as_ref();
    let publisher = publisher.map(|user| user.as_str().to_owned());
    let own = |text: &str| hashed(&[publisher.as_deref().unwrap_or_default(), text]);
    let content = match arrived.data.len() {
        ..=LARGEST => read(arrived),
        _ => Err("larger than 1 MiB".to_owned()),
    };
    match content {
        Ok(envelope) => Ok(Envelope {
            id: own(&format!("{} {}", envelope.source, envelope.id)),
            key: own(&envelope.key.to_string()),
            organization: None,
            queue: None,
            publisher,
            ..envelope
        }),
        Err(reason) => {
            let kept = arrived.data.len().min(LARGEST);
            let mut unreadable = Unreadable::new(&arrived.data[..kept], reason);
            unreadable.id = own(&format!("{} {}", unreadable.id, unreadable.reason));
            Err(unreadable)
        }
    }
}

fn read(arrived: &Arrived) -> Result<Envelope, String> {
    let media_type = media_type(arrived);
    let (attributes, data) = if media_type == STRUCTURED_JSON {
        from_body(&arrived.data)?
    } else if media_type.starts_with(STRUCTURED) {
        return Err(format!("{media_type} is not taken: one event a message, as JSON"));
    } else {
        from_headers(arrived)?
    };
    envelope(arrived, &attributes, data)
}

type Attributes = HashMap<String, String>;

fn from_headers(arrived: &Arrived) -> Result<(Attributes, Data), String> {
    let data = if arrived.data.is_empty() {
        Ok(Data::of(&()))
    } else {
        Data::parse(&arrived.data)
    };
    let data = data.map_err(|error| format!("the body is not JSON: {error}"))?;
    let mut attributes = Attributes::new();
    if let Some(headers) = arrived.properties.headers() {
        for (name, value) in headers.inner() {
            let name = name.as_str();
            let known = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
            // Trace context has a header of its own, which many libraries write.
            let known = known.or_else(|| (name == TRACE).then_some(name));
            if let (Some(name), Some(value)) = (known, text(value)) {
                attributes.insert(name.to_owned(), value);
            }
        }
    }
    Ok((attributes, data))
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        AMQPValue::Timestamp(seconds) => {
            let time = DateTime::from_timestamp(i64::try_from(*seconds).ok()?, 0)?;
            Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
        }
        _ => None,
    }
}

fn from_body(body: &[u8]) -> Result<(Attributes, Data), String> {
    let mut event: serde_json::Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| format!("the body is not a CloudEvent: {error}"))?;
    if event.contains_key("data_base64") {
        return Err("data_base64 is not taken: the data is JSON".to_owned());
    }
    let data = Data::of(&event.remove("data"));
    let attributes = event.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    Ok((attributes.collect(), data))
}

fn envelope(arrived: &Arrived, attributes: &Attributes, data: Data) -> Result<Envelope, String> {
    let required = |name: &str| {
        attributes
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
            .ok_or_else(|| format!("without the attribute {name}"))
    };
    let version = required("specversion")?;
    if version != "1.0" {
        return Err("specversion is not 1.0".to_owned());
    }
    let (id, source) = (required("id")?, required("source")?);
    let subject = attributes.get("subject").cloned().unwrap_or_default();
    let key = attributes.get("partitionkey").unwrap_or(&subject);
    let organization = attributes
        .get("organization")
        .and_then(|id| Uuid::parse_str(id).ok());
    Ok(Envelope {
        id: Uuid::parse_str(&id).unwrap_or_else(|_| hashed(&[&source, &id])),
        kind: required("type")?,
        time: time(arrived, attributes)?,
        organization: organization.map(OrganizationId::from),
        key: Uuid::parse_str(key).unwrap_or_else(|_| hashed(&[&source, key])),
        queue: attributes.get("queue").cloned(),
        traceparent: attributes.get(TRACE).cloned(),
        publisher: None,
        subject,
        source,
        data,
    })
}

fn time(arrived: &Arrived, attributes: &Attributes) -> Result<DateTime<Utc>, String> {
    if let Some(time) = attributes.get("time") {
        let time = DateTime::parse_from_rfc3339(time).map_err(|_| "time is not RFC 3339")?;
        return Ok(time.to_utc());
    }
    // The attribute is optional; the property has whole seconds.
    let seconds = arrived
        .properties
        .timestamp()
        .and_then(|seconds| i64::try_from(seconds).ok());
    Ok(seconds
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .unwrap_or_default())
}

/// A stable UUID for what others name as they like.
fn hashed(parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
