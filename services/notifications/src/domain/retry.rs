//! When a mail is tried again (N3).

use chrono::{DateTime, TimeDelta, Utc};
use usher_types::MessageId;

/// The wait after the first failed attempt, in seconds.
const FIRST_WAIT: i64 = 60;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 4 * 3600;
/// The last try lies at least this long before the end of the link, in seconds, so that there is time to use it.
const LAST_TRY: i64 = 15 * 60;
/// Waits are spread by up to this share of their length, in thousandths, in both directions.
const JITTER: i64 = 200;

/// When to try again after `attempts` failed ones; none where the link would be over.
///
/// Waits double and are spread, so that what failed together does not come back together. The spread follows from message
/// and attempt: the same for a repeated calculation, different for different messages.
#[must_use]
pub fn next_attempt(
    message: MessageId,
    attempts: i32,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    let wait = (FIRST_WAIT << doublings).min(LONGEST_WAIT);
    let spread = wait * 1000 * JITTER / 1000;
    let milliseconds = wait * 1000 - spread + noise(message, attempts) % (2 * spread + 1);
    let last = expires_at - TimeDelta::seconds(LAST_TRY);
    let next = (now + TimeDelta::milliseconds(milliseconds)).min(last);
    (next > now).then_some(next)
}

/// The random end of the id, stirred with the attempt (SplitMix64), not negative.
fn noise(message: MessageId, attempts: i32) -> i64 {
    let (_, low) = message.uuid().as_u64_pair();
    let mut mixed = low ^ u64::from(attempts.unsigned_abs()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    i64::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
    }

    #[test]
    fn n3_waits_grow_and_are_jittered_by_a_fifth() {
        let end = noon() + TimeDelta::days(30);
        for (attempts, seconds) in [(1, 60), (2, 120), (3, 240), (8, 7680), (9, 14_400), (100, 14_400)] {
            let mut seen = std::collections::HashSet::new();
            for _ in 0..50 {
                let next = next_attempt(MessageId::new(noon()), attempts, noon(), end).unwrap();
                let wait = (next - noon()).num_milliseconds();
                assert!(
                    (seconds * 800..=seconds * 1200).contains(&wait),
                    "{attempts}: {wait}"
                );
                seen.insert(wait);
            }
            assert!(seen.len() > 40);
        }
    }

    #[test]
    fn n3_the_last_try_comes_before_the_end_and_then_there_is_none() {
        let message = MessageId::new(noon());
        let end = noon() + TimeDelta::hours(2);
        let last = end - TimeDelta::minutes(15);
        assert_eq!(next_attempt(message, 9, noon(), end), Some(last));
        assert_eq!(next_attempt(message, 10, last, end), None);
        assert_eq!(next_attempt(message, 1, end + TimeDelta::days(1), end), None);
    }

    #[test]
    fn n3_the_same_attempt_has_the_same_wait() {
        let message = MessageId::new(noon());
        let end = noon() + TimeDelta::days(7);
        assert_eq!(
            next_attempt(message, 3, noon(), end),
            next_attempt(message, 3, noon(), end)
        );
    }
}
