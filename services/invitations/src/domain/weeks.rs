//! Weeks of a calendar, as people count them where the organization is.

use chrono::{DateTime, Datelike, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::reminder::moment_of;

/// A week, or the part of one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week {
    /// As in ISO 8601: 2026-W10.
    pub name: String,
    /// Its beginning, inclusive.
    pub from: DateTime<Utc>,
    /// Its end, exclusive.
    pub to: DateTime<Utc>,
}

/// The weeks between two moments, Monday to Sunday; the first and the last are cut where the time begins and ends.
#[must_use]
pub fn weeks(from: DateTime<Utc>, to: DateTime<Utc>, zone: Tz) -> Vec<Week> {
    let mut weeks = Vec::new();
    let mut begins = from;
    while begins < to {
        let date = begins.with_timezone(&zone).date_naive();
        let left = 7 - i64::from(date.weekday().num_days_from_monday());
        let monday = (date + TimeDelta::days(left)).and_time(NaiveTime::MIN);
        // a day on is progress in any case
        let next = moment_of(monday, zone).filter(|next| *next > begins);
        let next = next.unwrap_or(begins + TimeDelta::days(1));
        let iso = date.iso_week();
        weeks.push(Week {
            name: format!("{:04}-W{:02}", iso.year(), iso.week()),
            from: begins,
            to: next.min(to),
        });
        begins = next;
    }
    weeks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
    }

    #[test]
    fn i18_weeks_begin_on_monday_where_the_organization_is() {
        let cut = |from, to, zone| -> Vec<(String, String)> {
            let weeks = weeks(utc(from), utc(to), zone);
            let text = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            assert!(weeks.windows(2).all(|pair| pair[0].to == pair[1].from));
            weeks
                .iter()
                .map(|week| (week.name.clone(), text(week.from)))
                .collect()
        };
        let named = |expected: &[(&str, &str)]| -> Vec<(String, String)> {
            expected
                .iter()
                .map(|(name, from)| ((*name).to_owned(), (*from).to_owned()))
                .collect()
        };
        assert_eq!(
            cut("2025-12-27T12:00:00Z", "2026-01-06T00:00:00Z", Tz::UTC),
            named(&[
                ("2025-W52", "2025-12-27T12:00:00Z"),
                ("2026-W01", "2025-12-29T00:00:00Z"),
                ("2026-W02", "2026-01-05T00:00:00Z"),
            ])
        );
        // clocks go forward in that week
        assert_eq!(
            cut("2026-03-22T23:00:00Z", "2026-04-01T00:00:00Z", Tz::Europe__Berlin),
            named(&[
                ("2026-W13", "2026-03-22T23:00:00Z"),
                ("2026-W14", "2026-03-29T22:00:00Z")
            ])
        );
        assert_eq!(cut("2026-03-22T23:00:00Z", "2026-03-22T23:00:00Z", Tz::UTC), []);
    }
}
