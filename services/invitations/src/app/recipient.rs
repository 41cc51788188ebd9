//! To whom letters go, and what of them does not depend on what they say.

use chrono::{DateTime, Utc};
use usher_events::{Letter, MailKind, Mailing};
use usher_types::{InvitationId, MailingId, MessageId};

use super::issue::{Link, mailing};
use crate::domain::organization::Organization;
use crate::domain::portal::Access;
use crate::storage::member::Member;

/// To whom a letter goes.
#[derive(Clone)]
pub(super) struct Recipient {
    /// As typed, where that is known.
    pub(super) email: String,
    pub(super) email_canonical: String,
    first_name: String,
    last_name: String,
    locale: Option<String>,
    time_zone: Option<String>,
}

impl Recipient {
    /// A contact, at the address that signs in so far.
    pub(super) fn signing_in(row: &Access) -> Option<Self> {
        let canonical = row.address.clone()?;
        let same = row.person.email_canonical.as_ref() == Some(&canonical);
        let typed = row.person.email.clone().filter(|_| same);
        Some(Self::at(
            row,
            typed.unwrap_or_else(|| canonical.clone()),
            canonical,
        ))
    }

    /// A contact, at the address that was noted last.
    pub(super) fn noted(row: &Access) -> Self {
        let person = &row.person;
        let canonical = person.email_canonical.clone().unwrap_or_default();
        Self::at(row, person.email.clone().unwrap_or_default(), canonical)
    }

    fn at(row: &Access, email: String, email_canonical: String) -> Self {
        let person = &row.person;
        Self {
            email,
            email_canonical,
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            locale: person.locale.clone(),
            time_zone: person.time_zone.clone(),
        }
    }

    /// First and last name.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
            .trim()
            .to_owned()
    }

    /// A letter without a link. It names no contact: nothing that is sent to the contact later replaces it.
    pub(super) fn letter(self, message: MessageId, about: InvitationId, expires_at: DateTime<Utc>) -> Letter {
        Letter {
            message_id: message,
            invitation_id: about,
            generation: 1,
            contact_id: None,
            email: self.email,
            email_canonical: self.email_canonical,
            first_name: self.first_name,
            last_name: self.last_name,
            locale: self.locale,
            time_zone: self.time_zone,
            sealed_token: None,
            expires_at,
            accounts: None,
        }
    }

    /// A letter with this link.
    pub(super) fn letter_with(self, link: &Link, expires_at: DateTime<Utc>) -> Letter {
        Letter {
            sealed_token: Some(link.sealed.clone()),
            ..self.letter(link.message, link.id, expires_at)
        }
    }

    /// A letter with a link of the contact's newest invitation, which the next one replaces.
    pub(super) fn invited(self, row: &Access, link: &Link, expires_at: DateTime<Utc>) -> Letter {
        Letter {
            generation: row.generation,
            contact_id: Some(row.contact),
            ..self.letter_with(link, expires_at)
        }
    }
}

impl From<&Member> for Recipient {
    fn from(member: &Member) -> Self {
        Self {
            email: member.email.clone(),
            email_canonical: member.email_canonical.clone(),
            first_name: member.display_name.clone(),
            last_name: String::new(),
            locale: None,
            time_zone: None,
        }
    }
}

/// A mailing of its own for such letters: nobody invites by them.
pub(super) fn of_kind(firm: &Organization, kind: MailKind, now: DateTime<Utc>) -> Mailing {
    Mailing {
        kind,
        ..mailing(firm, MailingId::new(now), None, None)
    }
}
