//! One text of DDL for both databases.

use usher_database::Dialect;

/// Portable type words and what they are on each database. The SQLite names keep sqlx's and sea-orm's readings right: ids
/// are 16-byte blobs, times RFC 3339 text, JSON text; none of them has numeric affinity, which would change values.
const TYPES: [(&str, &str, &str); 6] = [
    (
        "identity",
        "bigint GENERATED ALWAYS AS IDENTITY",
        "integer PRIMARY KEY AUTOINCREMENT",
    ),
    ("uuid", "uuid", "uuid_text"),
    ("timestamptz", "timestamptz", "timestamp_with_timezone_text"),
    ("jsonb", "jsonb", "jsonb_text"),
    ("bytea", "bytea", "blob"),
    // Sorts by code points on both, whatever the database's locale is.
    ("sorttext", "text COLLATE \"C\"", "text"),
];

/// Collects the statements of one migration.
///
/// Types to write: `uuid`, `timestamptz`, `text`, `sorttext` (for columns that lists are ordered by), `bigint`, `smallint`,
/// `boolean`, `jsonb`, `bytea`, and `identity` for a number that counts, which on SQLite is the primary key. These words are
/// replaced wherever they stand alone outside quotes, so no column has such a name.
#[derive(Debug)]
pub struct Ddl {
    dialect: Dialect,
    statements: Vec<String>,
}

impl Ddl {
    pub(crate) const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            statements: Vec::new(),
        }
    }

    pub(crate) fn into_statements(self) -> Vec<String> {
        self.statements
    }

    /// A statement for both databases.
    pub fn run(&mut self, statement: &str) -> &mut Self {
        self.statements.push(translate(self.dialect, statement));
        self
    }

    /// A statement for PostgreSQL only, verbatim.
    pub fn postgres(&mut self, statement: &str) -> &mut Self {
        self.only(Dialect::Postgres, statement)
    }

    /// A statement for SQLite only, verbatim.
    pub fn sqlite(&mut self, statement: &str) -> &mut Self {
        self.only(Dialect::Sqlite, statement)
    }

    /// Turns row security on for tables with a column `organization_id`: in an organization's scope only its rows are seen
    /// and written, in system scope all. Every table of an organization's data is named here.
    pub fn tenant(&mut self, tables: &[&str]) -> &mut Self {
        for table in tables {
            // The subselect is evaluated once a statement rather than once a row.
            let own = "(SELECT nullif(current_setting('usher.organization', true), '')::uuid)";
            self.postgres(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
            self.postgres(&format!(
                "CREATE POLICY organization ON {table} TO usher_service USING (organization_id = {own})"
            ));
            self.postgres(&format!(
                "CREATE POLICY everything ON {table} TO usher_system USING (true)"
            ));
        }
        self
    }

    /// Tables that only system scope may touch, for want of an organization.
    pub fn system_only(&mut self, tables: &[&str]) -> &mut Self {
        for table in tables {
            self.postgres(&format!("REVOKE ALL ON {table} FROM usher_service"));
        }
        self
    }

    fn only(&mut self, dialect: Dialect, statement: &str) -> &mut Self {
        if self.dialect == dialect {
            self.statements.push(statement.to_owned());
        }
        self
    }
}

/// Replaces the type words outside quotes.
fn translate(dialect: Dialect, statement: &str) -> String {
    let mut out = String::with_capacity(statement.len() + 64);
    for (index, part) in statement.split('\'').enumerate() {
        if index > 0 {
            out.push('\'');
        }
        // Every second part stands between quotes.
        if index % 2 == 1 {
            out.push_str(part);
        } else {
            words(dialect, part, &mut out);
        }
    }
    out
}

fn words(dialect: Dialect, text: &str, out: &mut String) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        out.push_str(type_name(dialect, word));
        let other = tail.find(is_word).unwrap_or(tail.len());
        out.push_str(&tail[..other]);
        rest = &tail[other..];
    }
}

fn type_name(dialect: Dialect, word: &str) -> &str {
    let Some((_, postgres, sqlite)) = TYPES.iter().find(|(name, ..)| *name == word) else {
        return word;
    };
    match dialect {
        Dialect::Postgres => postgres,
        Dialect::Sqlite => sqlite,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_words_are_replaced_outside_quotes_only() {
        let text =
            "CREATE TABLE t (n identity, id uuid NOT NULL, uuid_of text DEFAULT 'uuid', at timestamptz)";
        assert_eq!(
            translate(Dialect::Sqlite, text),
            "CREATE TABLE t (n integer PRIMARY KEY AUTOINCREMENT, id uuid_text NOT NULL, uuid_of text DEFAULT 'uuid', \
             at timestamp_with_timezone_text)"
        );
        assert_eq!(
            translate(Dialect::Postgres, text),
            "CREATE TABLE t (n bigint GENERATED ALWAYS AS IDENTITY, id uuid NOT NULL, uuid_of text DEFAULT 'uuid', \
             at timestamptz)"
        );
    }
}
