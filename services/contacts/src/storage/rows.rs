//! Writing many rows of a table with one statement.

use sea_orm::Value;
use usher_database::{Column, Dialect, names, records};

/// A table and the columns of it that are written.
#[derive(Debug)]
pub(super) struct Rows<R: 'static> {
    pub(super) table: &'static str,
    pub(super) columns: &'static [Column<R>],
    /// What becomes of a row that is there already: empty, or `ON CONFLICT …`.
    pub(super) conflict: &'static str,
}

impl<R> Rows<R> {
    /// The statement that writes these rows, and its parameters.
    pub(super) fn insert<'r>(
        &self,
        dialect: Dialect,
        rows: impl IntoIterator<Item = &'r R>,
    ) -> (String, Vec<Value>) {
        let (from, values) = records(dialect, [], self.columns, rows);
        let (table, names, conflict) = (self.table, names(self.columns), self.conflict);
        // WHERE: else SQLite would take ON CONFLICT for a join's ON.
        let sql = format!("INSERT INTO {table} ({names}) SELECT {names} FROM {from} WHERE TRUE {conflict}");
        (sql, values)
    }

    /// The statement that overwrites those of these rows which are there already, where `condition` holds, and its
    /// parameters; the first column is the key, the written row is `r`.
    pub(super) fn update<'r>(
        &self,
        dialect: Dialect,
        rows: impl IntoIterator<Item = &'r R>,
        condition: &str,
    ) -> (String, Vec<Value>) {
        let (from, values) = records(dialect, [], self.columns, rows);
        let set: Vec<String> = self.columns[1..]
            .iter()
            .map(|column| format!("{name} = r.{name}", name = column.name()))
            .collect();
        let (table, set, key) = (self.table, set.join(", "), self.columns[0].name());
        let sql =
            format!("UPDATE {table} SET {set} FROM {from} WHERE {table}.{key} = r.{key} AND {condition}");
        (sql, values)
    }
}
