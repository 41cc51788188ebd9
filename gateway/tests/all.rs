//! The gateway from outside, in one binary. Real services are exercised by the journeys in `tests/`; here stand-ins
//! answer, so that each call can be counted and each failure made.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so where it stands"
)]

mod all {
    mod fakes;
    mod graphql;
    mod harness;
    mod http;
    mod pages;
    mod schema;
    mod socket;
}
