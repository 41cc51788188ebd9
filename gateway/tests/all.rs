//! The gateway from outside, in one binary. Real services are exercised by the journeys in `tests/`.

mod all {
    mod schema;
}
