//! A span and a measurement for each statement: the semantic conventions for database clients. Statements have their values as
//! parameters, so their text says nothing of anybody.

use std::sync::LazyLock;
use std::time::Instant;

use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::Dialect;

static DURATIONS: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    let meter = global::meter("usher");
    let histogram = meter.f64_histogram("db.client.operation.duration").with_unit("s");
    histogram.with_description("How long statements took.").build()
});

/// A statement that is about to run.
pub(crate) struct Observed {
    system: &'static str,
    operation: String,
    begun: Instant,
    span: Span,
}

impl Observed {
    pub(crate) fn new(dialect: Dialect, sql: &str) -> Self {
        let system = match dialect {
            Dialect::Postgres => "postgresql",
            Dialect::Sqlite => "sqlite",
        };
        let operation = operation(sql);
        Self {
            span: span(system, &operation, sql),
            system,
            operation,
            begun: Instant::now(),
        }
    }

    /// Runs it.
    pub(crate) async fn around<T>(
        self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let done = work.instrument(self.span.clone()).await;
        let mut labels = vec![
            KeyValue::new("db.system.name", self.system),
            KeyValue::new("db.operation.name", self.operation),
        ];
        if let Err(error) = &done {
            let code = error.as_database_error().and_then(|error| error.code());
            if let Some(code) = &code {
                self.span.record("db.response.status_code", code.as_ref());
                labels.push(KeyValue::new("db.response.status_code", code.to_string()));
            }
            let kind = code.map_or_else(|| "_OTHER".to_owned(), |code| code.into_owned());
            self.span.record("error.type", &kind);
            self.span.record("otel.status_code", "ERROR");
            labels.push(KeyValue::new("error.type", kind));
        }
        DURATIONS.record(self.begun.elapsed().as_secs_f64(), &labels);
        done
    }
}

/// A part of what it is done for. What looks for work again and again is done for nobody, and has none.
fn span(system: &'static str, operation: &str, sql: &str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    let span = tracing::debug_span!(
        "statement",
        otel.name = Empty,
        otel.kind = "client",
        db.system.name = system,
        db.operation.name = operation,
        db.query.summary = Empty,
        db.query.text = sql,
        db.response.status_code = Empty,
        "error.type" = Empty,
        otel.status_code = Empty,
    );
    if !span.is_disabled() {
        let summary = summary(operation, sql);
        span.record("otel.name", &summary);
        span.record("db.query.summary", &summary);
    }
    span
}

/// The statement's first word: SELECT, INSERT, WITH and the like.
fn operation(sql: &str) -> String {
    let word = sql.split_whitespace().next().unwrap_or_default();
    word.to_ascii_uppercase()
}

/// What is done with which table first: "INSERT outbox".
fn summary(operation: &str, sql: &str) -> String {
    let mut words = sql.split_whitespace();
    while let Some(word) = words.next() {
        let leads = ["FROM", "INTO", "UPDATE"]
            .iter()
            .any(|lead| word.eq_ignore_ascii_case(lead));
        if leads && let Some(table) = words.next() {
            let mut names = table.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let table = names.find(|name| !name.is_empty()).unwrap_or_default();
            return format!("{operation} {table}").trim_end().to_owned();
        }
    }
    operation.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_a_statement_is_called_by_what_it_does_with_which_table() {
        for (sql, expected) in [
            ("SELECT id FROM contact WHERE id = $1", "SELECT contact"),
            ("INSERT INTO outbox (id) VALUES ($1)", "INSERT outbox"),
            ("insert into \"outbox\"(id) values ($1)", "INSERT outbox"),
            ("UPDATE batch SET a = 1", "UPDATE batch"),
            ("DELETE FROM session WHERE true", "DELETE session"),
            ("WITH due AS (SELECT 1 FROM message) SELECT 2", "WITH message"),
            ("SET LOCAL plan_cache_mode = force_custom_plan", "SET"),
        ] {
            assert_eq!(summary(&operation(sql), sql), expected);
        }
    }
}
