//! Many rows as one parameter: a statement's text does not depend on how many there are, so it is prepared once.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::Value;
use serde_json::Value as Json;
use usher_database::Dialect;

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Id,
    Text,
    Texts,
    Flag,
    Number,
    Moment,
}

impl Kind {
    const fn postgres(self) -> &'static str {
        match self {
            Self::Id => "uuid",
            Self::Text => "text",
            Self::Texts => "jsonb",
            Self::Flag => "boolean",
            Self::Number => "bigint",
            Self::Moment => "timestamptz",
        }
    }

    fn sqlite(self, column: &str) -> String {
        match self {
            Self::Id => format!("unhex(value->>'{column}', '-')"),
            Self::Texts => format!("value->'{column}'"),
            Self::Text | Self::Flag | Self::Number | Self::Moment => format!("value->>'{column}'"),
        }
    }
}

/// A table and the columns of it that are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub(super) table: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    /// What becomes of a row that is there already: empty, or `ON CONFLICT …`.
    pub(super) conflict: &'static str,
}

impl Rows {
    /// The statement that writes the rows of `$1`, see [`many`].
    pub(super) fn insert(&self, dialect: Dialect) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        let (table, conflict) = (self.table, self.conflict);
        match dialect {
            Dialect::Postgres => {
                let typed: Vec<String> = self
                    .columns
                    .iter()
                    .map(|(name, kind)| format!("{name} {}", kind.postgres()))
                    .collect();
                let typed = typed.join(", ");
                format!(
                    "INSERT INTO {table} ({names}) SELECT {names} FROM json_to_recordset($1::text::json) AS r({typed}) \
                     {conflict}"
                )
            }
            Dialect::Sqlite => {
                let read: Vec<String> = self
                    .columns
                    .iter()
                    .map(|(name, kind)| kind.sqlite(name))
                    .collect();
                let read = read.join(", ");
                // WHERE: else SQLite would take ON CONFLICT for a join's ON.
                format!(
                    "INSERT INTO {table} ({names}) SELECT {read} FROM json_each($1) WHERE TRUE {conflict}"
                )
            }
        }
    }
}

/// The rows as the one parameter: objects with the columns' names.
pub(super) fn many(rows: impl IntoIterator<Item = Json>) -> Value {
    Json::Array(rows.into_iter().collect()).to_string().into()
}

/// A moment in the form that SQLite's columns hold.
pub(super) fn moment(at: DateTime<Utc>) -> Json {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false).into()
}
