//! Portal access: where a contact stands on the way in. What was heard of the contact stands beside it, since it decides.

use chrono::{DateTime, Utc};
use usher_events::{ContactFacts, PortalFacts};
use usher_types::{
    ContactId, ContactRole, EmailFact, EmailState, Facts, IneligibleReason, InvitationAction, InvitationId,
    LoginFact, OrganizationId, PortalStatus, Version, eligibility, portal_status,
};

use super::portal::{Act, Step, step};

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
    const fn login(&self) -> LoginFact {
        LoginFact::from_counts(self.links, self.links_with_login)
    }

    /// Whether there is an address that mail and sign-in could use.
    const fn has_address(&self) -> bool {
        self.email_canonical.is_some() && !matches!(self.email_state, EmailState::Invalid | EmailState::None)
    }

    /// Nothing of I21's causes stands against letting the person in: inactive, LEAD, no login, no address.
    #[must_use]
    pub const fn may_enter(&self) -> bool {
        self.active
            && !matches!(self.role, ContactRole::Lead)
            && self.login().enabled()
            && self.email.is_some()
    }

    fn email_fact(&self, address: EmailState) -> EmailFact {
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

/// A link that goes out.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The new invitation.
    pub invitation: InvitationId,
    /// For display.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The end of its life.
    pub expires_at: DateTime<Utc>,
}

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
}

/// What a change of the contact asks for beyond the row itself (I21, I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    None,
    /// The invitation is over and its mail is taken back.
    Ended(InvitationId),
    /// The address is another: the invitation is over and a new one is to go out.
    Readdress(InvitationId),
    /// Whoever is signed in as the contact is signed out.
    SignOut,
}

impl Access {
    /// A contact nobody has invited yet.
    #[must_use]
    pub const fn new(contact: ContactId, organization: OrganizationId, person: Person) -> Self {
        Self {
            contact,
            organization,
            person,
            status: PortalStatus::Waiting,
            version: Version::FIRST,
            invitation: None,
            address: None,
            generation: 0,
            invited_at: None,
            invited_by: None,
            expires_at: None,
            accepted_at: None,
            first_signed_in_at: None,
            last_signed_in_at: None,
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
        let facts = Facts {
            active: self.person.active,
            role: self.person.role,
            status: self.status_at(now),
            login: self.person.login(),
            email: self.person.email_fact(address),
        };
        eligibility(facts, action)
    }

    /// Takes what is newer.
    pub fn learn(&mut self, person: Person) -> bool {
        if person.version <= self.person.version {
            return false;
        }
        self.person = person;
        true
    }

    /// A link goes out; the one before, if there is one, is returned.
    pub fn issue(&mut self, offer: &Offer) -> Option<InvitationId> {
        let before = self.invitation.replace(offer.invitation);
        self.status = PortalStatus::Invited;
        self.version = self.version.next();
        self.generation += 1;
        self.address.clone_from(&self.person.email_canonical);
        self.invited_at = Some(offer.at);
        self.invited_by = Some(offer.by.clone());
        self.expires_at = Some(offer.expires_at);
        before
    }

    /// The invitation is over before anybody accepted; when and by whom it was sent is kept.
    pub fn end(&mut self) -> Option<InvitationId> {
        self.status = PortalStatus::Waiting;
        self.version = self.version.next();
        self.expires_at = None;
        self.address = None;
        self.invitation.take()
    }

    /// A password was chosen.
    pub fn accept(&mut self, now: DateTime<Utc>) {
        self.status = PortalStatus::Accepted;
        self.version = self.version.next();
        self.invitation = None;
        self.expires_at = None;
        self.accepted_at = Some(now);
    }

    /// Somebody signed in; true for the first time.
    pub fn sign_in(&mut self, now: DateTime<Utc>) -> bool {
        let first = self.first_signed_in_at.is_none();
        self.status = PortalStatus::Active;
        self.version = self.version.next();
        self.first_signed_in_at.get_or_insert(now);
        self.last_signed_in_at = Some(now);
        first
    }

    /// News of the contact. What it asks for beyond this row is returned; an older version asks for nothing.
    pub fn contact_changed(&mut self, person: Person, now: DateTime<Utc>) -> Consequence {
        if !self.learn(person) {
            return Consequence::None;
        }
        if !self.person.may_enter() {
            return self.bar(now);
        }
        let elsewhere = self.address.is_some() && self.address != self.person.email_canonical;
        if !elsewhere || step(self.status_at(now), Act::Readdress) == Step::Stays {
            return Consequence::None;
        }
        // an address that takes no mail cannot be offered anything: the old link dies all the same
        if !self.person.has_address() || self.person.email_duplicate {
            return self.end().map_or(Consequence::None, Consequence::Ended);
        }
        self.invitation.map_or(Consequence::None, Consequence::Readdress)
    }

    fn bar(&mut self, now: DateTime<Utc>) -> Consequence {
        match step(self.status_at(now), Act::Bar) {
            Step::To(_) => self.end().map_or(Consequence::None, Consequence::Ended),
            _ if matches!(self.status, PortalStatus::Accepted | PortalStatus::Active) => Consequence::SignOut,
            _ => Consequence::None,
        }
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

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};
    use usher_types::PortalStatus::{Accepted, Active, Expired, Invited, Waiting};

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
    }

    fn person() -> Person {
        Person {
            version: Version::FIRST,
            role: ContactRole::Client,
            active: true,
            links: 0,
            links_with_login: 0,
            email: Some("Ada@example.com".into()),
            email_canonical: Some("ada@example.com".into()),
            email_state: EmailState::Valid,
            email_duplicate: false,
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            locale: None,
            time_zone: None,
        }
    }

