//! Where the two databases differ in SQL that the services write themselves.

use sea_orm::{DbBackend, Value};
use uuid::Uuid;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A SQLite file.
    Sqlite,
    /// PostgreSQL 15 or later.
    Postgres,
}

impl Dialect {
    /// sea-orm's name for it, for `Statement::from_sql_and_values`.
    #[must_use]
    pub const fn backend(self) -> DbBackend {
        match self {
            Self::Sqlite => DbBackend::Sqlite,
            Self::Postgres => DbBackend::Postgres,
        }
    }

    /// The database's own clock, of type timestamptz, fixed for a statement. Leases compare with it, so that replicas
    /// with wrong clocks do not steal from each other; rules compare with the `Clock` argument.
    #[must_use]
    pub const fn now(self) -> &'static str {
        match self {
            // Three digits of a second sort correctly among chrono's none, three, six or nine.
            Self::Sqlite => "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
            Self::Postgres => "statement_timestamp()",
        }
    }

    /// The database's own clock `milliseconds` later (or earlier, if negative).
    #[must_use]
    pub fn now_plus(self, milliseconds: i64) -> String {
        match self {
            Self::Sqlite => {
                let sign = if milliseconds < 0 { '-' } else { '+' };
                let (seconds, rest) = (
                    milliseconds.unsigned_abs() / 1000,
                    milliseconds.unsigned_abs() % 1000,
                );
                format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '{sign}{seconds}.{rest:03} seconds')")
            }
            Self::Postgres => format!("(statement_timestamp() + interval '{milliseconds} milliseconds')"),
        }
    }

    /// `FOR UPDATE SKIP LOCKED` where there is such a thing. On SQLite a write transaction is alone anyway.
    #[must_use]
    pub const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// A condition `column IN (ids)` whose text does not depend on how many ids there are, so that the statement is
    /// prepared once: put [`Dialect::uuids`] at parameter `position`. On PostgreSQL the subselect reads the text once a
    /// statement; a bare cast would be read again for each row where the condition filters a scan.
    #[must_use]
    pub fn in_uuids(self, column: &str, position: usize) -> String {
        match self {
            Self::Sqlite => format!("{column} IN (SELECT unhex(value) FROM json_each(${position}))"),
            Self::Postgres => format!("{column} = ANY((SELECT ${position}::text::uuid[])::uuid[])"),
        }
    }

    /// Many ids as the one parameter that [`Dialect::in_uuids`] wants.
    #[must_use]
    pub fn uuids(self, ids: impl IntoIterator<Item = Uuid>) -> Value {
        let (open, close, quote) = match self {
            Self::Sqlite => ('[', ']', "\""),
            Self::Postgres => ('{', '}', ""),
        };
        let mut text = String::from(open);
        for (index, id) in ids.into_iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(quote);
            text.push_str(id.as_simple().encode_lower(&mut Uuid::encode_buffer()));
            text.push_str(quote);
        }
        text.push(close);
        text.into()
    }

    /// A condition `column IN (numbers)` with one parameter, see [`Dialect::bigints`].
    #[must_use]
    pub fn in_bigints(self, column: &str, position: usize) -> String {
        match self {
            Self::Sqlite => format!("{column} IN (SELECT value FROM json_each(${position}))"),
            Self::Postgres => format!("{column} = ANY((SELECT ${position}::text::bigint[])::bigint[])"),
        }
    }

    /// Many numbers as the one parameter that [`Dialect::in_bigints`] wants.
    #[must_use]
    pub fn bigints(self, numbers: impl IntoIterator<Item = i64>) -> Value {
        let joined = numbers
            .into_iter()
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
            .join(",");
        match self {
            Self::Sqlite => format!("[{joined}]").into(),
            Self::Postgres => format!("{{{joined}}}").into(),
        }
    }

    /// A uuid out of a JSON text expression: `unhex` of its digits on SQLite, a cast on PostgreSQL.
    #[must_use]
    pub fn uuid_from_text(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("unhex(replace({expression}, '-', ''))"),
            Self::Postgres => format!("({expression})::uuid"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_travel_as_one_parameter() {
        let ids = [Uuid::from_u128(1), Uuid::from_u128(0xabc)];
        assert_eq!(
            Dialect::Postgres.uuids(ids),
            "{00000000000000000000000000000001,00000000000000000000000000000abc}".into()
        );
        assert_eq!(
            Dialect::Sqlite.uuids(ids),
            r#"["00000000000000000000000000000001","00000000000000000000000000000abc"]"#.into()
        );
        assert_eq!(Dialect::Sqlite.bigints([3, -4]), "[3,-4]".into());
        assert_eq!(Dialect::Postgres.bigints([]), "{}".into());
    }

    #[test]
    fn a_moment_before_now_is_written_with_its_sign() {
        assert_eq!(
            Dialect::Sqlite.now_plus(-1500),
            "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-1.500 seconds')"
        );
        assert_eq!(
            Dialect::Postgres.now_plus(250),
            "(statement_timestamp() + interval '250 milliseconds')"
        );
    }
}
