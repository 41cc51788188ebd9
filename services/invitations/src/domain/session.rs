//! How long sessions live, and what a refresh token is worth (I11).

use chrono::{DateTime, TimeDelta, Utc};

/// Whose session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person of the firm.
    Member,
    /// A contact in the portal.
    Contact,
    /// A program with one secret of its own: what it has got access tokens with.
    ServiceAccount,
}

impl Kind {
    /// The name in the database; those of people are what `signIn` takes as `as`, too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::Contact => "CONTACT",
            Self::ServiceAccount => "SERVICE_ACCOUNT",
        }
    }

    /// From the stored name; anything else is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "MEMBER" => Some(Self::Member),
            "CONTACT" => Some(Self::Contact),
            "SERVICE_ACCOUNT" => Some(Self::ServiceAccount),
            _ => None,
        }
    }

    /// How long a session may rest.
    #[must_use]
    pub const fn idle(self) -> TimeDelta {
        match self {
            Self::Member => TimeDelta::minutes(15),
            Self::Contact => TimeDelta::minutes(30),
            // nobody sits in front of it
            Self::ServiceAccount => self.whole(),
        }
    }

    /// How long it lives at most.
    #[must_use]
    pub const fn whole(self) -> TimeDelta {
        match self {
            Self::Member => TimeDelta::hours(8),
            Self::Contact | Self::ServiceAccount => TimeDelta::hours(24),
        }
    }
}

/// The life of an access token.
pub const ACCESS_LIFE: TimeDelta = TimeDelta::minutes(5);
/// Clocks of services may differ by so much; an ended session is remembered that much longer.
pub const LEEWAY: TimeDelta = TimeDelta::minutes(1);
/// Tabs of one browser refresh at the same time: a token that another tab has exchanged still counts for so long.
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

/// How far a session's refresh tokens have come. Every exchange of the present generation begins the next one; parallel
/// tabs get further tokens of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Of the tokens that are good now.
    pub generation: i64,
    /// When it began.
    pub rotated_at: DateTime<Utc>,
}

impl Rotation {
    /// The next generation.
    #[must_use]
    pub const fn next(self, now: DateTime<Utc>) -> Self {
        Self {
            generation: self.generation + 1,
            rotated_at: now,
        }
    }
}

/// What showing a refresh token comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// A new pair of tokens, of the next generation.
    Granted,
    /// Another tab was faster: a new pair of the generation that it began.
    Parallel,
    /// The session is over, by time or by somebody.
    Ended,
    /// A token that had been exchanged before is shown again: one of the two who have it stole it. All of its family end.
    Reused,
}

/// Judges a refresh token of this generation. Whoever stole one and is quick enough gets a token of the same generation as its
/// owner, and the first of them to exchange theirs makes the other's a reused one: the grace hides nobody for long.
#[must_use]
pub fn judge(kind: Kind, times: Times, rotation: Rotation, token: i64, now: DateTime<Utc>) -> Refresh {
    if !is_alive(kind, times, now) {
        return Refresh::Ended;
    }
    match rotation.generation - token {
        0 => Refresh::Granted,
        1 if now - rotation.rotated_at <= REUSE_GRACE => Refresh::Parallel,
        _ => Refresh::Reused,
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
        let rotation = Rotation {
            generation: 3,
            rotated_at: at(1),
        };
        let shown = |token, seconds| {
            let now = at(1) + TimeDelta::seconds(seconds);
            judge(Kind::Member, times(1), rotation, token, now)
        };
        let table = [
            (3, 0, Refresh::Granted),
            (3, 600, Refresh::Granted),
            (2, 0, Refresh::Parallel),
            (2, 10, Refresh::Parallel),
            (2, 11, Refresh::Reused),
            // two generations old: no tab is that late
            (1, 0, Refresh::Reused),
        ];
        for (token, seconds, expected) in table {
            assert_eq!(shown(token, seconds), expected, "{token} after {seconds} s");
        }
        let ended = Times {
            ended_at: Some(at(1)),
            ..times(1)
        };
        assert_eq!(judge(Kind::Member, ended, rotation, 2, at(1)), Refresh::Ended);
        assert_eq!(
            rotation.next(at(2)),
            Rotation {
                generation: 4,
                rotated_at: at(2)
            }
        );
    }

    #[test]
    fn i11_an_access_token_never_outlives_its_session() {
        assert_eq!(access_end(Kind::Member, at(0), at(1)), at(6));
        assert_eq!(access_end(Kind::Member, at(0), at(478)), at(480));
    }
}
