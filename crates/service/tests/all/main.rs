//! The frame from outside: what every process relies on.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of test functions"
)]

mod folder;
mod keys;
mod lifecycle;
mod principal;
mod settings;
mod transport;
mod wait;
