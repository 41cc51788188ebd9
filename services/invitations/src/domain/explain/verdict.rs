//! What it comes to.

use usher_types::{DeliveryState, InvitationAction, PortalStatus};

use super::Known;
use crate::domain::waits::Gate;

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// A password was chosen, and it signs in.
    CanSignIn,
    /// A link is out with which a password can be chosen.
    CanAccept,
    /// The mail with the link has not gone out yet.
    MailOnItsWay,
    /// Nothing stands in the way but that no link works: invite, or resend.
    NeedsInvitation,
    /// Something has to change first.
    Cannot,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] = [
        Self::CanSignIn,
        Self::CanAccept,
        Self::MailOnItsWay,
        Self::NeedsInvitation,
        Self::Cannot,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CanSignIn => "CAN_SIGN_IN",
            Self::CanAccept => "CAN_ACCEPT",
            Self::MailOnItsWay => "MAIL_ON_ITS_WAY",
            Self::NeedsInvitation => "NEEDS_INVITATION",
            Self::Cannot => "CANNOT",
        }
    }

    /// In one sentence.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::CanSignIn => "This person can sign in.",
            Self::CanAccept => "This person can choose a password with the link that was mailed.",
            Self::MailOnItsWay => "This person is invited; the mail with the link has not gone out yet.",
            Self::NeedsInvitation => "This person can get in once an invitation is sent.",
            Self::Cannot => "This person cannot get in; see what does not hold.",
        }
    }
}

pub(super) fn verdict(known: &Known<'_>) -> Verdict {
    let access = known.access;
    if !known.portal_enabled || !access.person.may_enter() {
        return Verdict::Cannot;
    }
    match access.status_at(known.now) {
        PortalStatus::Accepted | PortalStatus::Active if known.gate == Gate::Shut => Verdict::Cannot,
        PortalStatus::Accepted | PortalStatus::Active => Verdict::CanSignIn,
        PortalStatus::Invited => match known.delivery {
            Some(DeliveryState::Sent) => Verdict::CanAccept,
            Some(DeliveryState::Queued | DeliveryState::Sending | DeliveryState::Deferred) => {
                Verdict::MailOnItsWay
            }
            _ => invitable(known),
        },
        PortalStatus::Waiting | PortalStatus::Expired => invitable(known),
    }
}

fn invitable(known: &Known<'_>) -> Verdict {
    let eligible = known
        .access
        .eligibility(InvitationAction::Resend, known.address, known.now);
    match eligible {
        Ok(()) => Verdict::NeedsInvitation,
        Err(_) => Verdict::Cannot,
    }
}
