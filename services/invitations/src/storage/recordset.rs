//! Many rows as one parameter, so that a set-based statement is prepared once whatever their number.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::DbErr;
use serde::{Serialize, Serializer};
use usher_database::Dialect;
use uuid::Uuid;

/// A column of a recordset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Uuid,
    Text,
    BigInt,
    Boolean,
    Time,
    Bytes,
}

/// A FROM item named `r` with these columns, read from the JSON text at `$parameter`.
pub(super) fn recordset(dialect: Dialect, parameter: usize, columns: &[(&str, Kind)]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|(name, kind)| column(dialect, name, *kind))
        .collect();
    let columns = columns.join(", ");
    match dialect {
        Dialect::Postgres => format!("json_to_recordset(${parameter}::text::json) AS r({columns})"),
        Dialect::Sqlite => format!("(SELECT {columns} FROM json_each(${parameter})) AS r"),
    }
}

fn column(dialect: Dialect, name: &str, kind: Kind) -> String {
    let postgres = match kind {
        Kind::Uuid => "uuid",
        Kind::Text => "text",
        Kind::BigInt => "bigint",
        Kind::Boolean => "boolean",
        Kind::Time => "timestamptz",
        Kind::Bytes => "bytea",
    };
    match (dialect, kind) {
        (Dialect::Postgres, _) => format!("{name} {postgres}"),
        (Dialect::Sqlite, Kind::Uuid) => format!("unhex(value->>'{name}') AS {name}"),
        // PostgreSQL's input form of bytea begins with \x
        (Dialect::Sqlite, Kind::Bytes) => format!("unhex(substr(value->>'{name}', 3)) AS {name}"),
        (Dialect::Sqlite, _) => format!("value->>'{name}' AS {name}"),
    }
}

/// The names of columns, for INSERT and SELECT lists.
pub(super) fn names(columns: &[(&str, Kind)]) -> String {
    columns
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The parameter itself.
pub(super) fn json(rows: &[impl Serialize]) -> Result<sea_orm::Value, DbErr> {
    serde_json::to_string(rows)
        .map(Into::into)
        .map_err(|error| DbErr::Json(error.to_string()))
}

pub(super) fn uuid<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.as_simple())
}

pub(super) fn uuid_option<S: Serializer>(id: &Option<Uuid>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => uuid(id, serializer),
        None => serializer.serialize_none(),
    }
}

/// The form that sqlx writes times in on SQLite.
pub(super) fn time<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::AutoSi, false))
}

pub(super) fn time_option<S: Serializer>(
    at: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => time(at, serializer),
        None => serializer.serialize_none(),
    }
}

pub(super) fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        // writing to a String does not fail
        let _ = write!(text, "{byte:02x}");
    }
    serializer.serialize_str(&text)
}
