//! The schema of the last release is kept, and what was released goes on working.

use std::path::Path;

use super::field::node;

const RELEASED: &str = include_str!("../../released.graphql");
const CHANGELOG: &str = include_str!("../../../CHANGELOG.md");

async fn breaks(released: &Path, new: &Path) -> String {
    let [released, new] = [released, new].map(|path| path.to_str().unwrap());
    node("breaking.mjs", &[released, new]).await
}

#[test]
fn the_kept_schema_is_that_of_the_last_release() {
    let versions = CHANGELOG.lines().filter_map(|line| line.strip_prefix("## ["));
    let newest = versions
        .filter_map(|line| line.split_once(']'))
        .map(|(version, _)| version)
        .find(|version| *version != "Unreleased")
        .unwrap_or("Unreleased");
    assert_eq!(
        RELEASED.lines().next().unwrap(),
        format!("# {newest}"),
        "gateway/released.graphql is not that of the last release: run `make released`"
    );
}

#[tokio::test]
async fn nothing_that_was_released_is_broken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = breaks(&folder.join("released.graphql"), &folder.join("schema.graphql")).await;
    assert_eq!(found, "");
}

#[tokio::test]
async fn what_goes_without_being_announced_or_before_its_day_is_a_break() {
    let folder = tempfile::tempdir().unwrap();
    let (released, new) = (
        folder.path().join("released.graphql"),
        folder.path().join("new.graphql"),
    );
    let old =
        "type Query { kept(of: Int): Colour gone: Int announced: Int @deprecated(reason: \"Use kept. Removed after 2020-06-30.\")
        vague: Int @deprecated(reason: \"Use kept.\") early: Int @deprecated(reason: \"Use kept. Removed after 9999-12-31.\") }
        enum Colour { RED GREEN BLUE @deprecated(reason: \"Use GREEN. Removed after 2020-06-30.\") }";
    std::fs::write(&released, old).unwrap();
    std::fs::write(&new, "type Query { kept(of: Int!): Colour } enum Colour { RED }").unwrap();
    let found = breaks(&released, &new).await;
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "ARG_CHANGED_KIND: Query.kept arg of has changed type from Int to Int!.",
            "FIELD_REMOVED: Query.early was removed.",
            "FIELD_REMOVED: Query.gone was removed.",
            "FIELD_REMOVED: Query.vague was removed.",
            "VALUE_REMOVED_FROM_ENUM: GREEN was removed from enum type Colour."
        ]
    );
}
