//! Failed sign-ins: five are free, then each costs a longer wait, and after a hundred only a reset helps (I11).

use chrono::{DateTime, TimeDelta, Utc};

/// What failures are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A canonical address, known or not.
    Address,
    /// Where the attempts come from. Many people can sit behind one source, so that more are free, and no number of
    /// failures shuts it for good.
    Source,
}

/// What has failed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// In a row.
    pub count: i64,
    /// When the latest was.
    pub latest: Option<DateTime<Utc>>,
}

/// Whether an attempt may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// Not for so many seconds.
    Wait(i32),
    /// Only a reset opens it.
    Shut,
}

const ADDRESS_FREE: i64 = 5;
/// After so many in a row only a reset opens an address.
pub const ADDRESS_SHUT: i64 = 100;
const SOURCE_FREE: i64 = 50;
const LONGEST_WAIT: i64 = 900;
/// A source that has been quiet for so long begins anew.
const SOURCE_MEMORY: TimeDelta = TimeDelta::hours(1);

impl Counted {
    /// The name under which failures are kept.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Address => "sign-in-address",
            Self::Source => "sign-in-source",
        }
    }

    const fn free(self) -> i64 {
        match self {
            Self::Address => ADDRESS_FREE,
            Self::Source => SOURCE_FREE,
        }
    }
}

/// Seconds to wait after so many failures in a row: 2, 4, 8 … up to a quarter of an hour.
const fn wait_after(counted: Counted, count: i64) -> i64 {
    let beyond = count - counted.free();
    if beyond < 0 {
        return 0;
    }
    let doubled = if beyond >= 10 { LONGEST_WAIT } else { 2 << beyond };
    if doubled < LONGEST_WAIT {
        doubled
    } else {
        LONGEST_WAIT
    }
}

/// Whether an attempt may be made at `now`.
#[must_use]
pub fn gate(counted: Counted, failures: Failures, now: DateTime<Utc>) -> Gate {
    if counted == Counted::Address && failures.count >= ADDRESS_SHUT {
        return Gate::Shut;
    }
    let Some(latest) = failures.latest else {
        return Gate::Open;
    };
    let opens = latest + TimeDelta::seconds(wait_after(counted, failures.count));
    let left = opens - now;
    if left <= TimeDelta::zero() {
        return Gate::Open;
    }
    // rounded up: whoever waits so long is let through
    let seconds = (left + TimeDelta::milliseconds(999)).num_seconds().max(1);
    Gate::Wait(i32::try_from(seconds).unwrap_or(i32::MAX))
}

/// The count after one more failure.
#[must_use]
pub fn after_failure(counted: Counted, failures: Failures, now: DateTime<Utc>) -> Failures {
    let forgotten =
        counted == Counted::Source && failures.latest.is_some_and(|latest| now - latest > SOURCE_MEMORY);
    Failures {
        count: if forgotten { 1 } else { failures.count + 1 },
        latest: Some(now),
    }
}

impl Gate {
    /// The stricter of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Shut, _) | (_, Self::Shut) => Self::Shut,
            (Self::Wait(a), Self::Wait(b)) => Self::Wait(a.max(b)),
            (Self::Open, other) => other,
            (waiting, Self::Open) => waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
    }

    fn failed(count: i64) -> Failures {
        Failures {
            count,
            latest: Some(noon()),
        }
    }

    #[test]
    fn i11_five_are_free_then_waits_grow_then_only_a_reset_helps() {
        let table = [
            (0, Gate::Open),
            (4, Gate::Open),
            (5, Gate::Wait(2)),
            (6, Gate::Wait(4)),
            (7, Gate::Wait(8)),
            (12, Gate::Wait(256)),
            (13, Gate::Wait(512)),
            (14, Gate::Wait(900)),
            (99, Gate::Wait(900)),
            (100, Gate::Shut),
            (5000, Gate::Shut),
        ];
        for (count, expected) in table {
            assert_eq!(gate(Counted::Address, failed(count), noon()), expected, "{count}");
        }
        assert_eq!(gate(Counted::Address, Failures::default(), noon()), Gate::Open);
    }

    #[test]
    fn i11_whoever_waits_as_long_as_said_is_let_through() {
        let Gate::Wait(seconds) = gate(
            Counted::Address,
            failed(9),
            noon() + TimeDelta::milliseconds(1500),
        ) else {
            panic!("no wait")
        };
        let later = noon() + TimeDelta::milliseconds(1500) + TimeDelta::seconds(seconds.into());
        assert_eq!(gate(Counted::Address, failed(9), later), Gate::Open);
        assert_eq!(
            gate(Counted::Address, failed(100), noon() + TimeDelta::days(365)),
            Gate::Shut
        );
    }

    #[test]
    fn i11_a_source_has_more_that_is_free_is_forgotten_and_never_shut() {
        assert_eq!(gate(Counted::Source, failed(49), noon()), Gate::Open);
        assert_eq!(gate(Counted::Source, failed(50), noon()), Gate::Wait(2));
        assert_eq!(gate(Counted::Source, failed(5000), noon()), Gate::Wait(900));
        let later = noon() + TimeDelta::hours(2);
        assert_eq!(after_failure(Counted::Source, failed(50), later).count, 1);
        assert_eq!(after_failure(Counted::Source, failed(50), noon()).count, 51);
        assert_eq!(after_failure(Counted::Address, failed(50), later).count, 51);
    }

    proptest::proptest! {
        #[test]
        fn i11_waits_never_shrink(count in 0_i64..99) {
            let order = |gate| match gate { Gate::Open => 0, Gate::Wait(s) => s, Gate::Shut => i32::MAX };
            let now = gate(Counted::Address, failed(count), noon());
            let next = gate(Counted::Address, failed(count + 1), noon());
            proptest::prop_assert!(order(now) <= order(next));
        }
    }
}
