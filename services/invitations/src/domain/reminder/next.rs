//! When the next reminder of an invitation is due.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::plan::Plan;
use super::quiet::days_from;

/// Between two mails of one invitation.
pub const APART: TimeDelta = TimeDelta::hours(12);
/// A reminder later than this before the end would only tell of a link that dies while it is read.
const LAST: TimeDelta = TimeDelta::hours(1);

/// The life of an invitation's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was sent.
    pub issued_at: DateTime<Utc>,
    /// Its end, which a reminder does not move.
    pub ends_at: DateTime<Utc>,
}

/// The first planned moment from `from` on at which the recipient is not to be left alone. `jitter` spreads the reminders of a
/// batch, whose moments are otherwise the same.
///
/// What was missed is not made up for: `from` is never before the moment of asking.
#[must_use]
pub fn next(
    plan: &Plan,
    life: Life,
    from: DateTime<Utc>,
    zone: Tz,
    jitter: TimeDelta,
) -> Option<DateTime<Utc>> {
    let days = plan
        .days
        .iter()
        .filter_map(|days| days_from(life.issued_at, i64::from(*days), zone));
    let before_end = plan
        .before_end
        .then(|| days_from(life.ends_at, -1, zone))
        .flatten();
    let latest = life.ends_at - LAST;
    days.chain(before_end)
        .map(|wished| spread(plan, plan.quiet.awake(wished, zone), jitter, zone))
        .filter(|at| *at >= from && *at <= latest)
        .min()
}

/// Later by the jitter, where that is not into quiet hours.
fn spread(plan: &Plan, at: DateTime<Utc>, jitter: TimeDelta, zone: Tz) -> DateTime<Utc> {
    let later = at + jitter;
    if plan.quiet.holds(later, zone) { at } else { later }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Quiet;
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
    }

    fn week(issued_at: &str) -> Life {
        let issued_at = utc(issued_at);
        Life {
            issued_at,
            ends_at: issued_at + TimeDelta::days(7),
        }
    }

    fn plan(days: &[i32], before_end: bool) -> Plan {
        Plan {
            days: days.to_vec(),
            before_end,
            quiet: Quiet::default(),
        }
    }

    /// All reminders of an invitation, one after the other, each sent when it is due.
    fn all(plan: &Plan, life: Life, zone: Tz) -> Vec<String> {
        let mut from = life.issued_at + APART;
        let mut all = Vec::new();
        while let Some(at) = next(plan, life, from, zone, TimeDelta::zero()) {
            all.push(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
            from = at + APART;
        }
        all
    }

    #[test]
    fn i16_after_two_and_five_days_and_the_day_before_the_end() {
        let noon = week("2026-03-02T12:00:00Z");
        let table = [
            (
                plan(&[2, 5], true),
                Tz::UTC,
                vec![
                    "2026-03-04T12:00:00Z",
                    "2026-03-07T12:00:00Z",
                    "2026-03-08T12:00:00Z",
                ],
            ),
            (plan(&[], false), Tz::UTC, vec![]),
            // the eighth day is over the end
            (plan(&[6, 7, 8], false), Tz::UTC, vec!["2026-03-08T12:00:00Z"]),
            // the same moment twice is one reminder
            (plan(&[6], true), Tz::UTC, vec!["2026-03-08T12:00:00Z"]),
            // seven in the morning there, so it waits for eight
            (
                plan(&[2], false),
                Tz::America__New_York,
                vec!["2026-03-04T13:00:00Z"],
            ),
            // evening there: the next morning
            (plan(&[2], false), Tz::Asia__Tokyo, vec!["2026-03-04T23:00:00Z"]),
        ];
        for (plan, zone, expected) in table {
            assert_eq!(all(&plan, noon, zone), expected, "{plan:?} {zone}");
        }
        // Saturday and Sunday are one Monday morning
        let mut quiet = plan(&[5, 6], false);
        quiet.quiet.weekends = true;
        assert_eq!(all(&quiet, noon, Tz::UTC), ["2026-03-09T08:00:00Z"]);
    }

    #[test]
    fn i16_days_are_days_also_where_clocks_are_changed() {
        let spring = week("2026-03-27T12:00:00Z");
        assert_eq!(
            all(&plan(&[2], false), spring, Tz::Europe__Berlin),
            ["2026-03-29T11:00:00Z"]
        );
        let autumn = week("2026-10-24T12:00:00Z");
        assert_eq!(
            all(&plan(&[1, 2], false), autumn, Tz::Europe__Berlin),
            ["2026-10-25T13:00:00Z", "2026-10-26T13:00:00Z"]
        );
    }

    #[test]
    fn i16_what_was_missed_is_not_made_up_for() {
        let life = week("2026-03-02T12:00:00Z");
        let plan = plan(&[1, 2, 3, 5], false);
        let from = utc("2026-03-05T20:00:00Z");
        assert_eq!(
            next(&plan, life, from, Tz::UTC, TimeDelta::zero()),
            Some(utc("2026-03-07T12:00:00Z"))
        );
        assert_eq!(next(&plan, life, life.ends_at, Tz::UTC, TimeDelta::zero()), None);
    }

    #[test]
    fn i16_jitter_leads_nobody_into_the_night() {
        let life = week("2026-03-02T19:50:00Z");
        let plan = plan(&[2], false);
        let at = |minutes| next(&plan, life, life.issued_at, Tz::UTC, TimeDelta::minutes(minutes));
        assert_eq!(at(5), Some(utc("2026-03-04T19:55:00Z")));
        assert_eq!(at(15), Some(utc("2026-03-04T19:50:00Z")));
    }

    proptest! {
        #[test]
        fn i16_a_reminder_is_inside_of_the_life_and_outside_of_quiet_hours(
            days in proptest::collection::vec(1..30, 0..5), before_end: bool, quiet_from in 0_u16..1440, quiet_to in 0_u16..1440, weekends: bool,
            issued in 1_700_000_000_i64..1_900_000_000, hours in 1_i64..720, later in 0_i64..720, jitter in 0_i64..1800, zone in 0..chrono_tz::TZ_VARIANTS.len(),
        ) {
            let issued_at = DateTime::from_timestamp(issued, 0).unwrap();
            let life = Life { issued_at, ends_at: issued_at + TimeDelta::hours(hours) };
            let plan = Plan { days, before_end, quiet: Quiet { from: quiet_from, to: quiet_to, weekends } };
            let (from, zone) = (issued_at + TimeDelta::hours(later), chrono_tz::TZ_VARIANTS[zone]);
            if let Some(at) = next(&plan, life, from, zone, TimeDelta::seconds(jitter)) {
                prop_assert!(at >= from && at < life.ends_at);
                prop_assert!(!plan.quiet.holds(at, zone));
                prop_assert!(plan.is_on());
                // asked later it is the same one, until it is due
                prop_assert_eq!(next(&plan, life, at, zone, TimeDelta::seconds(jitter)), Some(at));
            }
        }
    }
}
