//! Whether what is published is what was promised (E1).

use std::{collections::HashMap, sync::LazyLock};

use jsonschema::Validator;
use usher_events::{Envelope, catalog::catalog};

static SCHEMAS: LazyLock<HashMap<&str, Validator>> = LazyLock::new(|| {
    let schemas = catalog().into_iter().map(|entry| {
        let schema = jsonschema::draft7::new(&entry.schema).expect("a schema");
        (entry.kind, schema)
    });
    schemas.collect()
});

/// Panics where an event is of no type of the contract, or its data does not fit that type's schema. Commands, which are
/// ours alone, and the types `usher.test.*` are left alone.
pub fn keeps_the_contract(envelope: &Envelope) {
    if envelope.queue.is_some() || envelope.kind.starts_with("usher.test.") {
        return;
    }
    let Some(schema) = SCHEMAS.get(envelope.kind.as_str()) else {
        panic!("{} is not in the contract of events", envelope.kind);
    };
    let data = envelope.data.read().expect("JSON");
    let wrong: Vec<String> = schema.iter_errors(&data).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{}: {wrong:?}", envelope.kind);
}
