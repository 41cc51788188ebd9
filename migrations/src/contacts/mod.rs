//! The schema of the service `contacts`.

mod inbound;

use crate::{Ddl, Migration};

/// The service's own steps, after those of messaging.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    vec![
        Migration::new("0002_contacts", contacts),
        Migration::new("0003_inbound", inbound::up),
    ]
}

fn contacts(ddl: &mut Ddl) {
    for statement in statements(include_str!("tables.sql")) {
        ddl.run(&statement);
    }
    ddl.tenant(&[
        "organization",
        "contact",
        "contact_search",
        "contact_tag",
        "contact_portal",
        "address_state",
        "account",
        "account_tag",
        "link",
        "segment",
        "activity",
    ]);
    // Search looks up three letters at a time on both databases; on PostgreSQL within one organization.
    ddl.postgres("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public");
    ddl.postgres("CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA public");
    for statement in statements(include_str!("postgres.sql")) {
        ddl.postgres(&statement);
    }
    for statement in include_str!("sqlite.sql").split("\n\n") {
        ddl.sqlite(&without_comments(statement));
    }
}

/// The statements of a file, without its comments.
fn statements(file: &str) -> impl Iterator<Item = String> {
    without_comments(file)
        .split(';')
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

fn without_comments(file: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("--");
    file.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}
