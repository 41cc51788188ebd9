//! How long sessions live, and what a refresh token is worth (I11).

use chrono::{DateTime, TimeDelta, Utc};

/// Whose session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person of the firm.
    Member,
    /// A contact in the portal.
    Contact,
}

impl Kind {
    /// The name in the database and in `signIn`'s `as`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::Contact => "CONTACT",
        }
    }

    /// From the stored name; anything else is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "MEMBER" => Some(Self::Member),
            "CONTACT" => Some(Self::Contact),
            _ => None,
        }
    }

    /// How long a session may rest.
    #[must_use]
    pub const fn idle(self) -> TimeDelta {
        match self {
            Self::Member => TimeDelta::minutes(15),
            Self::Contact => TimeDelta::minutes(30),
        }
    }

    /// How long it lives at most.
    #[must_use]
    pub const fn whole(self) -> TimeDelta {
        match self {
            Self::Member => TimeDelta::hours(8),
            Self::Contact => TimeDelta::hours(24),
        }
    }
}

/// The life of an access token.
pub const ACCESS_LIFE: TimeDelta = TimeDelta::minutes(5);
/// Clocks of services may differ by so much; an ended session is remembered that much longer.
pub const LEEWAY: TimeDelta = TimeDelta::minutes(1);
/// Tabs of one browser refresh at the same time: a used token still counts for so long.
pub const REUSE_GRACE: TimeDelta = TimeDelta::seconds(10);

/// A session's moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Sign-in.
    pub created_at: DateTime<Utc>,
    /// The latest refresh.
    pub last_used_at: DateTime<Utc>,
    /// Ended by somebody.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Whether the session still lives.
#[must_use]
pub fn is_alive(kind: Kind, times: Times, now: DateTime<Utc>) -> bool {
    times.ended_at.is_none()
        && now < times.created_at + kind.whole()
        && now < times.last_used_at + kind.idle()
}

/// The end of an access token made now: never beyond the session's own.
#[must_use]
pub fn access_end(kind: Kind, created_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    (now + ACCESS_LIFE).min(created_at + kind.whole())
}

/// From then on no access token of a session that ends now can live any more.
#[must_use]
pub fn forget_at(now: DateTime<Utc>) -> DateTime<Utc> {
    now + ACCESS_LIFE + LEEWAY
}

/// What showing a refresh token comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// A new pair of tokens.
    Granted,
    /// The session is over, by time or by somebody.
    Ended,
    /// A token that had been exchanged before is shown again: one of the two who have it stole it. All of its family end.
    Reused,
}

/// Judges a refresh token that was exchanged at `used_at`, if it was.
#[must_use]
pub fn judge(kind: Kind, times: Times, used_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Refresh {
    if !is_alive(kind, times, now) {
        return Refresh::Ended;
    }
    match used_at {
        Some(used) if now - used > REUSE_GRACE => Refresh::Reused,
        _ => Refresh::Granted,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 0, 0, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    fn times(last_used: i64) -> Times {
        Times {
            created_at: at(0),
            last_used_at: at(last_used),
            ended_at: None,
        }
    }

    #[test]
    fn i11_idle_and_whole_life_by_kind() {
        let table = [
            (Kind::Contact, 0, 29, true),
            (Kind::Contact, 0, 30, false),
            (Kind::Contact, 1430, 1439, true),
            (Kind::Contact, 1430, 1440, false),
            (Kind::Member, 0, 14, true),
            (Kind::Member, 0, 15, false),
            (Kind::Member, 470, 479, true),
            (Kind::Member, 470, 480, false),
        ];
        for (kind, used, now, alive) in table {
            assert_eq!(
                is_alive(kind, times(used), at(now)),
                alive,
                "{kind:?} {used} {now}"
            );
        }
    }

    #[test]
    fn i11_a_token_shown_twice_ends_its_family_save_within_the_grace() {
        let used = at(1);
        let shown = |seconds| {
            judge(
                Kind::Member,
                times(1),
                Some(used),
                used + TimeDelta::seconds(seconds),
            )
        };
        assert_eq!(judge(Kind::Member, times(1), None, used), Refresh::Granted);
        assert_eq!(shown(10), Refresh::Granted);
        assert_eq!(shown(11), Refresh::Reused);
        let ended = Times {
            ended_at: Some(at(1)),
            ..times(1)
        };
        assert_eq!(judge(Kind::Member, ended, Some(used), used), Refresh::Ended);
    }

    #[test]
    fn i11_an_access_token_never_outlives_its_session() {
        assert_eq!(access_end(Kind::Member, at(0), at(1)), at(6));
        assert_eq!(access_end(Kind::Member, at(0), at(478)), at(480));
    }
}
