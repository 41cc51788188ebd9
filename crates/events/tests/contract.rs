//! The contract of events, as it stands in `proto/usher/events/v1`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use jsonschema::Validator;
use serde_json::Value;
use usher_events::catalog::{Direction, Entry, catalog, files, folder};

/// Every file of the contract, by its path in the folder.
fn there() -> BTreeSet<String> {
    let files = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: &Path| path.strip_prefix(folder()).unwrap().display().to_string();
    let all = [folder(), folder().join("schemas"), folder().join("examples")];
    let all = all.into_iter().flat_map(files).filter(|path| path.is_file());
    all.map(|path| below(&path)).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap()
}

/// The examples of a type: today's, and those of older versions, which have a number.
fn examples(entry: &Entry) -> Vec<String> {
    let begin = format!("examples/{}.", entry.kind);
    let is_one = |path: &String| {
        let rest = path
            .strip_prefix(&begin)
            .and_then(|rest| rest.strip_suffix("json"));
        rest.is_some_and(|rest| {
            rest.trim_end_matches('.')
                .chars()
                .all(|digit| digit.is_ascii_digit())
        })
    };
    there().into_iter().filter(is_one).collect()
}

#[test]
fn e1_the_contract_stands_as_the_types_say() {
    for (path, text) in files() {
        assert!(there().contains(&path), "{path} is missing: make events");
        assert_eq!(read(&path), text, "{path} is not fresh: make events");
    }
    let mut known: BTreeSet<String> = files().into_keys().collect();
    known.extend(catalog().iter().flat_map(examples));
    assert_eq!(there(), known, "a file that belongs to no type");
}

/// What the source calls a type has an example; so a new one without any fails.
#[test]
fn e1_every_type_is_in_the_contract() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut named = BTreeSet::new();
    for file in ["fact.rs", "inbound.rs"] {
        let text = fs::read_to_string(source.join(file)).unwrap();
        let texts = text.split('"').skip(1).step_by(2);
        named.extend(
            texts
                .filter(|text| text.starts_with("usher.") && text.ends_with(".v1"))
                .map(str::to_owned),
        );
    }
    let known: BTreeSet<String> = catalog().iter().map(|entry| entry.kind.to_owned()).collect();
    assert_eq!(named, known);
    assert_eq!(known.len(), catalog().len());
}

#[test]
fn e1_examples_of_all_times_are_read_and_fit_todays_schema() {
    for entry in catalog() {
        let validator = jsonschema::draft7::new(&entry.schema).unwrap();
        let examples = examples(&entry);
        assert!(!examples.is_empty(), "{} has no example", entry.kind);
        for path in examples {
            let data: Value = serde_json::from_str(&read(&path)).unwrap();
            assert_eq!(wrong(&validator, &data), Vec::<String>::new(), "{path}");
            (entry.reads)(&data).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
}

/// Goes through data by its schema, and notes for each field, by its owner, whether something stands there.
fn visit(schema: &Value, root: &Value, owner: &str, data: &Value, fields: &mut BTreeMap<String, bool>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        let owner = reference.rsplit('/').next().unwrap();
        visit(target, root, owner, data, fields);
    }
    for choices in ["anyOf", "allOf", "oneOf"] {
        for choice in schema[choices].as_array().into_iter().flatten() {
            visit(choice, root, owner, data, fields);
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let (field, value) = (format!("{owner}.{name}"), &data[name]);
        // null and an empty list say nothing of what could stand there
        let is_filled = !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
        visit(property, root, &field, value, fields);
        *fields.entry(field).or_default() |= is_filled;
    }
}

/// A field that no example fills could be given another shape, and no test would see it. Types that share a payload, or a part
/// of one, share its fields: an invitation that is over has no end, one that was issued has.
#[test]
fn e1_every_field_stands_filled_in_an_example() {
    let mut fields = BTreeMap::new();
    for entry in catalog() {
        for path in examples(&entry) {
            let data = serde_json::from_str(&read(&path)).unwrap();
            visit(&entry.schema, &entry.schema, entry.payload, &data, &mut fields);
        }
    }
    for field in [
        "PortalFacts.accepted_at",
        "usher_events::fact::MessageChanged.error",
    ] {
        assert!(fields.contains_key(field), "{field} is not in {fields:?}");
    }
    let empty: Vec<String> = fields
        .into_iter()
        .filter_map(|(field, is_filled)| (!is_filled).then_some(field))
        .collect();
    assert_eq!(empty, Vec::<String>::new());
}

/// The routing keys that the document gives for an exchange.
fn addresses(exchange: &str) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&read("asyncapi.json")).unwrap();
    let channels = document["channels"].as_object().unwrap().values();
    let of_it = channels.filter(|channel| channel["bindings"]["amqp"]["exchange"]["name"] == exchange);
    of_it
        .map(|channel| channel["address"].as_str().unwrap().to_owned())
        .collect()
}

fn source(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// Publishers name no lane, or that of a mass behind the key; to readers every event comes by a lane.
#[test]
fn e2_the_document_names_the_routing_keys_that_publishers_use() {
    let guide = source("docs/events.md");
    let rows = guide.lines().filter(|line| line.starts_with("| `usher.inbound."));
    let keys: Vec<&str> = rows.map(|row| row.split('`').nth(3).unwrap()).collect();
    let promised = keys
        .iter()
        .flat_map(|key| [(*key).to_owned(), format!("{key}.bulk")]);
    assert_eq!(addresses("usher.inbound"), promised.collect());
    for program in ["python/publish.py", "node/publish.mjs", "rust/publish.rs"] {
        let text = source(&format!("examples/events/{program}"));
        let mut words = text.split(['"', '\'']);
        assert!(
            words.any(|word| addresses("usher.inbound").contains(word)),
            "{program}"
        );
    }
    let published = catalog()
        .into_iter()
        .filter(|entry| entry.direction == Direction::Published);
    let published = published.map(|entry| format!("{}.{{lane}}", entry.routing_key()));
    assert_eq!(addresses("usher.events"), published.collect());
}

fn wrong(validator: &Validator, data: &Value) -> Vec<String> {
    let errors = validator.iter_errors(data);
    errors
        .map(|error| format!("{} {error}", error.instance_path()))
        .collect()
}

#[test]
fn e1_schemas_tell_one_type_from_another() {
    for entry in catalog() {
        jsonschema::draft7::meta::validate(&entry.schema).unwrap();
        let validator = jsonschema::draft7::new(&entry.schema).unwrap();
        for other in catalog() {
            let same_fields = other.example.as_object().unwrap().keys().eq(entry
                .example
                .as_object()
                .unwrap()
                .keys());
            if same_fields && other.kind != entry.kind && !entry.kind.ends_with("deactivated.v1") {
                assert!(
                    !validator.is_valid(&other.example),
                    "{} takes {}",
                    entry.kind,
                    other.kind
                );
            }
        }
    }
}

/// Fields that may be left out can be added later; those that must be there were there from the beginning.
#[test]
fn e1_no_payload_has_room_for_tokens_or_passwords() {
    for entry in catalog() {
        let text = entry.schema.to_string().to_lowercase();
        for secret in ["token", "sealed", "secret", "\"password\""] {
            assert!(!text.contains(secret), "{} speaks of {secret}", entry.kind);
        }
    }
}

/// Asked of the official schema, by Node: see `scripts/node`.
#[test]
fn e1_the_asyncapi_document_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = folder().join("asyncapi.json").canonicalize().unwrap();
    let mut node = Command::new(root.join("scripts/node"));
    let output = node
        .arg("tests/node/asyncapi.mjs")
        .arg(&document)
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "[]");
}
