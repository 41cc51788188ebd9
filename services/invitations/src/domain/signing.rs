//! When the keys that sign access tokens come and go (I11).

use chrono::{DateTime, TimeDelta, Utc};

/// How long a key is the newest.
pub const LIFE: TimeDelta = TimeDelta::days(90);
/// A new key is published so long before it signs: whoever verifies has it by then, also those who ask once in a while.
pub const NOTICE: TimeDelta = TimeDelta::hours(1);
/// A key verifies so long after the next one began to sign: more than a token lives.
pub const MEMORY: TimeDelta = TimeDelta::days(1);

/// What is to be done with the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The place of the key that signs.
    pub signing: usize,
    /// A further key is to be made.
    pub due: bool,
    /// The place from which on keys are not needed any more.
    pub over: usize,
}

/// The plan for keys that were made then, the newest first.
#[must_use]
pub fn plan(made: &[DateTime<Utc>], now: DateTime<Utc>) -> Plan {
    let known = made.iter().position(|made| *made + NOTICE <= now);
    // the very first key signs at once
    let signing = known.unwrap_or(made.len().saturating_sub(1));
    let settled = made
        .get(signing)
        .is_some_and(|made| *made + NOTICE + MEMORY <= now);
    Plan {
        signing,
        due: made.first().is_none_or(|newest| *newest + LIFE <= now),
        over: if settled { signing + 1 } else { made.len() },
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn i11_a_key_is_known_before_it_signs_and_after_it_has_signed() {
        let start = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let second = start + LIFE;
        let plan = |made: &[DateTime<Utc>], now| {
            let Plan { signing, due, over } = plan(made, now);
            (signing, due, over)
        };
        assert_eq!(plan(&[], start), (0, true, 0));
        let moment = TimeDelta::microseconds(1);
        type Case<'a> = (&'a [DateTime<Utc>], DateTime<Utc>, (usize, bool, usize));
        let table: [Case<'_>; 7] = [
            (&[start], start, (0, false, 1)),
            (&[start], second - moment, (0, false, 1)),
            (&[start], second, (0, true, 1)),
            (&[second, start], second, (1, false, 2)),
            (&[second, start], second + NOTICE - moment, (1, false, 2)),
            (&[second, start], second + NOTICE, (0, false, 2)),
            (&[second, start], second + NOTICE + MEMORY, (0, false, 1)),
        ];
        for (made, now, expected) in table {
            assert_eq!(plan(made, now), expected, "{made:?} at {now}");
        }
    }
}
