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
        let (table, names, conflict) = (self.table, names.join(", "), self.conflict);
        // WHERE: else SQLite would take ON CONFLICT for a join's ON.
        format!(
            "INSERT INTO {table} ({names}) SELECT {names} FROM {} WHERE TRUE {conflict}",
            self.records(dialect)
        )
    }

    /// The statement that overwrites the rows of `$1` which are there already, where `condition` holds; the first column is the
    /// key, the written row is `r`.
    pub(super) fn update(&self, dialect: Dialect, condition: &str) -> String {
        let set: Vec<String> = self.columns[1..]
            .iter()
            .map(|(name, _)| format!("{name} = r.{name}"))
            .collect();
        let (table, set, key) = (self.table, set.join(", "), self.columns[0].0);
        format!(
            "UPDATE {table} SET {set} FROM {} WHERE {table}.{key} = r.{key} AND {condition}",
            self.records(dialect)
        )
    }

    /// The rows of `$1` as the table `r`.
    fn records(&self, dialect: Dialect) -> String {
        let column = |(name, kind): &(&str, Kind)| match dialect {
            Dialect::Postgres => format!("{name} {}", kind.postgres()),
            Dialect::Sqlite => format!("{} AS {name}", kind.sqlite(name)),
        };
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        let columns = columns.join(", ");
        match dialect {
            Dialect::Postgres => format!("json_to_recordset($1::text::json) AS r({columns})"),
            Dialect::Sqlite => format!("(SELECT {columns} FROM json_each($1)) AS r"),
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
