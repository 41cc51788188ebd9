//! Invitation mails a day (I17), and what a day is: the organization's own, from midnight to midnight (ADR 13).

use chrono::{DateTime, Datelike, Days, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A day of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Goes up by one a day.
    pub number: i64,
    /// When the next one begins.
    pub ends: DateTime<Utc>,
}

impl Day {
    /// The day that it is in this time zone. An unknown zone is UTC.
    #[must_use]
    pub fn of(now: DateTime<Utc>, zone: &str) -> Self {
        let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
        let today = now.with_timezone(&zone).date_naive();
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        let begins = first_moment(zone, tomorrow.and_time(NaiveTime::MIN));
        Self {
            number: today.num_days_from_ce().into(),
            // where the clocks go back over midnight, the day is said to begin once more
            ends: begins
                .filter(|begins| *begins > now)
                .unwrap_or(now + TimeDelta::days(1)),
        }
    }
}

/// The first moment at or after this time of this zone's clocks: there are zones whose clocks leap over midnight.
fn first_moment(zone: Tz, time: NaiveDateTime) -> Option<DateTime<Utc>> {
    /// A zone has left out a whole day at most.
    const QUARTERS: i32 = 25 * 4;
    (0..=QUARTERS).find_map(|quarters| {
        let time = time + TimeDelta::minutes(15) * quarters;
        let moment = zone.from_local_datetime(&time).earliest()?;
        Some(moment.with_timezone(&Utc))
    })
}

/// How many mails somebody has had on the last day on which there was one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// [`Day::number`].
    pub day: i64,
    /// On that day.
    pub count: i64,
}

impl Tally {
    /// How many there were on this day.
    #[must_use]
    pub const fn on(self, day: Day) -> i64 {
        if self.day == day.number { self.count } else { 0 }
    }

    /// One more.
    pub const fn add(&mut self, day: Day) {
        *self = Self {
            day: day.number,
            count: self.on(day) + 1,
        };
    }
}

/// How many of `wanted` mails the budgets let through, of each of which so many are used already.
#[must_use]
pub fn share(wanted: usize, budgets: &[(i64, i64)]) -> usize {
    let left = budgets
        .iter()
        .map(|(limit, used)| limit.saturating_sub(*used).max(0));
    let left = left.min().unwrap_or(i64::MAX);
    wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn i17_a_day_is_the_organizations_own() {
        let table = [
            ("UTC", "2026-03-02T12:00:00Z", "2026-03-03T00:00:00Z"),
            ("UTC", "2026-03-02T23:59:59.999999Z", "2026-03-03T00:00:00Z"),
            ("UTC", "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"),
            ("Europe/Vienna", "2026-03-02T22:59:59Z", "2026-03-02T23:00:00Z"),
            ("Europe/Vienna", "2026-03-02T23:00:00Z", "2026-03-03T23:00:00Z"),
            (
                "America/Los_Angeles",
                "2026-03-02T12:00:00Z",
                "2026-03-03T08:00:00Z",
            ),
            (
                "Pacific/Kiritimati",
                "2026-03-02T12:00:00Z",
                "2026-03-03T10:00:00Z",
            ),
            // 23 and 25 hours
            ("Europe/Vienna", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("Europe/Vienna", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // the clocks leap over midnight, and over a whole day
            ("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z"),
            ("Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-30T10:00:00Z"),
            ("Mars/Olympus", "2026-03-02T12:00:00Z", "2026-03-03T00:00:00Z"),
        ];
        for (zone, now, ends) in table {
            assert_eq!(Day::of(at(now), zone).ends, at(ends), "{zone} {now}");
        }
    }

    proptest! {
        #[test]
        fn i17_the_next_day_begins_when_this_one_ends(seconds in 0_i64..4_000_000_000, zone in 0_usize..chrono_tz::TZ_VARIANTS.len()) {
            let zone = chrono_tz::TZ_VARIANTS[zone].name();
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let day = Day::of(now, zone);
            prop_assert!(day.ends > now);
            prop_assert!(Day::of(day.ends, zone).number > day.number, "{zone} {now}");
        }
    }

    #[test]
    fn i17_the_smallest_budget_decides() {
        let table = [
            (10, vec![(200, 0), (200, 0)], 10),
            (10, vec![(200, 195), (200, 0)], 5),
            (10, vec![(200, 195), (200, 197)], 3),
            (10, vec![(200, 200), (200, 0)], 0),
            // the setting was lowered meanwhile
            (10, vec![(100, 195)], 0),
            (10, vec![], 10),
        ];
        for (wanted, budgets, expected) in table {
            assert_eq!(share(wanted, &budgets), expected, "{budgets:?}");
        }
    }

    #[test]
    fn i17_a_tally_begins_anew_with_each_day() {
        let (today, tomorrow) = (
            Day::of(at("2026-03-02T12:00:00Z"), "UTC"),
            Day::of(at("2026-03-03T12:00:00Z"), "UTC"),
        );
        let mut tally = Tally::default();
        for expected in 1..=3 {
            tally.add(today);
            assert_eq!(tally.on(today), expected);
        }
        assert_eq!(tally.on(tomorrow), 0);
        tally.add(tomorrow);
        assert_eq!(tally.on(tomorrow), 1);
    }
}
