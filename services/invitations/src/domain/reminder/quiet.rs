//! Hours in which nobody is written to, in the recipient's own time.

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
    Weekday,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Quiet hours of every day, and maybe whole weekends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// Minutes after midnight. The same as `to`: there are no quiet hours.
    pub from: u16,
    /// Minutes after midnight: the first that is not quiet any more.
    pub to: u16,
    /// Saturdays and Sundays, too.
    pub weekends: bool,
}

impl Default for Quiet {
    fn default() -> Self {
        Self {
            from: 20 * 60,
            to: 8 * 60,
            weekends: false,
        }
    }
}

impl Quiet {
    /// Whether it is quiet there and then.
    #[must_use]
    pub fn holds(self, at: DateTime<Utc>, zone: Tz) -> bool {
        self.end(at.with_timezone(&zone).naive_local()).is_some()
    }

    /// The first moment from `at` on that is not quiet.
    #[must_use]
    pub fn awake(self, at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        let mut at = at;
        while let Some(end) = self.end(at.with_timezone(&zone).naive_local()) {
            at = after(at, end, zone);
        }
        at
    }

    /// The end of what is quiet at this local time; none where nothing is. What follows may be quiet again.
    fn end(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let midnight = |days| {
            Some(
                local
                    .date()
                    .checked_add_days(Days::new(days))?
                    .and_time(NaiveTime::MIN),
            )
        };
        if self.weekends && matches!(local.weekday(), Weekday::Sat | Weekday::Sun) {
            return midnight(if local.weekday() == Weekday::Sat { 2 } else { 1 });
        }
        let minute = local.hour() * 60 + local.minute();
        let (from, to) = (u32::from(self.from), u32::from(self.to));
        let (quiet, days) = match from < to {
            true => ((from..to).contains(&minute), 0),
            false => (
                from != to && (minute >= from || minute < to),
                u64::from(minute >= from),
            ),
        };
        let end = midnight(days)? + TimeDelta::minutes(i64::from(to));
        quiet.then_some(end)
    }
}

/// A local time as a moment later than `at`. A time that is skipped when clocks go forward is the one after the gap; of one that
/// comes twice it is the first that is later.
fn after(at: DateTime<Utc>, local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let found = moments(local, zone)
        .into_iter()
        .flatten()
        .find(|moment| *moment > at);
    // a minute on is progress in any case
    found.unwrap_or(at + TimeDelta::minutes(1))
}

/// The moments of a local time, the earlier first.
fn moments(local: NaiveDateTime, zone: Tz) -> [Option<DateTime<Utc>>; 2] {
    let mut local = local;
    // no gap was ever longer than a day
    for _ in 0..=96 {
        let found = zone.from_local_datetime(&local);
        if let Some(earliest) = found.earliest() {
            let utc = |moment: DateTime<Tz>| moment.with_timezone(&Utc);
            return [Some(utc(earliest)), found.latest().map(utc)];
        }
        local += TimeDelta::minutes(15);
    }
    [None, None]
}

/// A local time as a moment: the first one where it comes twice, the one after the gap where it is skipped.
pub(in crate::domain) fn moment_of(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    moments(local, zone)[0]
}

/// The same time of the day some days later or earlier, where people live.
pub(super) fn days_from(at: DateTime<Utc>, days: i64, zone: Tz) -> Option<DateTime<Utc>> {
    let local = at.with_timezone(&zone).naive_local();
    let date: NaiveDate = local.date().checked_add_signed(TimeDelta::days(days))?;
    moment_of(date.and_time(local.time()), zone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NIGHTS: Quiet = Quiet {
        from: 1200,
        to: 480,
        weekends: false,
    };
    const WEEKENDS: Quiet = Quiet {
        weekends: true,
        ..NIGHTS
    };

    fn utc(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
    }

    #[test]
    fn i16_quiet_hours_are_the_recipient_s() {
        // Monday 2 March 2026
        let table = [
            (NIGHTS, Tz::UTC, "2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z"),
            (NIGHTS, Tz::UTC, "2026-03-02T19:59:59Z", "2026-03-02T19:59:59Z"),
            (NIGHTS, Tz::UTC, "2026-03-02T20:00:00Z", "2026-03-03T08:00:00Z"),
            (NIGHTS, Tz::UTC, "2026-03-03T07:59:00Z", "2026-03-03T08:00:00Z"),
            (NIGHTS, Tz::UTC, "2026-03-03T08:00:00Z", "2026-03-03T08:00:00Z"),
            (
                NIGHTS,
                Tz::America__New_York,
                "2026-03-02T12:00:00Z",
                "2026-03-02T13:00:00Z",
            ),
            (
                NIGHTS,
                Tz::Asia__Kathmandu,
                "2026-03-02T15:00:00Z",
                "2026-03-03T02:15:00Z",
            ),
            // Friday evening
            (NIGHTS, Tz::UTC, "2026-03-06T21:00:00Z", "2026-03-07T08:00:00Z"),
            (WEEKENDS, Tz::UTC, "2026-03-06T21:00:00Z", "2026-03-09T08:00:00Z"),
            (WEEKENDS, Tz::UTC, "2026-03-08T12:00:00Z", "2026-03-09T08:00:00Z"),
            // a siesta
            (
                Quiet {
                    from: 720,
                    to: 840,
                    weekends: false,
                },
                Tz::UTC,
                "2026-03-02T13:00:00Z",
                "2026-03-02T14:00:00Z",
            ),
            // none at all
            (
                Quiet {
                    from: 0,
                    to: 0,
                    weekends: false,
                },
                Tz::UTC,
                "2026-03-02T03:00:00Z",
                "2026-03-02T03:00:00Z",
            ),
            // clocks go forward on 29 March: 02:30 does not exist, and eight o'clock comes an hour earlier
            (
                NIGHTS,
                Tz::Europe__Berlin,
                "2026-03-28T22:00:00Z",
                "2026-03-29T06:00:00Z",
            ),
            (
                Quiet {
                    from: 60,
                    to: 150,
                    weekends: false,
                },
                Tz::Europe__Berlin,
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z",
            ),
            // and back on 25 October: 02:10 comes twice, and is quiet both times
            (
                Quiet {
                    from: 60,
                    to: 150,
                    weekends: false,
                },
                Tz::Europe__Berlin,
                "2026-10-25T01:10:00Z",
                "2026-10-25T01:30:00Z",
            ),
        ];
        for (quiet, zone, at, expected) in table {
            assert_eq!(quiet.awake(utc(at), zone), utc(expected), "{at} {zone}");
        }
    }

    proptest! {
        #[test]
        fn i16_nobody_is_woken_anywhere(from in 0_u16..1440, to in 0_u16..1440, weekends: bool, seconds in 1_700_000_000_i64..1_900_000_000, zone in 0..chrono_tz::TZ_VARIANTS.len()) {
            let quiet = Quiet { from, to, weekends };
            let (at, zone) = (DateTime::from_timestamp(seconds, 0).unwrap(), chrono_tz::TZ_VARIANTS[zone]);
            let awake = quiet.awake(at, zone);
            prop_assert!(awake >= at && !quiet.holds(awake, zone));
            prop_assert!(awake - at <= TimeDelta::days(5));
            prop_assert_eq!(quiet.holds(at, zone), awake > at);
        }
    }
}