    fn access(status: PortalStatus) -> Access {
        let mut access = Access::new(ContactId::new(noon()), OrganizationId::new(noon()), person());
        if status == Waiting {
            return access;
        }
        access.issue(&Offer {
            invitation: InvitationId::new(noon()),
            by: "Grace".into(),
            at: noon(),
            expires_at: noon() + TimeDelta::hours(1),
        });
        match status {
            Expired => access.expires_at = Some(noon()),
            Accepted => access.accept(noon()),
            Active => {
                access.accept(noon());
                access.sign_in(noon());
            }
            _ => {}
        }
        access
    }

    fn changed(change: impl FnOnce(&mut Person)) -> Person {
        let mut person = person();
        person.version = Version::FIRST.next();
        change(&mut person);
        person
    }

    type Cause = (&'static str, fn(&mut Person));
    const CAUSES: [Cause; 4] = [
        ("inactive", |person| person.active = false),
        ("lead", |person| person.role = ContactRole::Lead),
        ("last login off", |person| person.links = 2),
        ("address removed", |person| {
            person.email = None;
            person.email_canonical = None;
            person.email_state = EmailState::None;
        }),
    ];

    #[test]
    fn i21_every_cause_ends_an_open_invitation_and_keeps_its_history() {
        for (cause, change) in CAUSES {
            for status in [Invited, Expired] {
                let mut access = access(status);
                let invitation = access.invitation.unwrap();
                let version = access.version;
                let consequence = access.contact_changed(changed(change), noon());
                assert_eq!(consequence, Consequence::Ended(invitation), "{cause} {status}");
                assert_eq!(access.status, Waiting);
                assert_eq!(access.version, version.next());
                assert_eq!(access.expires_at, None);
                assert_eq!(access.invited_at, Some(noon()));
                assert_eq!(access.invited_by.as_deref(), Some("Grace"));
            }
        }
    }

    #[test]
    fn i21_accepted_and_active_keep_their_status_and_are_signed_out() {
        for (cause, change) in CAUSES {
            for status in [Accepted, Active] {
                let mut access = access(status);
                let version = access.version;
                let consequence = access.contact_changed(changed(change), noon());
                assert_eq!(consequence, Consequence::SignOut, "{cause} {status}");
                assert_eq!((access.status, access.version), (status, version));
                assert!(!access.person.may_enter());
            }
            let mut waiting = access(Waiting);
            assert_eq!(
                waiting.contact_changed(changed(change), noon()),
                Consequence::None,
                "{cause}"
            );
        }
    }

    #[test]
    fn i21_access_returns_with_its_cause() {
        let mut access = access(Active);
        access.contact_changed(changed(|person| person.active = false), noon());
        let mut back = person();
        back.version = Version::FIRST.next().next();
        assert_eq!(access.contact_changed(back, noon()), Consequence::None);
        assert!(access.person.may_enter());
        assert_eq!(access.status, Active);
    }

    #[test]
    fn i6_another_address_asks_for_a_new_invitation_while_one_is_out() {
        let elsewhere = |person: &mut Person| {
            person.email = Some("ada@birch.example".into());
            person.email_canonical = Some("ada@birch.example".into());
        };
        for status in [Invited, Expired] {
            let mut access = access(status);
            let invitation = access.invitation.unwrap();
            assert_eq!(
                access.contact_changed(changed(elsewhere), noon()),
                Consequence::Readdress(invitation),
                "{status}"
            );
        }
        for status in [Waiting, Accepted, Active] {
            let mut access = access(status);
            let address = access.address.clone();
            assert_eq!(
                access.contact_changed(changed(elsewhere), noon()),
                Consequence::None,
                "{status}"
            );
            // the address that signs in stays until the new one is confirmed
            assert_eq!(access.address, address);
        }
    }

    #[test]
    fn i6_the_same_address_written_otherwise_asks_for_nothing() {
        let mut access = access(Invited);
        let typed = changed(|person| person.email = Some("ADA@EXAMPLE.COM".into()));
        assert_eq!(access.contact_changed(typed, noon()), Consequence::None);
    }

    #[test]
    fn i6_a_new_address_that_takes_no_mail_ends_the_invitation() {
        let mut access = access(Invited);
        let invitation = access.invitation.unwrap();
        let malformed = changed(|person| {
            person.email = Some("ada at birch".into());
            person.email_canonical = None;
            person.email_state = EmailState::Invalid;
        });
        assert_eq!(
            access.contact_changed(malformed, noon()),
            Consequence::Ended(invitation)
        );
    }

    #[test]
    fn an_older_version_of_the_contact_changes_nothing() {
        let mut access = access(Invited);
        let mut old = person();
        old.active = false;
        let before = access.clone();
        assert_eq!(access.contact_changed(old, noon()), Consequence::None);
        assert_eq!(access, before);
    }

    #[test]
    fn i1_the_first_sign_in_makes_active() {
        let mut access = access(Accepted);
        assert!(access.sign_in(noon()));
        assert_eq!(access.status, Active);
        assert!(!access.sign_in(noon() + TimeDelta::hours(1)));
        assert_eq!(access.first_signed_in_at, Some(noon()));
        assert_eq!(access.last_signed_in_at, Some(noon() + TimeDelta::hours(1)));
    }

    #[test]
    fn i3_the_address_s_own_state_counts() {
        let send = InvitationAction::Send;
        let access = access(Waiting);
        let table = [
            (EmailState::Valid, Ok(())),
            (EmailState::Bounced, Err(IneligibleReason::EmailBounced)),
            (EmailState::Suppressed, Err(IneligibleReason::EmailSuppressed)),
        ];
        for (state, expected) in table {
            assert_eq!(access.eligibility(send, state, noon()), expected, "{state}");
        }
    }
}
