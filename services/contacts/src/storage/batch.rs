//! Writes that do not look at each other, sent together.

use sea_orm::{ConnectionTrait, DbErr, Value};
use usher_database::{Dialect, Transaction};

use super::rows::Rows;

/// Writes to be made together: on PostgreSQL with one statement and one round trip; on SQLite, which has neither round trips
/// nor writes inside of WITH, one after another. None of them sees what the others write, so each row is written once.
#[derive(Debug)]
pub(crate) struct Batch {
    dialect: Dialect,
    writes: Vec<(String, Vec<Value>)>,
}

impl Batch {
    pub(crate) fn new(tx: &Transaction) -> Self {
        Self {
            dialect: tx.dialect(),
            writes: Vec::new(),
        }
    }

    pub(super) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Adds a write; its parameters are numbered from 1.
    pub(super) fn add(&mut self, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.writes.push((sql.into(), values.into_iter().collect()));
    }

    /// Adds rows, if there are any.
    pub(super) fn rows<'r, R>(&mut self, table: &Rows<R>, rows: impl IntoIterator<Item = &'r R>) {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_some() {
            self.writes.push(table.insert(self.dialect, rows));
        }
    }

    /// Makes the writes.
    pub(crate) async fn run(self, tx: &Transaction) -> Result<(), DbErr> {
        let statements = match self.dialect {
            Dialect::Postgres => joined(self.writes).into_iter().collect(),
            Dialect::Sqlite => self.writes,
        };
        for (sql, values) in statements {
            tx.execute_raw(tx.statement(sql, values)).await?;
        }
        Ok(())
    }
}

/// All writes as one statement: the last one, after the others as its common table expressions.
fn joined(writes: Vec<(String, Vec<Value>)>) -> Option<(String, Vec<Value>)> {
    let mut values = Vec::new();
    let mut texts = Vec::with_capacity(writes.len());
    for (sql, own) in writes {
        texts.push(renumbered(&sql, values.len()));
        values.extend(own);
    }
    let last = texts.pop()?;
    let named = texts
        .iter()
        .enumerate()
        .map(|(index, text)| format!("w{index} AS ({text})"));
    let before = named.collect::<Vec<_>>().join(", ");
    let sql = if before.is_empty() {
        last
    } else {
        format!("WITH {before} {last}")
    };
    Some((sql, values))
}

/// The same statement with `by` added to the numbers of its parameters.
fn renumbered(sql: &str, by: usize) -> String {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(digits);
        text.push('$');
        match number.parse::<usize>() {
            Ok(number) => text.push_str(&(number + by).to_string()),
            Err(_) => text.push_str(number),
        }
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_become_one_statement_with_their_own_parameters() {
        let write = |sql: &str, values: &[i64]| {
            let values = values.iter().copied().map(Value::from).collect();
            (sql.to_owned(), values)
        };
        let all = vec![
            write("INSERT INTO a VALUES ($1, $2, $1)", &[7, 8]),
            write("DELETE FROM b WHERE id = $1::text::bigint", &[9]),
        ];
        let (sql, values) = joined(all).unwrap();
        assert_eq!(
            sql,
            "WITH w0 AS (INSERT INTO a VALUES ($1, $2, $1)) DELETE FROM b WHERE id = $3::text::bigint"
        );
        assert_eq!(values, [7_i64, 8, 9].map(Value::from));
        assert_eq!(joined(vec![write("SELECT 1", &[])]).unwrap().0, "SELECT 1");
        assert_eq!(joined(Vec::new()), None);
    }
}
