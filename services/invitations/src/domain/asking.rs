//! How often people may ask for a mail without signing in, counted whether or not anybody has the address (I11).

use chrono::TimeDelta;

/// What is asked for, and what it is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// A new password, by a canonical address.
    ResetOf,
    /// A new link, by the address that was invited.
    LinkTo,
    /// Anything that costs a mail, by where the request comes from. Many people can sit behind one source.
    From,
    /// A reset that members start, by the contact.
    ResetFor,
}

/// A count begins anew so long after the first request of it.
pub const WINDOW: TimeDelta = TimeDelta::hours(1);

impl Asking {
    /// The name under which it is counted.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::ResetOf => "reset-address",
            Self::LinkTo => "link-address",
            Self::From => "recovery-source",
            Self::ResetFor => "reset-contact",
        }
    }

    /// Whether the request with this number is still answered with a mail.
    #[must_use]
    pub const fn allows(self, number: i64) -> bool {
        let most = match self {
            Self::ResetOf | Self::LinkTo => 5,
            Self::From => 50,
            Self::ResetFor => 10,
        };
        number <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i11_so_many_are_answered_and_no_more() {
        for (asking, most) in [
            (Asking::ResetOf, 5),
            (Asking::LinkTo, 5),
            (Asking::From, 50),
            (Asking::ResetFor, 10),
        ] {
            assert!(
                asking.allows(1) && asking.allows(most) && !asking.allows(most + 1),
                "{asking:?}"
            );
        }
    }
}
