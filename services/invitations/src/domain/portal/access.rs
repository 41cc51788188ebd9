//! Where a contact stands on the way in. What was heard of the contact stands beside it, since it decides.

use chrono::{DateTime, Utc};
use usher_events::PortalFacts;
use usher_types::{
    ContactId, EmailState, Facts, IneligibleReason, InvitationAction, InvitationId, OrganizationId,
    PortalStatus, Version, eligibility, portal_status,
};

use super::person::Person;
use crate::domain::budget::Tally;

/// Where a contact stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whose.
    pub contact: ContactId,
    /// The tenant.
    pub organization: OrganizationId,
    /// What was heard of the contact.
    pub person: Person,
    /// As stored: never EXPIRED.
    pub status: PortalStatus,
    /// Goes up with every change of what follows.
    pub version: Version,
    /// The newest invitation, while it is INVITED.
    pub invitation: Option<InvitationId>,
    /// The address it went to, canonical; after accepting, the address that signs in.
    pub address: Option<String>,
    /// How many links went out.
    pub generation: i64,
    /// When the newest invitation was sent.
    pub invited_at: Option<DateTime<Utc>>,
    /// By whom, for display.
    pub invited_by: Option<String>,
    /// When the open invitation ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When a password was chosen.
    pub accepted_at: Option<DateTime<Utc>>,
    /// First sign-in.
    pub first_signed_in_at: Option<DateTime<Utc>>,
    /// Latest sign-in.
    pub last_signed_in_at: Option<DateTime<Utc>>,
    /// The invitation mails of one day (I17).
    pub mails: Tally,
}

impl Access {
    /// A contact nobody has invited yet.
    #[must_use]
    pub const fn new(contact: ContactId, organization: OrganizationId, person: Person) -> Self {
        Self {
            contact,
            organization,
            status: PortalStatus::Waiting,
            // whom contacts tells of after a restore may have been known here before, and others remember that (ADR 44)
            version: person.version.first_of_epoch(),
            person,
            invitation: None,
            address: None,
            generation: 0,
            invited_at: None,
            invited_by: None,
            expires_at: None,
            accepted_at: None,
            first_signed_in_at: None,
            last_signed_in_at: None,
            mails: Tally { day: 0, count: 0 },
        }
    }

    /// The status at `now`.
    #[must_use]
    pub fn status_at(&self, now: DateTime<Utc>) -> PortalStatus {
        portal_status(self.status, self.expires_at, now)
    }

    /// Whether `action` reaches the contact (I3). `address` is what is known of the address beyond the contact.
    ///
    /// # Errors
    /// The first reason that holds.
    pub fn eligibility(
        &self,
        action: InvitationAction,
        address: EmailState,
        now: DateTime<Utc>,
    ) -> Result<(), IneligibleReason> {
        eligibility(self.facts_at(address, now), action)
    }

    /// Whether the contact, for whom login to a further account was switched on, can be told of it (I13).
    ///
    /// # Errors
    /// The first reason that holds.
    pub fn can_be_told(&self, address: EmailState, now: DateTime<Utc>) -> Result<(), IneligibleReason> {
        let facts = Facts {
            opened: true,
            ..self.facts_at(address, now)
        };
        eligibility(facts, InvitationAction::Send)
    }

    fn facts_at(&self, address: EmailState, now: DateTime<Utc>) -> Facts {
        Facts {
            active: self.person.active,
            role: self.person.role,
            status: self.status_at(now),
            login: self.person.login(),
            email: self.person.email_fact(address),
            opened: false,
        }
    }

    /// The address is another than the one that the invitation went to, or that signs in.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.address.is_some() && self.address != self.person.email_canonical
    }

    /// Whether a password was chosen: there is an address that signs in.
    #[must_use]
    pub const fn is_in(&self) -> bool {
        matches!(self.status, PortalStatus::Accepted | PortalStatus::Active)
    }

    /// The address that is to sign in once a link mailed to it is confirmed (I6); none while there is nothing to confirm.
    #[must_use]
    pub fn unconfirmed(&self) -> Option<&str> {
        let reaches = self.person.may_enter() && self.person.can_be_written_to();
        let waits = self.is_in() && reaches && self.is_elsewhere();
        self.person.email_canonical.as_deref().filter(|_| waits)
    }

    /// Takes what is newer, and nothing follows from it: a batch decides by the newest, the news itself comes as an act.
    pub fn learn(&mut self, person: Person) -> bool {
        if person.version <= self.person.version {
            return false;
        }
        self.person = person;
        true
    }

    /// What is published of it.
    #[must_use]
    pub fn facts(&self) -> PortalFacts {
        PortalFacts {
            contact_id: self.contact,
            organization_id: self.organization,
            version: self.version,
            status: self.status,
            invited_at: self.invited_at,
            invited_by: self.invited_by.clone(),
            expires_at: self.expires_at,
            accepted_at: self.accepted_at,
            first_signed_in_at: self.first_signed_in_at,
            last_signed_in_at: self.last_signed_in_at,
        }
    }
}
