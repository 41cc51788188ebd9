//! Who is eligible for an invitation (I3): one pure function, used by every service that has to say so.

use crate::{ContactRole, IneligibleReason as Reason, InvitationAction as Action, PortalStatus as Status};

/// What a contact's links say about signing in (I13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginFact {
    /// No account is linked: nothing stands in the way.
    NoLinks,
    /// At least one link has login on.
    On,
    /// There are links, and none has it on.
    Off,
}

impl LoginFact {
    /// From the counts of links, and of those with login on.
    #[must_use]
    pub const fn from_counts(links: i64, with_login: i64) -> Self {
        match (links, with_login) {
            (0, _) => Self::NoLinks,
            (_, 0) => Self::Off,
            _ => Self::On,
        }
    }

    /// `PortalAccess.loginEnabled`: true without any links.
    #[must_use]
    pub const fn enabled(self) -> bool {
        !matches!(self, Self::Off)
    }
}

/// What stands against writing to a contact's address; the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmailFact {
    /// There is no address.
    None,
    /// Malformed, or of a placeholder domain.
    Invalid,
    /// Another live contact has the same address.
    Duplicate,
    /// On the suppression list.
    Suppressed,
    /// Refused for good by the receiving server.
    Bounced,
    /// Nothing.
    Usable,
}

/// Everything that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The contact is active.
    pub active: bool,
    /// What the contact is to the firm.
    pub role: ContactRole,
    /// Portal status at the moment of asking.
    pub status: Status,
    /// What the links say.
    pub login: LoginFact,
    /// What stands against the address.
    pub email: EmailFact,
    /// Login for a further account has just been switched on (I13).
    pub opened: bool,
}

/// Whether `action` reaches a contact with these facts.
///
/// # Errors
/// The first reason that holds, in the order of I3. CANCEL knows only ALREADY_ACTIVATED and NOT_INVITED. Whoever is in already is
/// reached by SEND where there is a further account to be told of (I13).
pub const fn eligibility(facts: Facts, action: Action) -> Result<(), Reason> {
    if matches!(action, Action::Cancel) {
        return match facts.status {
            Status::Accepted | Status::Active => Err(Reason::AlreadyActivated),
            Status::Waiting => Err(Reason::NotInvited),
            Status::Invited | Status::Expired => Ok(()),
        };
    }
    if !facts.active {
        return Err(Reason::ContactInactive);
    }
    if matches!(facts.role, ContactRole::Lead) {
        return Err(Reason::RoleNotInvitable);
    }
    match (facts.status, action) {
        (Status::Accepted | Status::Active, Action::Send) if facts.opened => {}
        (Status::Accepted | Status::Active, _) => return Err(Reason::AlreadyActivated),
        (Status::Invited | Status::Expired, Action::Send) => return Err(Reason::AlreadyInvited),
        _ => {}
    }
    if !facts.login.enabled() {
        return Err(Reason::LoginDisabled);
    }
    match facts.email {
        EmailFact::None => Err(Reason::NoEmail),
        EmailFact::Invalid => Err(Reason::InvalidEmail),
        EmailFact::Duplicate => Err(Reason::DuplicateEmail),
        EmailFact::Suppressed => Err(Reason::EmailSuppressed),
        EmailFact::Bounced => Err(Reason::EmailBounced),
        EmailFact::Usable => Ok(()),
    }
}

