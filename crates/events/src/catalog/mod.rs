//! Every event with its schema and an example, and the contract that is made of them: what stands in
//! `proto/usher/events/v1`.

mod asyncapi;
mod examples;
mod files;

use std::any::type_name;

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub use files::{Files, files, folder};

use crate::envelope::Event;

/// In which way an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To everyone, on the exchange of events (E1).
    Published,
    /// From others, on the exchange of what is accepted (E2).
    Accepted,
}

/// One type of event.
#[derive(Debug)]
pub struct Entry {
    /// The CloudEvents type.
    pub kind: &'static str,
    /// In which way it goes.
    pub direction: Direction,
    /// What it says, in a sentence.
    pub summary: &'static str,
    /// JSON Schema (draft 7) of its data. It takes what was ever written under this type, so what a later version has added is
    /// not required.
    pub schema: Value,
    /// Data as it is written today.
    pub example: Value,
    /// The name of what is read and written under this type; several types may share it.
    pub payload: &'static str,
    /// Whether today's code still reads some data, and writes nothing else than what it has read.
    pub reads: fn(&Value) -> Result<(), String>,
}

impl Entry {
    /// The routing key without its lane.
    #[must_use]
    pub fn routing_key(&self) -> &'static str {
        let kind = self.kind.strip_prefix("usher.").unwrap_or(self.kind);
        kind.strip_prefix("inbound.").unwrap_or(kind)
    }

    /// An event that we publish. `fixed`: fields that are always the same under this type.
    fn published<E: Event + JsonSchema>(summary: &'static str, fixed: &[&str], example: &E) -> Self {
        let mut entry = Self::of(Direction::Published, example.kind(), summary, example);
        for field in fixed {
            let value = entry.example[*field].clone();
            entry.schema["properties"][*field]["const"] = value;
        }
        entry
    }

    /// An event that we take.
    fn accepted<T: Serialize + DeserializeOwned + JsonSchema>(
        kind: &'static str,
        summary: &'static str,
        example: &T,
    ) -> Self {
        Self::of(Direction::Accepted, kind, summary, example)
    }

    fn of<T: Serialize + DeserializeOwned + JsonSchema>(
        direction: Direction,
        kind: &'static str,
        summary: &'static str,
        example: &T,
    ) -> Self {
        let settings = SchemaSettings::draft07().with_transform(RecursiveTransform(one_line));
        let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
        schema["title"] = json!(kind);
        schema["description"] = json!(summary);
        Self {
            kind,
            direction,
            summary,
            schema,
            // Our payloads are structs with string keys, which JSON always takes.
            example: serde_json::to_value(example).unwrap_or_default(),
            payload: type_name::<T>(),
            reads: reads::<T>,
        }
    }
}

/// Comments are broken into lines as the source is.
fn one_line(schema: &mut Schema) {
    let text = schema.get("description").and_then(Value::as_str);
    if let Some(line) = text.map(|text| text.replace('\n', " ")) {
        schema.insert("description".to_owned(), line.into());
    }
}

fn reads<T: Serialize + DeserializeOwned>(data: &Value) -> Result<(), String> {
    let read: T = serde_json::from_value(data.clone()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(read).map_err(|error| error.to_string())?;
    if is_kept(data, &written) {
        Ok(())
    } else {
        Err(format!("{data} is written as {written}"))
    }
}

/// Whether all that was there is there still. Fields may come along at every depth; one that is missing is not one that is null.
fn is_kept(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before
            .iter()
            .all(|(name, value)| after.get(name).is_some_and(|after| is_kept(value, after))),
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(before, after)| is_kept(before, after))
        }
        (before, after) => before == after,
    }
}

/// All types of events, those that are published first.
#[must_use]
pub fn catalog() -> Vec<Entry> {
    let mut all = examples::published();
    all.extend(examples::accepted());
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContactUpserted, Deactivated, SignedIn};

    #[test]
    fn e1_a_field_that_is_not_read_any_more_is_missed_be_it_null() {
        let gone = json!({ "external_id": "4711", "version": 1, "notes": null });
        assert_eq!(
            reads::<Deactivated>(&gone),
            Err(format!(
                "{gone} is written as {}",
                json!({ "external_id": "4711", "version": 1 })
            ))
        );
        assert_eq!(reads::<ContactUpserted>(&gone), Ok(()));
    }

    #[test]
    fn e1_older_data_may_lack_a_field_at_any_depth() {
        let signed_in = catalog()
            .into_iter()
            .find(|entry| entry.kind.ends_with(".signed_in.v1"));
        let mut data = signed_in.unwrap().example;
        data["portal"].as_object_mut().unwrap().remove("invited_by");
        assert_eq!(reads::<SignedIn>(&data), Ok(()));
        data["portal"]["invited"] = Value::Null;
        assert!(reads::<SignedIn>(&data).is_err());
    }
}
