//! Many rows as parameters of one statement, whose text does not depend on how many there are: it is prepared once.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::{Value, sea_query::ArrayType};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::Dialect;

/// A column of such rows: its name, its type, and how a row's value is read.
#[derive(Debug)]
pub struct Column<R> {
    name: &'static str,
    read: Read<R>,
}

macro_rules! columns {
    ($($(#[$doc:meta])* $constructor:ident: $variant:ident($read:ty),)*) => {
        #[derive(Debug)]
        enum Read<R> {
            $($variant($read),)*
        }

        impl<R> Column<R> {
            $($(#[$doc])*
            #[must_use]
            pub const fn $constructor(name: &'static str, read: $read) -> Self {
                Self { name, read: Read::$variant(read) }
            })*
        }
    };
}

columns! {
    /// An id.
    uuid: Uuid(fn(&R) -> Uuid),
    /// An id, or NULL.
    uuid_option: UuidOption(fn(&R) -> Option<Uuid>),
    /// A text.
    text: Text(fn(&R) -> &str),
    /// A text, or NULL.
    text_option: TextOption(fn(&R) -> Option<&str>),
    /// A text that is made for the statement.
    string: String(fn(&R) -> String),
    /// A list of texts: jsonb on PostgreSQL, JSON text on SQLite.
    texts: Texts(fn(&R) -> &[String]),
    /// A whole number.
    number: Number(fn(&R) -> i64),
    /// A truth value.
    flag: Flag(fn(&R) -> bool),
    /// A moment.
    time: Time(fn(&R) -> DateTime<Utc>),
    /// A moment, or NULL.
    time_option: TimeOption(fn(&R) -> Option<DateTime<Utc>>),
    /// Bytes.
    bytes: Bytes(fn(&R) -> &[u8]),
}

/// The names of columns, for INSERT and SELECT lists.
#[must_use]
pub fn names<R>(columns: &[Column<R>]) -> String {
    let names: Vec<&str> = columns.iter().map(Column::name).collect();
    names.join(", ")
}

/// The rows as a FROM item of the name `r`, and all parameters of the statement: first the `fixed` ones, `$1` and so on,
/// then those that the FROM item reads.
#[must_use]
pub fn records<'r, R: 'r>(
    dialect: Dialect,
    fixed: impl IntoIterator<Item = Value>,
    columns: &[Column<R>],
    rows: impl IntoIterator<Item = &'r R>,
) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = fixed.into_iter().collect();
    let first = values.len() + 1;
    let from = match dialect {
        Dialect::Postgres => {
            let rows: Vec<&R> = rows.into_iter().collect();
            values.extend(columns.iter().map(|column| column.array(&rows)));
            arrays(columns, first)
        }
        Dialect::Sqlite => {
            let row = |row| columns.iter().map(|column| json(column.value(row))).collect();
            let rows: Vec<Json> = rows.into_iter().map(row).collect();
            values.push(Json::Array(rows).to_string().into());
            elements(columns, first)
        }
    };
    (from, values)
}

/// PostgreSQL does not see how long the arrays are, for they stand in subselects: it would read a whole large table for some hundred
/// rows, which takes longer than to look them up.
fn arrays<R>(columns: &[Column<R>], first: usize) -> String {
    let numbered = columns.iter().zip(first..);
    let arrays: Vec<String> = numbered
        .map(|(column, number)| format!("(SELECT ${number}::{}[])", column.kind().0))
        .collect();
    format!("unnest({}) AS r({})", arrays.join(", "), names(columns))
}

fn elements<R>(columns: &[Column<R>], number: usize) -> String {
    let element = |(index, column): (usize, &Column<R>)| {
        let value = match column.read {
            Read::Uuid(_) | Read::UuidOption(_) | Read::Bytes(_) => format!("unhex(value->>{index})"),
            Read::Texts(_) => format!("value->{index}"),
            _ => format!("value->>{index}"),
        };
        format!("{value} AS {}", column.name)
    };
    let elements: Vec<String> = columns.iter().enumerate().map(element).collect();
    format!("(SELECT {} FROM json_each(${number})) AS r", elements.join(", "))
}

impl<R> Column<R> {
    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its type in PostgreSQL.
    const fn kind(&self) -> (&'static str, ArrayType) {
        match self.read {
            Read::Uuid(_) | Read::UuidOption(_) => ("uuid", ArrayType::Uuid),
            Read::Text(_) | Read::TextOption(_) | Read::String(_) => ("text", ArrayType::String),
            Read::Texts(_) => ("jsonb", ArrayType::Json),
            Read::Number(_) => ("bigint", ArrayType::BigInt),
            Read::Flag(_) => ("boolean", ArrayType::Bool),
            Read::Time(_) | Read::TimeOption(_) => ("timestamptz", ArrayType::ChronoDateTimeUtc),
            Read::Bytes(_) => ("bytea", ArrayType::Bytes),
        }
    }

    fn value(&self, row: &R) -> Value {
        match self.read {
            Read::Uuid(read) => read(row).into(),
            Read::UuidOption(read) => read(row).into(),
            Read::Text(read) => read(row).into(),
            Read::TextOption(read) => read(row).map(str::to_owned).into(),
            Read::String(read) => read(row).into(),
            Read::Texts(read) => Json::from(read(row)).into(),
            Read::Number(read) => read(row).into(),
            Read::Flag(read) => read(row).into(),
            Read::Time(read) => read(row).into(),
            Read::TimeOption(read) => read(row).into(),
            Read::Bytes(read) => read(row).into(),
        }
    }

    fn array(&self, rows: &[&R]) -> Value {
        let values = rows.iter().map(|row| self.value(row)).collect();
        Value::Array(self.kind().1, Some(Box::new(values)))
    }
}

/// A value as [`elements`] reads it.
fn json(value: Value) -> Json {
    match value {
        Value::Uuid(Some(id)) => id.simple().to_string().into(),
        Value::String(Some(text)) => text.into(),
        Value::Json(Some(json)) => *json,
        Value::BigInt(Some(number)) => number.into(),
        Value::Bool(Some(flag)) => flag.into(),
        // the form that sqlx writes times in on SQLite
        Value::ChronoDateTimeUtc(Some(at)) => at.to_rfc3339_opts(SecondsFormat::AutoSi, false).into(),
        Value::Bytes(Some(bytes)) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            digits.collect::<String>().into()
        }
        _ => Json::Null,
    }
}
