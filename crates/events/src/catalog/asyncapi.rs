//! The AsyncAPI document: which events there are, and how they travel over RabbitMQ.

use serde_json::{Map, Value, json};

use super::{Direction, Entry, files::schema};
use crate::Lane;

/// The document, which refers to the schemas beside it.
pub(super) fn document(entries: &[Entry]) -> Value {
    let each = |make: fn(&Entry) -> Value| -> Value {
        let all = entries.iter().map(|entry| (name(entry), make(entry)));
        all.collect::<Map<String, Value>>().into()
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
            "messages": each(message),
            "messageTraits": { "published": published(), "accepted": accepted() },
        },
    })
}

/// The type as a key, which has no dots.
fn name(entry: &Entry) -> String {
    entry.kind.replace('.', "_")
}

fn channel(entry: &Entry) -> Value {
    let exchange = match entry.direction {
        Direction::Published => "usher.events",
        Direction::Accepted => "usher.inbound",
    };
    let lanes = Lane::ALL.map(Lane::as_str);
    json!({
        "address": format!("{}.{{lane}}", entry.routing_key()),
        "title": entry.kind,
        "summary": entry.summary,
        "parameters": {
            "lane": {
                "enum": lanes,
                "description": "bulk for a part of a mass, which lets what somebody waits for go first.",
            },
        },
        "messages": { name(entry): { "$ref": format!("#/components/messages/{}", name(entry)) } },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": { "name": exchange, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/" },
                "bindingVersion": "0.3.0",
            },
        },
    })
}

/// From where Usher stands: it sends what it publishes and receives what it accepts.
fn operation(entry: &Entry) -> Value {
    let action = match entry.direction {
        Direction::Published => "send",
        Direction::Accepted => "receive",
    };
    let channel = format!("#/channels/{}", name(entry));
    json!({
        "action": action,
        "channel": { "$ref": channel },
        "summary": entry.summary,
        "messages": [{ "$ref": format!("{channel}/messages/{}", name(entry)) }],
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
