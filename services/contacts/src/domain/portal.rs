//! Where a contact stands on the way in, as contacts has heard.

use chrono::{DateTime, Utc};
use usher_types::{
    EmailFact, Facts, InvitationAction, LoginFact, PortalStatus, permitted_actions, portal_status,
};

use crate::domain::contact::Contact;

/// The projected portal row of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Portal {
    /// Never EXPIRED.
    pub(crate) stored: PortalStatus,
    pub(crate) invited_at: Option<DateTime<Utc>>,
    pub(crate) invited_by: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
    pub(crate) first_signed_in_at: Option<DateTime<Utc>>,
    pub(crate) last_signed_in_at: Option<DateTime<Utc>>,
}

impl Portal {
    /// Of a new contact: nothing has happened yet.
    pub(crate) const NEW: Self = Self {
        stored: PortalStatus::Waiting,
        invited_at: None,
        invited_by: None,
        expires_at: None,
        accepted_at: None,
        first_signed_in_at: None,
        last_signed_in_at: None,
    };

    /// The status at `now`.
    pub(crate) fn status(&self, now: DateTime<Utc>) -> PortalStatus {
        portal_status(self.stored, self.expires_at, now)
    }
}

/// The place of a stored status in lists; EXPIRED, which is not stored, stands at 2.
pub(crate) const fn status_rank(status: PortalStatus) -> i64 {
    match status {
        PortalStatus::Waiting => 0,
        PortalStatus::Invited => 1,
        PortalStatus::Expired => 2,
        PortalStatus::Accepted => 3,
        PortalStatus::Active => 4,
    }
}

/// The facts that decide whether an action reaches a contact.
pub(crate) fn facts(contact: &Contact, portal: &Portal, email: EmailFact, now: DateTime<Utc>) -> Facts {
    Facts {
        active: contact.active,
        role: contact.role,
        status: portal.status(now),
        login: LoginFact::from_counts(contact.links, contact.links_with_login),
        email,
        opened: false,
    }
}

/// A row's menu; SEND and RESEND only while the organization's portal is on (I3).
pub(crate) fn menu(facts: Facts, portal_enabled: bool) -> Vec<InvitationAction> {
    let mut actions = permitted_actions(facts);
    if !portal_enabled {
        actions.retain(|action| *action == InvitationAction::Cancel);
    }
    actions
}

/// Login is on and nobody has signed in yet (C10).
pub(crate) const fn pending_activation(login: LoginFact, first_signed_in_at: Option<DateTime<Utc>>) -> bool {
    login.enabled() && first_signed_in_at.is_none()
}
