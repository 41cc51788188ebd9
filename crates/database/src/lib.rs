//! Connections, scopes, transactions and keyset pages.
//!
//! ```no_run
//! # use usher_database::{Database, DatabaseSettings, Scope};
//! # use sea_orm::ConnectionTrait;
//! # async fn example(organization: usher_types::OrganizationId) -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::connect(&DatabaseSettings::new("sqlite://data"), "contacts").await?;
//! let tx = database.write(Scope::Organization(organization)).await?;
//! tx.execute_raw(tx.statement("UPDATE contact SET name = $1 WHERE id = $2", ["Ada".into(), 7.into()])).await?;
//! tx.commit().await?; // dropping rolls back
//! # Ok(())
//! # }
//! ```
//!
//! - [`Database::read`] and [`Database::write`] are the only ways to a statement; both take a [`Scope`].
//! - [`Transaction`] implements sea-orm's `ConnectionTrait` and `StreamTrait`; [`Transaction::statement`] makes raw ones.
//! - [`Dialect`] has what differs: the clock of leases, `IN` with one parameter, `SKIP LOCKED`.
//! - [`records()`] gives a statement many rows.
//! - [`Server`] is what an operator wants to know of PostgreSQL.
//! - [`keyset`] pages through ordered rows.
//! - [`is_unique_violation`], [`is_unavailable`], [`is_conflict`] tell errors apart.

mod bind;
mod connect;
mod database;
mod dialect;
mod error;
pub mod keyset;
mod observe;
mod records;
mod scope;
mod server;
mod settings;
mod transaction;
mod wake;

pub use database::Database;
pub use dialect::Dialect;
pub use error::{ConnectError, database_code, is_conflict, is_unavailable, is_unique_violation};
pub use records::{Column, names, records};
pub use scope::{Scope, SystemReason};
pub use server::Server;
pub use settings::DatabaseSettings;
pub use transaction::Transaction;
pub use wake::{Wake, Waking};
