//! The schema of the service `contacts`.

use crate::Migration;

/// The service's own steps, after those of messaging.
///
/// ```
/// use usher_migrations::{Ddl, Migration};
///
/// fn example(ddl: &mut Ddl) {
///     ddl.run("CREATE TABLE example (id uuid PRIMARY KEY, organization_id uuid NOT NULL, name sorttext NOT NULL)");
///     ddl.run("CREATE INDEX example_name ON example (organization_id, name, id)");
///     ddl.tenant(&["example"]); // row security
///     ddl.postgres("CREATE INDEX …"); // where the dialects differ
///     ddl.sqlite("CREATE VIRTUAL TABLE …");
/// }
///
/// let steps = vec![Migration::new("0002_example", example)];
/// ```
#[must_use]
pub fn migrations() -> Vec<Migration> {
    Vec::new()
}
