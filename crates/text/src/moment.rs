//! A moment with weekday, date, time and zone (I5).

use chrono::{DateTime, Datelike, Locale as Names, Offset, Utc};
use chrono_tz::{OffsetName, Tz};

use crate::{Language, Locale};

/// The first wish that is an IANA time zone: the recipient's, then the organization's; otherwise UTC.
#[must_use]
pub fn zone<'a>(wishes: impl IntoIterator<Item = Option<&'a str>>) -> Tz {
    wishes
        .into_iter()
        .flatten()
        .find_map(|name| name.trim().parse().ok())
        .unwrap_or(Tz::UTC)
}

/// The moment as a reader of `locale` in `zone` writes it, always with its weekday and zone.
///
/// The zone's abbreviation comes with its distance to UTC: several zones share one abbreviation.
#[must_use]
pub fn moment(at: DateTime<Utc>, locale: Locale, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    let (names, pattern) = match locale.language {
        Language::English if locale.month_first => (Names::en_US, "%A, %B %-d, %Y at %-I:%M %p"),
        Language::English => (Names::en_GB, "%A, %-d %B %Y at %H:%M"),
        Language::German => (Names::de_DE, "%A, %-d. %B %Y, %H:%M Uhr"),
        Language::Spanish => (Names::es_ES, "%A, %-d de %B de %Y, %H:%M"),
        Language::French if local.day() == 1 => (Names::fr_FR, "%A %-der %B %Y à %H:%M"),
        Language::French => (Names::fr_FR, "%A %-d %B %Y à %H:%M"),
    };
    format!(
        "{} {}",
        local.format_localized(pattern, names),
        zone_label(&local)
    )
}

/// `CET (UTC+1)`; `UTC` and zones without letters of their own show the distance alone.
fn zone_label(local: &DateTime<Tz>) -> String {
    let offset = local.offset();
    let minutes = offset.fix().local_minus_utc() / 60;
    let distance = match (minutes, minutes.abs() / 60, minutes.abs() % 60) {
        (0, ..) => "UTC".to_owned(),
        (_, hours, 0) => format!("UTC{}{hours}", sign(minutes)),
        (_, hours, rest) => format!("UTC{}{hours}:{rest:02}", sign(minutes)),
    };
    match offset.abbreviation() {
        Some(name) if name != "UTC" && name.chars().all(|c| c.is_ascii_alphabetic()) => {
            format!("{name} ({distance})")
        }
        _ => distance,
    }
}

const fn sign(minutes: i32) -> char {
    if minutes < 0 { '-' } else { '+' }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(year: i32, month: u32, day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(year, month, day, hour, minute, 0).unwrap()
    }

    #[test]
    fn i5_weekday_date_time_and_zone_in_the_readers_way() {
        let table = [
            (
                "en-US",
                "America/New_York",
                "Friday, March 6, 2026 at 9:05 AM EST (UTC-5)",
            ),
            (
                "en-GB",
                "Europe/London",
                "Friday, 6 March 2026 at 14:05 GMT (UTC)",
            ),
            (
                "de",
                "Europe/Berlin",
                "Freitag, 6. März 2026, 15:05 Uhr CET (UTC+1)",
            ),
            (
                "es-MX",
                "America/Mexico_City",
                "viernes, 6 de marzo de 2026, 08:05 CST (UTC-6)",
            ),
            ("fr", "Europe/Paris", "vendredi 6 mars 2026 à 15:05 CET (UTC+1)"),
            (
                "en",
                "Asia/Kolkata",
                "Friday, March 6, 2026 at 7:35 PM IST (UTC+5:30)",
            ),
            (
                "en",
                "America/Sao_Paulo",
                "Friday, March 6, 2026 at 11:05 AM UTC-3",
            ),
            ("en", "UTC", "Friday, March 6, 2026 at 2:05 PM UTC"),
        ];
        for (tag, name, text) in table {
            let locale = Locale::choose([Some(tag)]);
            assert_eq!(moment(at(2026, 3, 6, 14, 5), locale, zone([Some(name)])), text);
        }
    }

    #[test]
    fn i5_summer_time_is_that_of_the_moment_shown() {
        let locale = Locale::choose([Some("de")]);
        let berlin = zone([Some("Europe/Berlin")]);
        assert_eq!(
            moment(at(2026, 3, 29, 0, 59), locale, berlin),
            "Sonntag, 29. März 2026, 01:59 Uhr CET (UTC+1)"
        );
        assert_eq!(
            moment(at(2026, 3, 29, 1, 0), locale, berlin),
            "Sonntag, 29. März 2026, 03:00 Uhr CEST (UTC+2)"
        );
    }

    #[test]
    fn i5_the_first_of_a_month_in_french() {
        let locale = Locale::choose([Some("fr")]);
        assert_eq!(
            moment(at(2026, 5, 1, 10, 0), locale, Tz::UTC),
            "vendredi 1er mai 2026 à 10:00 UTC"
        );
    }

    #[test]
    fn i5_an_unknown_zone_falls_back_to_the_organizations_and_then_to_utc() {
        assert_eq!(
            zone([Some("Mars/Olympus"), Some("Europe/Rome")]),
            Tz::Europe__Rome
        );
        assert_eq!(zone([None, Some("")]), Tz::UTC);
    }

    proptest::proptest! {
        #[test]
        fn i5_every_moment_has_a_text_in_every_language(seconds in 0i64..4_102_444_800, pick in 0usize..600) {
            let zones = chrono_tz::TZ_VARIANTS;
            let zone = zones[pick % zones.len()];
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            for language in Language::ALL {
                let text = moment(at, Locale { language, month_first: false }, zone);
                proptest::prop_assert!(!text.contains('%') && text.len() > 20, "{}", text);
            }
        }
    }
}
