//! Scopes, pages and connections, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod suite;
