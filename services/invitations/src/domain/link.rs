//! What a link is worth (I6, I7, I8).

use chrono::{DateTime, Utc};
use usher_types::LinkState;

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvitationState {
    /// It is out. Whether it still lives follows from its end and the time.
    Open,
    /// Its life is over, and that was announced.
    Expired,
    /// A newer one was sent.
    Superseded,
    /// A password was chosen.
    Accepted,
    /// Taken back, or ended because the contact changed.
    Cancelled,
    /// "This isn't me".
    Declined,
}

impl InvitationState {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Expired => "EXPIRED",
            Self::Superseded => "SUPERSEDED",
            Self::Accepted => "ACCEPTED",
            Self::Cancelled => "CANCELLED",
            Self::Declined => "DECLINED",
        }
    }

    /// From the stored name; an unknown one is as good as cancelled.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "OPEN" => Self::Open,
            "EXPIRED" => Self::Expired,
            "SUPERSEDED" => Self::Superseded,
            "ACCEPTED" => Self::Accepted,
            "DECLINED" => Self::Declined,
            _ => Self::Cancelled,
        }
    }
}

/// What the link of such an invitation is worth at `now`. `usable` is false where the portal is off or the invited person is
/// barred: then everything reads INVALID (I3).
#[must_use]
pub fn link_state(
    state: InvitationState,
    expires_at: DateTime<Utc>,
    usable: bool,
    now: DateTime<Utc>,
) -> LinkState {
    if !usable {
        return LinkState::Invalid;
    }
    match state {
        InvitationState::Open if now < expires_at => LinkState::Open,
        InvitationState::Open | InvitationState::Expired => LinkState::Expired,
        InvitationState::Superseded => LinkState::Superseded,
        InvitationState::Accepted | InvitationState::Cancelled | InvitationState::Declined => {
            LinkState::Invalid
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    #[test]
    fn i8_unknown_used_and_cancelled_look_the_same() {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let table = [
            (InvitationState::Open, 1, LinkState::Open),
            (InvitationState::Open, 0, LinkState::Expired),
            (InvitationState::Expired, -1, LinkState::Expired),
            (InvitationState::Superseded, 1, LinkState::Superseded),
            (InvitationState::Superseded, -1, LinkState::Superseded),
            (InvitationState::Accepted, 1, LinkState::Invalid),
            (InvitationState::Cancelled, 1, LinkState::Invalid),
            (InvitationState::Declined, 1, LinkState::Invalid),
        ];
        for (state, seconds, expected) in table {
            let end = now + TimeDelta::seconds(seconds);
            assert_eq!(link_state(state, end, true, now), expected, "{state:?}");
            assert_eq!(link_state(state, end, false, now), LinkState::Invalid);
            assert_eq!(InvitationState::from_name(state.as_str()), state);
        }
    }
}
