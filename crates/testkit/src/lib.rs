//! What tests of several crates need: databases of their own, on both dialects, and queues of their own.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

mod background;
mod contract;
mod counted;
mod database;
mod dialects;
pub mod mail;
mod outbox;
mod postgres;
mod prefix;
mod sqlite;
pub mod tls;

pub use contract::keeps_the_contract;
pub use counted::counted;
pub use database::TestDatabase;
#[doc(hidden)]
pub use dialects::block_on;
pub use outbox::published;
pub use prefix::BrokerPrefix;
