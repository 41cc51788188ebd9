//! The service from outside: gRPC in, rows and events out, on SQLite and on PostgreSQL.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "suite/access.rs"]
mod access;
#[path = "suite/accounts.rs"]
mod accounts;
#[path = "suite/addresses.rs"]
mod addresses;
#[path = "suite/bench.rs"]
mod bench;
#[path = "suite/company_first.rs"]
mod company_first;
#[path = "suite/contacts.rs"]
mod contacts;
#[path = "suite/fixtures.rs"]
mod fixtures;
#[path = "suite/inbound.rs"]
mod inbound;
#[path = "suite/kinds.rs"]
mod kinds;
#[path = "suite/lists.rs"]
mod lists;
#[path = "suite/opened.rs"]
mod opened;
#[path = "suite/oracle.rs"]
mod oracle;
#[path = "suite/pages.rs"]
mod pages;
#[path = "suite/portal.rs"]
mod portal;
#[path = "suite/races.rs"]
mod races;
#[path = "suite/round_trips.rs"]
mod round_trips;
#[path = "suite/search.rs"]
mod search;
#[path = "suite/segments.rs"]
mod segments;
#[path = "suite/selections.rs"]
mod selections;
#[path = "suite/test_clients.rs"]
mod test_clients;
#[path = "suite/walls.rs"]
mod walls;
#[path = "suite/wire.rs"]
mod wire;
