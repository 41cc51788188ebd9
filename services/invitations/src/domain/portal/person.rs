//! What was heard of a contact, as far as it decides about portal access.

use usher_events::ContactFacts;
use usher_types::{ContactRole, EmailFact, EmailState, LoginFact, Version};

/// What was heard of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Of the contact; an older one never overwrites.
    pub version: Version,
    /// C1.
    pub role: ContactRole,
    /// C4.
    pub active: bool,
    /// Number of linked accounts.
    pub links: i64,
    /// Number of links with login on.
    pub links_with_login: i64,
    /// As typed.
    pub email: Option<String>,
    /// Decides equality; absent where it is malformed.
    pub email_canonical: Option<String>,
    /// NONE, VALID or INVALID: bounces and suppressions belong to the address, not to the contact.
    pub email_state: EmailState,
    /// Another live contact has the same address.
    pub email_duplicate: bool,
    /// Made by createTestClient: left out of funnel and statistics (I19).
    pub test: bool,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// The contact's own.
    pub locale: Option<String>,
    /// The contact's own, IANA.
    pub time_zone: Option<String>,
}

impl From<&ContactFacts> for Person {
    fn from(facts: &ContactFacts) -> Self {
        Self {
            version: facts.version,
            role: facts.role,
            active: facts.active,
            links: facts.links,
            links_with_login: facts.links_with_login,
            email: facts.email.clone(),
            email_canonical: facts.email_canonical.clone(),
            email_state: own_state(facts.email_state),
            email_duplicate: facts.email_duplicate,
            test: facts.test,
            first_name: facts.first_name.clone(),
            last_name: facts.last_name.clone(),
            locale: facts.locale.clone(),
            time_zone: facts.time_zone.clone(),
        }
    }
}

/// The part of an address's state that is the contact's own.
#[must_use]
pub const fn own_state(state: EmailState) -> EmailState {
    match state {
        EmailState::Bounced | EmailState::Suppressed => EmailState::Valid,
        other => other,
    }
}

impl Person {
    /// First and last name.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
            .trim()
            .to_owned()
    }

    /// Nothing of I21's causes stands against letting the person in: inactive, LEAD, no login, no address.
    #[must_use]
    pub const fn may_enter(&self) -> bool {
        self.active
            && !matches!(self.role, ContactRole::Lead)
            && self.login().enabled()
            && self.email.is_some()
    }

    /// Whether a letter to the address could arrive, as far as the contact itself tells.
    pub(super) const fn can_be_written_to(&self) -> bool {
        self.has_address() && !self.email_duplicate
    }

    /// Whether there is an address that mail and sign-in could use.
    const fn has_address(&self) -> bool {
        self.email_canonical.is_some() && !matches!(self.email_state, EmailState::Invalid | EmailState::None)
    }

    /// With links: one of them has login on. Without any: true.
    #[must_use]
    pub const fn login_enabled(&self) -> bool {
        self.login().enabled()
    }

    pub(super) const fn login(&self) -> LoginFact {
        LoginFact::from_counts(self.links, self.links_with_login)
    }

    pub(super) fn email_fact(&self, address: EmailState) -> EmailFact {
        if self.email.is_none() {
            EmailFact::None
        } else if !self.has_address() {
            EmailFact::Invalid
        } else if self.email_duplicate {
            EmailFact::Duplicate
        } else {
            match address {
                EmailState::Suppressed => EmailFact::Suppressed,
                EmailState::Bounced => EmailFact::Bounced,
                _ => EmailFact::Usable,
            }
        }
    }
}
