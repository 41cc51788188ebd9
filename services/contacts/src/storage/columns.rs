//! Reading rows by position, in the order of the SELECT list.

use std::str::FromStr;

use sea_orm::{DbErr, QueryResult, TryGetable};
use uuid::Uuid;

/// Columns of one table, under its name or alias. SQLite's RETURNING knows a table by its own name alone.
pub(super) fn named(of: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{of}.{name}")).collect();
    names.join(", ")
}

/// Reads one row from left to right.
pub(super) struct Columns<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(super) const fn of(row: &'a QueryResult) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(super) fn get<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let value = self.row.try_get_by_index(self.next);
        self.next += 1;
        value
    }

    /// The next column as an id.
    pub(super) fn id<T: From<Uuid>>(&mut self) -> Result<T, DbErr> {
        self.get::<Uuid>().map(T::from)
    }

    /// The next column as a name of a closed set.
    pub(super) fn name<T>(&mut self) -> Result<T, DbErr>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        parse(&self.get::<String>()?)
    }

    /// The next column as a name of a closed set, where there is one.
    pub(super) fn optional_name<T>(&mut self) -> Result<Option<T>, DbErr>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        self.get::<Option<String>>()?.map(|name| parse(&name)).transpose()
    }

    /// The next column as a JSON list of texts.
    pub(super) fn texts(&mut self) -> Result<Vec<String>, DbErr> {
        let json = self.get::<serde_json::Value>()?;
        serde_json::from_value(json).map_err(|error| DbErr::Json(error.to_string()))
    }

    /// The next column as a JSON list of ids.
    pub(super) fn ids<T: From<Uuid>>(&mut self) -> Result<Vec<T>, DbErr> {
        let read = |text: String| Uuid::parse_str(&text).map(T::from);
        let ids: Result<_, _> = self.texts()?.into_iter().map(read).collect();
        ids.map_err(|error| DbErr::Type(error.to_string()))
    }
}

fn parse<T>(name: &str) -> Result<T, DbErr>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    name.parse()
        .map_err(|error: T::Err| DbErr::Type(error.to_string()))
}
