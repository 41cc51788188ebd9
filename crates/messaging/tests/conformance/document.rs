//! What the AsyncAPI document promises of a message, and what one is that came over the wire.

use lapin::{BasicProperties, types::AMQPValue};
use serde_json::{Map, Value, json};

/// The document that others read.
const DOCUMENT: &str = include_str!("../../../../proto/usher/events/v1/asyncapi.json");

/// A message of the document.
pub struct Promise {
    document: Value,
    name: String,
}

impl Promise {
    pub fn of(kind: &str) -> Self {
        Self {
            document: serde_json::from_str(DOCUMENT).unwrap(),
            name: kind.replace('.', "_"),
        }
    }

    fn message(&self) -> &Value {
        &self.document["components"]["messages"][&self.name]
    }

    /// The schema of its headers.
    pub fn headers(&self) -> &Value {
        let reference = self.message()["traits"][0]["$ref"].as_str().unwrap();
        &self.document.pointer(reference.trim_start_matches('#')).unwrap()["headers"]
    }

    /// The headers that have to be there.
    pub fn required(&self) -> Vec<&str> {
        let names = self.headers()["required"].as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap()).collect()
    }

    /// What is wrong with these headers.
    pub fn wrong(&self, headers: &Value) -> Vec<String> {
        let schema = jsonschema::options()
            .should_validate_formats(true)
            .build(self.headers())
            .unwrap();
        schema
            .iter_errors(headers)
            .map(|error| error.to_string())
            .collect()
    }

    /// The routing key in a lane.
    pub fn routing_key(&self, lane: &str) -> String {
        let address = self.document["channels"][&self.name]["address"].as_str().unwrap();
        address.replace("{lane}", lane)
    }

    /// Media type, type, and how durable it is.
    pub fn properties(&self) -> Value {
        let message = self.message();
        json!({
            "content_type": message["contentType"],
            "type": message["bindings"]["amqp"]["messageType"],
            "delivery_mode": self.document["operations"][&self.name]["bindings"]["amqp"]["deliveryMode"],
        })
    }
}

/// Headers as JSON. All that we write are texts.
pub fn headers(properties: &BasicProperties) -> Value {
    let headers = properties.headers().as_ref().unwrap().inner();
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => text.to_string(),
        other => panic!("{other:?}"),
    };
    let all = headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value).into()));
    Value::Object(all.collect::<Map<String, Value>>())
}
