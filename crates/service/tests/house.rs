//! The walls of the house, over `cargo metadata`: imports run down only, and some crates have one room alone.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of test functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// What each room may use, and nothing beside. Tests, the benchmark, the operator's commands and the binary `usher` may use everything;
/// test kits stand outside because only dev-dependencies name them.
const MAY_USE: &[(&str, &[&str])] = &[
    ("usher-types", &[]),
    ("usher-tls", &[]),
    ("usher-oidc", &["usher-tls", "usher-types"]),
    ("usher-text", &["usher-types"]),
    ("usher-events", &["usher-types"]),
    ("usher-proto", &["usher-types"]),
    (
        "usher-auth",
        &["usher-events", "usher-text", "usher-proto", "usher-types"],
    ),
    (
        "usher-database",
        &[
            "usher-tls",
            "usher-events",
            "usher-text",
            "usher-proto",
            "usher-types",
        ],
    ),
    (
        "usher-messaging",
        &[
            "usher-tls",
            "usher-database",
            "usher-auth",
            "usher-events",
            "usher-proto",
            "usher-types",
        ],
    ),
    (
        "usher-service",
        &[
            "usher-tls",
            "usher-auth",
            "usher-events",
            "usher-text",
            "usher-proto",
            "usher-types",
        ],
    ),
    (
        "usher-migrations",
        &[
            "usher-tls",
            "usher-messaging",
            "usher-service",
            "usher-database",
            "usher-auth",
            "usher-events",
            "usher-types",
        ],
    ),
    (
        "usher-parts",
        &[
            "usher-tls",
            "usher-migrations",
            "usher-messaging",
            "usher-service",
            "usher-database",
            "usher-auth",
            "usher-proto",
            "usher-types",
            "usher-events",
        ],
    ),
    (
        "usher-gateway",
        &[
            "usher-service",
            "usher-auth",
            "usher-events",
            "usher-text",
            "usher-proto",
            "usher-types",
        ],
    ),
    ("usher-contacts", SERVICE),
    ("usher-invitations", SERVICE),
    ("usher-notifications", SERVICE),
];

/// What a service may use: everything below it, and of the services nothing. Of the migrations it uses the version that
/// it must find (R3).
const SERVICE: &[&str] = &[
    "usher-tls",
    "usher-oidc",
    "usher-parts",
    "usher-migrations",
    "usher-messaging",
    "usher-service",
    "usher-database",
    "usher-auth",
    "usher-events",
    "usher-text",
    "usher-proto",
    "usher-types",
];

/// Crates of others that one room alone may name.
const ONE_ROOM: &[(&str, &str)] = &[
    ("lapin", "usher-messaging"),
    ("lettre", "usher-notifications"),
    ("hyper-rustls", "usher-oidc"),
    ("usher-oidc", "usher-invitations"),
    ("async-graphql", "usher-gateway"),
];

/// What must not be anywhere in the gateway's tree.
const NOT_IN_GATEWAY: &[&str] = &["sea-orm", "sqlx", "sqlx-core", "lapin", "lettre"];

