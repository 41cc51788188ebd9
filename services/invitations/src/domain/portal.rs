//! What becomes of what (I21), as one table.

use usher_types::PortalStatus as Status;

/// Something that happens to a contact on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
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

impl Act {
    /// Every act, for tables.
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

/// The step that `act` makes from `status`, which is the status at that moment: EXPIRED, not the stored INVITED.
#[must_use]
pub const fn step(status: Status, act: Act) -> Step {
    use Status::{Accepted, Active, Expired, Invited, Waiting};
    match (status, act) {
        (Waiting, Act::Send) | (Waiting | Invited | Expired, Act::Resend) => Step::To(Invited),
        (Invited | Expired, Act::Readdress) => Step::To(Invited),
        (Invited, Act::Expire) => Step::To(Expired),
        (Invited, Act::Accept) => Step::To(Accepted),
        (Accepted | Active, Act::SignIn) => Step::To(Active),
        (Invited | Expired, Act::Cancel | Act::Bar) => Step::To(Waiting),
        (Waiting | Accepted | Active, Act::Bar | Act::Readdress) => Step::Stays,
        (Waiting | Expired | Accepted | Active, Act::Expire) => Step::Stays,
        (Invited | Expired | Accepted | Active, Act::Send)
        | (Accepted | Active, Act::Resend)
        | (Waiting | Expired | Accepted | Active, Act::Accept)
        | (Waiting | Invited | Expired, Act::SignIn)
        | (Waiting | Accepted | Active, Act::Cancel) => Step::Refused,
    }
}

#[cfg(test)]
mod tests {
    use Status::{Accepted, Active, Expired, Invited, Waiting};
    use Step::{Refused, Stays, To};

    use super::*;

    #[test]
    fn i21_every_act_in_every_status() {
        let table: [(Act, [Step; 5]); 8] = [
            //                WAITING      INVITED       EXPIRED      ACCEPTED    ACTIVE
            (Act::Send, [To(Invited), Refused, Refused, Refused, Refused]),
            (
                Act::Resend,
                [To(Invited), To(Invited), To(Invited), Refused, Refused],
            ),
            (Act::Readdress, [Stays, To(Invited), To(Invited), Stays, Stays]),
            (Act::Expire, [Stays, To(Expired), Stays, Stays, Stays]),
            (Act::Accept, [Refused, To(Accepted), Refused, Refused, Refused]),
            (Act::SignIn, [Refused, Refused, Refused, To(Active), To(Active)]),
            (Act::Cancel, [Refused, To(Waiting), To(Waiting), Refused, Refused]),
            (Act::Bar, [Stays, To(Waiting), To(Waiting), Stays, Stays]),
        ];
        assert_eq!(table.map(|(act, _)| act), Act::ALL);
        for (act, steps) in table {
            for (status, expected) in [Waiting, Invited, Expired, Accepted, Active]
                .into_iter()
                .zip(steps)
            {
                assert_eq!(step(status, act), expected, "{act:?} from {status}");
            }
        }
    }

    #[test]
    fn i1_nobody_is_let_in_uninvited() {
        for act in Act::ALL {
            assert_ne!(step(Waiting, act), To(Accepted), "{act:?}");
            assert_ne!(step(Waiting, act), To(Active), "{act:?}");
            assert_ne!(step(Invited, act), To(Active), "{act:?}");
        }
    }
}
