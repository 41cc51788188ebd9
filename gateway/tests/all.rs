//! The gateway from outside, in one binary. Real services are exercised by the journeys in `tests/`; here stand-ins
//! answer, so that each call can be counted and each failure made.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so where it stands"
)]

mod all {
    mod activation;
    mod batches;
    mod confirmation;
    mod dead_letters;
    mod declining;
    mod events;
    mod evolution;
    mod fakes;
    mod field;
    mod graphiql;
    mod harness;
    mod http;
    mod insight;
    mod limits;
    mod lists;
    mod mutations;
    mod oauth;
    mod pages;
    mod people;
    mod portal;
    mod recovery;
    mod refusals;
    mod rows;
    mod schema;
    mod socket;
    mod spans;
    mod toggles;
    mod trusted;
}
