//! The AsyncAPI document: which events there are, and how they travel over RabbitMQ.

use serde_json::{Map, Value, json};

use super::{Direction, Entry, files::schema};
use crate::Lane;

/// The document, which refers to the schemas beside it.
pub(super) fn document(entries: &[Entry]) -> Value {
    let messages = entries.iter().map(|entry| (name(entry), message(entry)));
    let each = |make: fn(&Way) -> Value| -> Value {
        let ways = entries.iter().flat_map(Way::all);
        ways.map(|way| (way.name.clone(), make(&way)))
            .collect::<Map<String, Value>>()
            .into()
    };
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:usher:events:v1",
        "info": {
            "title": "Usher's events",
            "version": "1.0.0",
            "description": "What Usher publishes and accepts over RabbitMQ: CloudEvents 1.0 in binary mode, data as JSON. \
                Every name of an exchange begins with the installation's broker_prefix, which is empty by default. \
                docs/events.md says what a reader can rely on.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "rabbitmq:5672",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "The operator's RabbitMQ.",
            },
        },
        "channels": each(channel),
        "operations": each(operation),
        "components": {
            "messages": messages.collect::<Map<String, Value>>(),
            "messageTraits": { "published": published(), "accepted": accepted() },
        },
    })
}

/// The type as a key, which has no dots.
fn name(entry: &Entry) -> String {
    entry.kind.replace('.', "_")
}

/// How an event travels: by one channel and one operation.
struct Way<'a> {
    entry: &'a Entry,
    name: String,
    address: String,
    summary: String,
}

impl<'a> Way<'a> {
    /// What we publish has a lane behind its routing key. Others need not know of lanes: what they publish has none, unless it
    /// is part of a mass.
    fn all(entry: &'a Entry) -> Vec<Self> {
        let way = |end: &str, name: String, summary: String| Self {
            entry,
            name,
            address: format!("{}{end}", entry.routing_key()),
            summary,
        };
        let alone = entry.summary.to_owned();
        match entry.direction {
            Direction::Published => vec![way(".{lane}", name(entry), alone)],
            Direction::Accepted => {
                let bulk = format!(".{}", Lane::Bulk.as_str());
                let part = format!("{alone} Part of a mass, which lets what comes without a lane go first.");
                vec![
                    way("", name(entry), alone),
                    way(&bulk, format!("{}_{}", name(entry), Lane::Bulk.as_str()), part),
                ]
            }
        }
    }
}

fn channel(way: &Way) -> Value {
    let entry = way.entry;
    let exchange = match entry.direction {
        Direction::Published => "usher.events",
        Direction::Accepted => "usher.inbound",
    };
    let mut channel = json!({
        "address": way.address,
        "title": entry.kind,
        "summary": way.summary,
        "messages": { name(entry): { "$ref": format!("#/components/messages/{}", name(entry)) } },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": { "name": exchange, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/" },
                "bindingVersion": "0.3.0",
            },
        },
    });
    if entry.direction == Direction::Published {
        channel["parameters"] = json!({
            "lane": {
                "enum": Lane::ALL.map(Lane::as_str),
                "description": "bulk for a part of a mass, which lets what somebody waits for go first.",
            },
        });
    }
    channel
}

/// From where Usher stands: it sends what it publishes and receives what it accepts.
fn operation(way: &Way) -> Value {
    let action = match way.entry.direction {
        Direction::Published => "send",
        Direction::Accepted => "receive",
    };
    let channel = format!("#/channels/{}", way.name);
    json!({
        "action": action,
        "channel": { "$ref": channel },
        "summary": way.summary,
        "messages": [{ "$ref": format!("{channel}/messages/{}", name(way.entry)) }],
        "bindings": { "amqp": { "deliveryMode": 2, "bindingVersion": "0.3.0" } },
    })
}

fn message(entry: &Entry) -> Value {
    let way = match entry.direction {
        Direction::Published => "published",
        Direction::Accepted => "accepted",
    };
    json!({
        "name": entry.kind,
        "title": entry.kind,
        "summary": entry.summary,
        "contentType": "application/json",
        "traits": [{ "$ref": format!("#/components/messageTraits/{way}") }],
        "payload": { "$ref": format!("./{}", schema(entry.kind)) },
        "examples": [{ "payload": entry.example }],
        "bindings": { "amqp": { "messageType": entry.kind, "bindingVersion": "0.3.0" } },
    })
}

fn header(description: &str, schema: Value) -> Value {
    let mut header = schema;
    header["description"] = description.into();
    header
}

/// The attributes that every publisher writes.
fn attributes() -> Value {
    let text = || json!({ "type": "string", "minLength": 1 });
    json!({
        "cloudEvents_specversion": header("Of CloudEvents.", json!({ "const": "1.0" })),
        "cloudEvents_id": header("Unique for the source: what a reader remembers.", text()),
        "cloudEvents_source": header("Who speaks.", json!({ "type": "string", "format": "uri-reference", "minLength": 1 })),
        "cloudEvents_type": header("What it says, with its major version.", text()),
        "cloudEvents_time": header("When it happened.", json!({ "type": "string", "format": "date-time" })),
        "cloudEvents_subject": header("Whom it is about.", text()),
        "cloudEvents_partitionkey": header("Order is kept among events with the same one.", text()),
        "cloudEvents_traceparent": header("W3C trace context.", text()),
    })
}

fn published() -> Value {
    let mut properties = attributes();
    properties["cloudEvents_organization"] =
        header("Whose it is.", json!({ "type": "string", "format": "uuid" }));
    let always = [
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "subject",
        "partitionkey",
        "organization",
    ];
    json!({
        "headers": {
            "type": "object",
            "required": always.map(|name| format!("cloudEvents_{name}")),
            "properties": properties,
        },
    })
}

fn accepted() -> Value {
    let always = ["specversion", "id", "source", "type"];
    json!({
        "description": "Either prefix, cloudEvents_ or cloudEvents:, is taken, and the structured mode \
            (application/cloudevents+json). The property user_id must be the publisher's broker user.",
        "headers": {
            "type": "object",
            "required": always.map(|name| format!("cloudEvents_{name}")),
            "properties": attributes(),
        },
    })
}
