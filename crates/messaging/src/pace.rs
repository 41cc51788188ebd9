//! How fast relay and consumers go about their work.

use std::time::Duration;

/// Waits and sizes. The default is right everywhere but in tests of this crate.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between the first and second try of a message, the second and third, and so on. After the fifth failure it is a dead
    /// letter.
    pub retries: [Duration; 4],
    /// How long the relay lets bulk messages gather before it publishes a window of them: a window costs database and broker
    /// about the same, whatever it holds. What somebody waits for ends the wait.
    pub gather: Duration,
    /// The safety net under the wake-ups.
    pub poll: Duration,
    /// After an outage of broker or database is noticed.
    pub outage: Duration,
    /// How long a relay that says nothing keeps its buckets.
    pub lease: Duration,
    /// Outbox rows that are published before their confirms are waited for.
    pub window: u16,
    /// Events of a window, of which a row may hold many: those of one more row at most.
    pub events: u16,
    /// Messages in a consumer's transaction; those of a pack stay together.
    pub slice: u16,
    /// How long the relay may go on publishing after a stop.
    pub drain: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retries: [200, 1_000, 5_000, 20_000].map(Duration::from_millis),
            gather: Duration::from_millis(100),
            poll: Duration::from_secs(1),
            outage: Duration::from_secs(1),
            lease: Duration::from_secs(5),
            window: 500,
            events: 2_000,
            slice: 200,
            drain: Duration::from_secs(5),
        }
    }
}
