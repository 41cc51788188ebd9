//! Contacts in every status, for tables.

mod acts;
mod news;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use usher_types::PortalStatus::{self, Accepted, Active, Expired, Invited, Waiting};
use usher_types::{ContactId, ContactRole, EmailState, InvitationId, OrganizationId, Version};

use super::*;
use crate::domain::link::InvitationState;

const STATUSES: [PortalStatus; 5] = [Waiting, Invited, Expired, Accepted, Active];

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
        test: false,
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        locale: None,
        time_zone: None,
    }
}

fn offer() -> Offer {
    Offer {
        invitation: InvitationId::new(noon()),
        by: "Grace".into(),
        expires_at: noon() + TimeDelta::hours(1),
        address: EmailState::Valid,
    }
}

fn after(access: Access, act: Act) -> Access {
    transition(access, act, noon()).unwrap().0
}

/// A contact who stands there at noon.
fn access(status: PortalStatus) -> Access {
    let waiting = Access::new(ContactId::new(noon()), OrganizationId::new(noon()), person());
    if status == Waiting {
        return waiting;
    }
    let mut invited = after(waiting, Act::Send(offer()));
    if status == Expired {
        invited.expires_at = Some(noon());
    }
    if matches!(status, Invited | Expired) {
        return invited;
    }
    let invitation = invited.invitation.unwrap();
    let accepted = after(invited, Act::Accept(invitation));
    if status == Accepted {
        return accepted;
    }
    after(accepted, Act::SignIn)
}

fn changed(change: impl FnOnce(&mut Person)) -> Person {
    let mut person = person();
    person.version = Version::FIRST.next();
    change(&mut person);
    person
}

fn elsewhere(person: &mut Person) {
    person.email = Some("ada@birch.example".into());
    person.email_canonical = Some("ada@birch.example".into());
}

type Cause = (&'static str, fn(&mut Person));
const CAUSES: [Cause; 5] = [
    ("inactive", |person| person.active = false),
    ("lead", |person| person.role = ContactRole::Lead),
    ("last login off", |person| person.links = 2),
    ("address removed", |person| {
        person.email = None;
        person.email_canonical = None;
        person.email_state = EmailState::None;
    }),
    ("erased", erase),
];

/// What is left of a contact whose personal data was removed (C4).
fn erase(person: &mut Person) {
    (person.email, person.email_canonical) = (None, None);
    person.email_state = EmailState::None;
    person.active = false;
    person.first_name.clear();
    person.last_name.clear();
    (person.locale, person.time_zone) = (None, None);
}

const fn ended(invitation: InvitationId, state: InvitationState) -> Option<Ended> {
    Some(Ended { invitation, state })
}
