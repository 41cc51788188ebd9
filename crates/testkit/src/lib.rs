//! What tests of several crates need: databases of their own, on both dialects.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod broker;
mod database;
mod dialects;
pub mod mail;
mod postgres;
mod sqlite;

pub use broker::{broker_prefix, published};
pub use database::TestDatabase;
#[doc(hidden)]
pub use dialects::block_on;
