//! Portal status as a function of what is stored and the time (I5).

use chrono::{DateTime, Utc};

use crate::PortalStatus;

/// The status at `now`: an INVITED contact whose link has run out is EXPIRED at the instant it happens.
#[must_use]
pub fn portal_status(
    stored: PortalStatus,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> PortalStatus {
    match (stored, expires_at) {
        (PortalStatus::Invited, Some(end)) if end <= now => PortalStatus::Expired,
        _ => stored,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    #[test]
    fn i5_expired_is_visible_at_the_instant_it_happens() {
        let end = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let before = end - TimeDelta::microseconds(1);
        assert_eq!(
            portal_status(PortalStatus::Invited, Some(end), before),
            PortalStatus::Invited
        );
        assert_eq!(
            portal_status(PortalStatus::Invited, Some(end), end),
            PortalStatus::Expired
        );
    }

    #[test]
    fn i5_only_an_invitation_expires() {
        let end = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        for stored in [
            PortalStatus::Waiting,
            PortalStatus::Accepted,
            PortalStatus::Active,
        ] {
            assert_eq!(portal_status(stored, Some(end), end), stored);
        }
    }
}
