//! Whether a reminder that is due goes out.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use usher_types::{DeliveryState, EmailState, PortalStatus};

use super::quiet::Quiet;

/// What is known of an invitation whose reminder is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The organization lets contacts in.
    pub portal_enabled: bool,
    /// Where the contact stands at the moment; anything else than INVITED also where another invitation is the newest.
    pub status: PortalStatus,
    /// The contact is active, no LEAD, and has login; the address is the one that the invitation went to.
    pub reachable: bool,
    /// Where the invitation's own mail is.
    pub delivery: DeliveryState,
    /// What is known of the address.
    pub address: EmailState,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes out.
    Remind,
    /// It is put off until then: people are not to be woken.
    Wait(DateTime<Utc>),
    /// This one does not go out; the next planned one may.
    Skip,
    /// Nobody is to be reminded of this invitation any more.
    Never,
}

/// Whether the reminder goes out now (I16): only while still INVITED and deliverable.
#[must_use]
pub fn decide(due: Due, quiet: Quiet, now: DateTime<Utc>, zone: Tz) -> Decision {
    let refused = matches!(due.address, EmailState::Bounced | EmailState::Suppressed);
    if due.status != PortalStatus::Invited || !due.reachable || refused {
        return Decision::Never;
    }
    match due.delivery {
        DeliveryState::Failed
        | DeliveryState::Bounced
        | DeliveryState::Suppressed
        | DeliveryState::Cancelled => Decision::Never,
        // nobody is reminded of what has not come yet
        DeliveryState::Queued | DeliveryState::Sending | DeliveryState::Deferred => Decision::Skip,
        DeliveryState::Sent if !due.portal_enabled => Decision::Skip,
        DeliveryState::Sent if quiet.holds(now, zone) => Decision::Wait(quiet.awake(now, zone)),
        DeliveryState::Sent => Decision::Remind,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    const DUE: Due = Due {
        portal_enabled: true,
        status: PortalStatus::Invited,
        reachable: true,
        delivery: DeliveryState::Sent,
        address: EmailState::Valid,
    };

    fn at(hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 2, hour, 0, 0).unwrap()
    }

    #[test]
    fn i16_only_who_is_still_invited_and_deliverable_is_reminded() {
        let decided = |due| decide(due, Quiet::default(), at(12), Tz::UTC);
        assert_eq!(decided(DUE), Decision::Remind);
        for &status in PortalStatus::ALL {
            let expected = if status == PortalStatus::Invited {
                Decision::Remind
            } else {
                Decision::Never
            };
            assert_eq!(decided(Due { status, ..DUE }), expected, "{status}");
        }
        for &delivery in DeliveryState::ALL {
            use DeliveryState::{Deferred, Queued, Sending, Sent};
            let expected = match delivery {
                Sent => Decision::Remind,
                Queued | Sending | Deferred => Decision::Skip,
                _ => Decision::Never,
            };
            assert_eq!(decided(Due { delivery, ..DUE }), expected, "{delivery}");
        }
        for address in [EmailState::Bounced, EmailState::Suppressed] {
            assert_eq!(decided(Due { address, ..DUE }), Decision::Never, "{address}");
        }
        assert_eq!(
            decided(Due {
                reachable: false,
                ..DUE
            }),
            Decision::Never
        );
        assert_eq!(
            decided(Due {
                portal_enabled: false,
                ..DUE
            }),
            Decision::Skip
        );
    }

    #[test]
    fn i16_what_is_late_waits_for_the_morning() {
        let late = decide(DUE, Quiet::default(), at(21), Tz::UTC);
        assert_eq!(late, Decision::Wait(at(8) + chrono::TimeDelta::days(1)));
        // it is afternoon there
        assert_eq!(
            decide(DUE, Quiet::default(), at(21), Tz::America__New_York),
            Decision::Remind
        );
    }
}