/// The entries of a row's menu (`PortalAccess.actions`): every action that would reach the contact now.
///
/// A WAITING contact shows SEND and not RESEND, which would do the same.
#[must_use]
pub fn permitted_actions(facts: Facts) -> Vec<Action> {
    Action::ALL
        .iter()
        .copied()
        .filter(|&action| eligibility(facts, action).is_ok())
        .filter(|&action| !(action == Action::Resend && facts.status == Status::Waiting))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Facts = Facts {
        active: true,
        role: ContactRole::Client,
        status: Status::Waiting,
        login: LoginFact::On,
        email: EmailFact::Usable,
        opened: false,
    };

    #[test]
    fn i13_whoever_is_in_already_is_told_of_a_further_account() {
        for status in [Status::Accepted, Status::Active] {
            let facts = Facts {
                status,
                opened: true,
                ..READY
            };
            assert_eq!(eligibility(facts, Action::Send), Ok(()), "{status}");
            for action in [Action::Resend, Action::Cancel] {
                assert_eq!(
                    eligibility(facts, action),
                    Err(Reason::AlreadyActivated),
                    "{status}"
                );
            }
            let bounced = Facts {
                email: EmailFact::Bounced,
                ..facts
            };
            assert_eq!(
                eligibility(bounced, Action::Send),
                Err(Reason::EmailBounced),
                "{status}"
            );
        }
        for status in [Status::Invited, Status::Expired] {
            let facts = Facts {
                status,
                opened: true,
                ..READY
            };
            assert_eq!(
                eligibility(facts, Action::Send),
                Err(Reason::AlreadyInvited),
                "{status}"
            );
        }
    }

    #[test]
    fn i3_send_takes_waiting_resend_all_that_are_not_activated_cancel_what_is_out() {
        let table = [
            (Status::Waiting, Ok(()), Ok(()), Err(Reason::NotInvited)),
            (Status::Invited, Err(Reason::AlreadyInvited), Ok(()), Ok(())),
            (Status::Expired, Err(Reason::AlreadyInvited), Ok(()), Ok(())),
            (
                Status::Accepted,
                Err(Reason::AlreadyActivated),
                Err(Reason::AlreadyActivated),
                Err(Reason::AlreadyActivated),
            ),
            (
                Status::Active,
                Err(Reason::AlreadyActivated),
                Err(Reason::AlreadyActivated),
                Err(Reason::AlreadyActivated),
            ),
        ];
        for (status, send, resend, cancel) in table {
            let facts = Facts { status, ..READY };
            assert_eq!(eligibility(facts, Action::Send), send, "{status} send");
            assert_eq!(eligibility(facts, Action::Resend), resend, "{status} resend");
            assert_eq!(eligibility(facts, Action::Cancel), cancel, "{status} cancel");
        }
    }

    #[test]
    fn i3_the_first_reason_that_holds_is_the_one_given() {
        let mut facts = Facts {
            active: false,
            role: ContactRole::Lead,
            status: Status::Active,
            login: LoginFact::Off,
            email: EmailFact::None,
            opened: false,
        };
        assert_eq!(eligibility(facts, Action::Send), Err(Reason::ContactInactive));
        facts.active = true;
        assert_eq!(eligibility(facts, Action::Send), Err(Reason::RoleNotInvitable));
        facts.role = ContactRole::Prospect;
        assert_eq!(eligibility(facts, Action::Send), Err(Reason::AlreadyActivated));
        facts.status = Status::Expired;
        assert_eq!(eligibility(facts, Action::Send), Err(Reason::AlreadyInvited));
        facts.status = Status::Waiting;
        assert_eq!(eligibility(facts, Action::Send), Err(Reason::LoginDisabled));
        facts.login = LoginFact::NoLinks;
        assert_eq!(eligibility(facts, Action::Send), Err(Reason::NoEmail));
        for (email, reason) in [
            (EmailFact::Invalid, Reason::InvalidEmail),
            (EmailFact::Duplicate, Reason::DuplicateEmail),
            (EmailFact::Suppressed, Reason::EmailSuppressed),
            (EmailFact::Bounced, Reason::EmailBounced),
        ] {
            assert_eq!(eligibility(Facts { email, ..facts }, Action::Send), Err(reason));
        }
    }

    #[test]
    fn i3_cancel_always_works_on_what_is_out() {
        let facts = Facts {
            active: false,
            status: Status::Invited,
            email: EmailFact::None,
            ..READY
        };
        assert_eq!(eligibility(facts, Action::Cancel), Ok(()));
    }

    #[test]
    fn the_menu_of_a_row() {
        assert_eq!(permitted_actions(READY), [Action::Send]);
        assert_eq!(
            permitted_actions(Facts {
                status: Status::Expired,
                ..READY
            }),
            [Action::Resend, Action::Cancel]
        );
        assert_eq!(
            permitted_actions(Facts {
                status: Status::Active,
                ..READY
            }),
            []
        );
    }
}