/// Words that a pure domain has no use for.
const NOT_IN_DOMAIN: &[&str] = &[
    "async", "await", "sea_orm", "sqlx", "tokio", "tonic", "lapin", "std::fs",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// What is built on this machine. Without the filter cargo would want the crates of all other platforms, too, which a
/// machine that has only built has never downloaded.
fn metadata() -> Metadata {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &host()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn host() -> String {
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// Our own crates with what they name: name → (dependency, whether for development only).
fn ours(metadata: &Metadata) -> BTreeMap<&str, Vec<(&str, bool)>> {
    let members = metadata
        .packages
        .iter()
        .filter(|package| metadata.workspace_members.contains(&package.id));
    members
        .map(|package| {
            let names = package.dependencies.iter();
            let named = names.map(|dependency| {
                (
                    dependency.name.as_str(),
                    dependency.kind.as_deref() == Some("dev"),
                )
            });
            (package.name.as_str(), named.collect())
        })
        .collect()
}

#[test]
fn imports_run_down_only() {
    let metadata = metadata();
    let rooms: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut broken = BTreeSet::new();
    for (name, dependencies) in ours(&metadata) {
        let Some(allowed) = rooms.get(name) else { continue };
        for (dependency, development) in dependencies {
            if !development && dependency.starts_with("usher") && !allowed.contains(&dependency) {
                broken.insert(format!("{name} -> {dependency}"));
            }
        }
    }
    assert_eq!(broken, BTreeSet::new());
}

#[test]
fn every_crate_has_its_room() {
    let free = [
        "usher",
        "usher-operator",
        "usher-tests",
        "usher-bench",
        "usher-testkit",
    ];
    let metadata = metadata();
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).chain(free).collect();
    let ours: BTreeSet<&str> = ours(&metadata).into_keys().collect();
    assert_eq!(ours, known);
}

#[test]
fn no_service_knows_another_not_even_in_its_tests() {
    let services = [
        "usher-contacts",
        "usher-invitations",
        "usher-notifications",
        "usher-gateway",
    ];
    let metadata = metadata();
    let mut broken = BTreeSet::new();
    for (name, dependencies) in ours(&metadata)
        .into_iter()
        .filter(|(name, _)| services.contains(name))
    {
        for (dependency, _) in dependencies {
            if services.contains(&dependency) {
                broken.insert(format!("{name} -> {dependency}"));
            }
        }
    }
    assert_eq!(broken, BTreeSet::new());
}

#[test]
fn some_crates_have_one_room_alone() {
    let metadata = metadata();
    let mut broken = BTreeSet::new();
    for (name, dependencies) in ours(&metadata) {
        for (dependency, development) in dependencies {
            let owner = ONE_ROOM
                .iter()
                .find(|(theirs, _)| *theirs == dependency)
                .map(|(_, owner)| *owner);
            // tests may look at the broker and the mail from outside
            if owner.is_some_and(|owner| owner != name) && !development && !is_for_tests(name) {
                broken.insert(format!("{name} -> {dependency}"));
            }
        }
    }
    assert_eq!(broken, BTreeSet::new());
}

fn is_for_tests(name: &str) -> bool {
    ["usher-testkit", "usher-tests", "usher-bench"].contains(&name)
}

#[test]
fn the_gateway_knows_no_database_and_no_broker() {
    let metadata = metadata();
    let name_of: BTreeMap<&str, &str> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect();
    let tree = tree_of("usher-gateway", &metadata, &name_of);
    assert!(tree.contains("async-graphql"), "the walk is broken");
    let found: Vec<&str> = NOT_IN_GATEWAY
        .iter()
        .copied()
        .filter(|name| tree.contains(name))
        .collect();
    assert_eq!(found, Vec::<&str>::new());
}

/// Everything that is linked into a crate.
fn tree_of<'a>(
    root: &str,
    metadata: &'a Metadata,
    name_of: &BTreeMap<&'a str, &'a str>,
) -> BTreeSet<&'a str> {
    let nodes: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let mut open: Vec<&str> = name_of
        .iter()
        .filter(|(_, name)| **name == root)
        .map(|(id, _)| *id)
        .collect();
    let mut seen: BTreeSet<&str> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        for dependency in &nodes[id].deps {
            let linked = dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
            if linked && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    seen.into_iter().map(|id| name_of[id]).collect()
}

#[test]
fn domains_are_pure() {
    let root = metadata().workspace_root;
    let mut broken = Vec::new();
    for service in ["contacts", "invitations", "notifications"] {
        for file in sources(&root.join("services").join(service).join("src/domain")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in NOT_IN_DOMAIN.iter().filter(|word| has_word(code, word)) {
                    broken.push(format!("{}:{}: {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

fn has_word(code: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].ends_with(part_of_word) && !code[at + word.len()..].starts_with(part_of_word)
    })
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    found.sort();
    found
}
