//! The schemas of all services. Each service's tables stand in a schema (PostgreSQL) or file (SQLite) of its own, with
//! its own history.
//!
//! - [`migrate`], [`migrate_all`] bring schemas up to date; several at once are safe.
//! - [`check`] is what a service does at its start: it refuses to serve a schema that it does not know (R3).
//! - [`status`] lists the steps.
//! - [`main`] is the program `usher-migrate`.
//! - A service's steps are a list of [`Migration`]s, each of which writes its statements into a [`Ddl`].

mod command;
pub mod contacts;
mod ddl;
mod error;
pub mod invitations;
pub mod messaging;
mod migration;
pub mod notifications;
mod postgres;
mod runner;
mod service;
mod version;

pub use command::{PROGRAM, main};
pub use ddl::Ddl;
pub use error::MigrateError;
pub use migration::Migration;
pub use runner::{migrate, migrate_all};
pub use service::Service;
pub use version::{SchemaError, Step, check, fingerprint, status};
