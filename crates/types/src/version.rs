//! Versions of aggregates and of what others project from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// (epoch, counter) in one number. The counter goes up with every change; the epoch is raised after a restore, so that
/// whatever is streamed again overwrites projections that had already seen higher counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Version(i64);

const COUNTER_BITS: u32 = 40;

impl Version {
    /// The version of a new aggregate in the first epoch.
    pub const FIRST: Self = Self(1);

    /// What a raw version grows by when its epoch is raised.
    pub const EPOCH: i64 = 1 << COUNTER_BITS;

    /// The version of an aggregate that is made in this one's epoch.
    #[must_use]
    pub const fn first_of_epoch(self) -> Self {
        Self((self.0 >> COUNTER_BITS << COUNTER_BITS) + 1)
    }

    /// A stored version.
    #[must_use]
    pub const fn from_raw(raw: i64) -> Self {
        Self(raw)
    }

    /// For storage and the wire.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// The version after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// What the API shows and `expectedVersion` takes.
    #[must_use]
    pub const fn counter(self) -> i64 {
        self.0 & ((1 << COUNTER_BITS) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_epoch_beats_every_counter_of_an_earlier_one() {
        let restored = Version::from_raw((1 << COUNTER_BITS) + 1);
        assert!(restored > Version::from_raw((1 << COUNTER_BITS) - 1));
        assert_eq!(restored.counter(), 1);
        assert_eq!(restored.next().next().first_of_epoch(), restored);
        assert_eq!(Version::FIRST.next().first_of_epoch(), Version::FIRST);
        assert_eq!(Version::FIRST.next().counter(), 2);
    }
}
