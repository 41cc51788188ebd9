//! What becomes of which status (I21), as one table.

use usher_types::PortalStatus as Status;

/// What kind of thing happens to a contact on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A first link goes out.
    Send,
    /// A further link goes out.
    Resend,
    /// The address changed: a link goes to the new one (I6).
    Readdress,
    /// The link's life is over.
    Expire,
    /// A password was chosen.
    Accept,
    /// Somebody signed in.
    SignIn,
    /// A member takes the invitation back.
    Cancel,
    /// The contact became inactive or a LEAD, lost the last login or the address.
    Bar,
}

impl Kind {
    /// Every kind, for tables.
    pub const ALL: [Self; 8] = [
        Self::Send,
        Self::Resend,
        Self::Readdress,
        Self::Expire,
        Self::Accept,
        Self::SignIn,
        Self::Cancel,
        Self::Bar,
    ];
}

/// What an act comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The contact moves to this status (which may be the same, with a new link).
    To(Status),
    /// The act is in order and moves nothing; what access there was may stop or return.
    Stays,
    /// The act cannot happen here.
    Refused,
}

/// The step that `kind` makes from `status`, which is the status at that moment: EXPIRED, not the stored INVITED.
#[must_use]
pub const fn step(status: Status, kind: Kind) -> Step {
    use Status::{Accepted, Active, Expired, Invited, Waiting};
    match (status, kind) {
        (Waiting, Kind::Send) | (Waiting | Invited | Expired, Kind::Resend) => Step::To(Invited),
        (Invited | Expired, Kind::Readdress) => Step::To(Invited),
        (Invited, Kind::Expire) => Step::To(Expired),
        (Invited, Kind::Accept) => Step::To(Accepted),
        (Accepted | Active, Kind::SignIn) => Step::To(Active),
        (Invited | Expired, Kind::Cancel | Kind::Bar) => Step::To(Waiting),
        (Waiting | Accepted | Active, Kind::Bar | Kind::Readdress) => Step::Stays,
        (Waiting | Expired | Accepted | Active, Kind::Expire) => Step::Stays,
        (Invited | Expired | Accepted | Active, Kind::Send)
        | (Accepted | Active, Kind::Resend)
        | (Waiting | Expired | Accepted | Active, Kind::Accept)
        | (Waiting | Invited | Expired, Kind::SignIn)
        | (Waiting | Accepted | Active, Kind::Cancel) => Step::Refused,
    }
}

#[cfg(test)]
mod tests {
    use Status::{Accepted, Active, Expired, Invited, Waiting};
    use Step::{Refused, Stays, To};

    use super::*;

    #[test]
    fn i21_every_act_in_every_status() {
        let table: [(Kind, [Step; 5]); 8] = [
            //                WAITING      INVITED       EXPIRED      ACCEPTED    ACTIVE
            (Kind::Send, [To(Invited), Refused, Refused, Refused, Refused]),
            (
                Kind::Resend,
                [To(Invited), To(Invited), To(Invited), Refused, Refused],
            ),
            (Kind::Readdress, [Stays, To(Invited), To(Invited), Stays, Stays]),
            (Kind::Expire, [Stays, To(Expired), Stays, Stays, Stays]),
            (Kind::Accept, [Refused, To(Accepted), Refused, Refused, Refused]),
            (Kind::SignIn, [Refused, Refused, Refused, To(Active), To(Active)]),
            (
                Kind::Cancel,
                [Refused, To(Waiting), To(Waiting), Refused, Refused],
            ),
            (Kind::Bar, [Stays, To(Waiting), To(Waiting), Stays, Stays]),
        ];
        assert_eq!(table.map(|(kind, _)| kind), Kind::ALL);
        for (kind, steps) in table {
            for (status, expected) in [Waiting, Invited, Expired, Accepted, Active]
                .into_iter()
                .zip(steps)
            {
                assert_eq!(step(status, kind), expected, "{kind:?} from {status}");
            }
        }
    }

    #[test]
    fn i1_nobody_is_let_in_uninvited() {
        for kind in Kind::ALL {
            assert_ne!(step(Waiting, kind), To(Accepted), "{kind:?}");
            assert_ne!(step(Waiting, kind), To(Active), "{kind:?}");
            assert_ne!(step(Invited, kind), To(Active), "{kind:?}");
        }
    }
}
