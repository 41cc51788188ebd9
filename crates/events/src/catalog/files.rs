//! The contract as files.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

use super::{asyncapi, catalog};

/// Texts by their paths in the folder of the contract.
pub type Files = BTreeMap<String, String>;

/// Where the contract stands in the sources.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto/usher/events/v1")
}

/// What the folder has to hold besides the examples of older versions.
#[must_use]
pub fn files() -> Files {
    let mut files = Files::new();
    for entry in catalog() {
        files.insert(schema(entry.kind), text(&entry.schema));
        files.insert(example(entry.kind), text(&entry.example));
    }
    files.insert("asyncapi.json".to_owned(), text(&asyncapi::document(&catalog())));
    files
}

/// The file of a type's schema.
pub(super) fn schema(kind: &str) -> String {
    format!("schemas/{kind}.json")
}

/// The file of a type's example.
fn example(kind: &str) -> String {
    format!("examples/{kind}.json")
}

fn text(value: &Value) -> String {
    format!("{value:#}\n")
}
