//! The service from outside: letters in, mails and events out; on SQLite and on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of test functions"
)]

#[path = "all/ahead.rs"]
mod ahead;
#[path = "all/api.rs"]
mod api;
#[path = "all/bench.rs"]
mod bench;
#[path = "all/cancel.rs"]
mod cancel;
#[path = "all/crash.rs"]
mod crash;
#[path = "all/deliver.rs"]
mod deliver;
#[path = "all/hold.rs"]
mod hold;
#[path = "all/mails.rs"]
mod mails;
#[path = "all/plans.rs"]
mod plans;
#[path = "all/retention.rs"]
mod retention;
#[path = "all/service.rs"]
mod service;
#[path = "all/tls.rs"]
mod tls;
#[path = "all/trouble.rs"]
mod trouble;
