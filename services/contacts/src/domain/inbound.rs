//! What another service says of contacts and accounts, field by field (E2): each field has the version in which its publisher said
//! it last, and what is older, or as old, changes nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use usher_events::{AccountUpserted, ContactUpserted};
use usher_types::{AccountKind, ContactId, ContactRole, EmailAddress, EmailState, OrganizationId, Version};

use super::{
    account::{Account, AccountChange},
    address::Address,
    contact::Contact,
    contact_change::{ContactChange, ContactChangeInput},
    refusal::{AccountCode, ContactCode, Refusal},
    text,
};

/// The version of each field, by its name.
pub(crate) type Versions = BTreeMap<String, i64>;

/// Puts a field where it belongs, if it was said and is newer than what is known of it.
fn newer<T>(said: Option<T>, field: &str, version: i64, versions: &mut Versions, into: &mut Option<T>) {
    let is_newer = versions.get(field).is_none_or(|known| *known < version);
    if said.is_some() && is_newer {
        versions.insert(field.to_owned(), version);
        *into = said;
    }
}

/// What is new about a contact.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ContactNews {
    role: Option<ContactRole>,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<Option<String>>,
    phone: Option<Option<String>>,
    notes: Option<Option<String>>,
    tags: Option<Vec<String>>,
    active: Option<bool>,
    accounts: Option<Vec<String>>,
}

impl ContactNews {
    /// Adds the newer fields of a message.
    pub(crate) fn add(&mut self, said: ContactUpserted, versions: &mut Versions) {
        let version = said.version;
        newer(said.role, "role", version, versions, &mut self.role);
        newer(
            said.first_name,
            "first_name",
            version,
            versions,
            &mut self.first_name,
        );
        newer(
            said.last_name,
            "last_name",
            version,
            versions,
            &mut self.last_name,
        );
        newer(said.email, "email", version, versions, &mut self.email);
        newer(said.phone, "phone", version, versions, &mut self.phone);
        newer(said.notes, "notes", version, versions, &mut self.notes);
        newer(said.tags, "tags", version, versions, &mut self.tags);
        newer(said.active, "active", version, versions, &mut self.active);
        newer(said.accounts, "accounts", version, versions, &mut self.accounts);
    }

    /// Whether nothing is.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The publisher's ids of the accounts that the contact is to be linked to.
    pub(crate) fn accounts(&self) -> &[String] {
        self.accounts.as_deref().unwrap_or_default()
    }

    /// The address that is said, in its canonical form, where it has one.
    pub(crate) fn canonical(&self) -> Option<String> {
        let email = EmailAddress::parse(self.email.as_ref()?.as_ref()?).ok()?;
        Some(email.canonical().to_owned())
    }

    /// The contact that this is the beginning of.
    ///
    /// # Errors
    /// What is missing for one: role and names.
    pub(crate) fn beginning(
        &self,
        external_id: &str,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<Contact, String> {
        let (Some(role), Some(first_name), Some(last_name)) = (self.role, &self.first_name, &self.last_name)
        else {
            let missing =
                "there is no such contact yet, and the first message needs role, first_name and last_name";
            return Err(missing.to_owned());
        };
        Ok(Contact {
            id: ContactId::new(now),
            organization,
            version: Version::from_raw(0),
            role,
            active: true,
            test: false,
            first_name: first_name.clone(),
            last_name: last_name.clone(),
            email: None,
            email_canonical: None,
            email_state: EmailState::None,
            email_duplicate: false,
            phone: None,
            notes: None,
            tags: Vec::new(),
            external_id: Some(external_id.to_owned()),
            locale: None,
            time_zone: None,
            links: 0,
            links_with_login: 0,
            created_at: now,
            updated_at: now,
        })
    }

    /// The contact with the news, and the names of the fields that become different. A malformed address is kept as it is and
    /// marked (C3); an address may be missing, for a contact is not lost for want of one.
    ///
    /// # Errors
    /// Why it cannot be so.
    pub(crate) fn applied(
        self,
        before: &Contact,
        placeholder_domains: &[String],
        now: DateTime<Utc>,
    ) -> Result<(Contact, Vec<&'static str>), String> {
        let input = ContactChangeInput {
            role: self.role,
            first_name: self.first_name,
            last_name: self.last_name,
            email: None,
            phone: self.phone,
            notes: self.notes,
            tags: self.tags,
            nulled: Vec::new(),
        };
        let change = ContactChange::new(input).map_err(|refusals| reason(&refusals))?;
        let mut changed = change.changed(before);
        let mut after = change.applied(before);
        if let Some(email) = self.email {
            after = readdressed(after, email, placeholder_domains)?;
            if after.email != before.email {
                changed.push("email");
            }
        }
        if let Some(active) = self.active.filter(|active| *active != before.active) {
            after.active = active;
            changed.push("active");
        }
        after.version = before.version.next();
        after.updated_at = now;
        Ok((after, changed))
    }
}

fn readdressed(contact: Contact, email: Option<String>, listed: &[String]) -> Result<Contact, String> {
    let Some(typed) = email
        .map(|email| email.trim().to_owned())
        .filter(|email| !email.is_empty())
    else {
        return Ok(contact.with_address(None));
    };
    if Some(&typed) == contact.email.as_ref() {
        return Ok(contact);
    }
    if typed.len() > text::EMAIL || typed.chars().any(char::is_control) {
        return Err("email: This is too long for an e-mail address, or no text of one line.".to_owned());
    }
    Ok(match EmailAddress::parse(&typed) {
        Ok(email) => contact.with_address(Some(&Address::new(&email, listed))),
        Err(_) => Contact {
            email: Some(typed),
            email_state: EmailState::Invalid,
            ..contact.with_address(None)
        },
    })
}

/// What is new about an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AccountNews {
    name: Option<String>,
    kind: Option<AccountKind>,
    tags: Option<Vec<String>>,
    /// Nobody is to sign in for it any more.
    ended: Option<()>,
}

impl AccountNews {
    /// Adds the newer fields of a message.
    pub(crate) fn add(&mut self, said: AccountUpserted, versions: &mut Versions) {
        let version = said.version;
        newer(said.name, "name", version, versions, &mut self.name);
        newer(said.kind, "kind", version, versions, &mut self.kind);
        newer(said.tags, "tags", version, versions, &mut self.tags);
    }

    /// It was deactivated.
    pub(crate) fn end(&mut self, version: i64, versions: &mut Versions) {
        newer(Some(()), "active", version, versions, &mut self.ended);
    }

    /// Whether nothing is.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether login goes off on all its links.
    pub(crate) const fn is_end(&self) -> bool {
        self.ended.is_some()
    }

    /// The account that this is the beginning of.
    ///
    /// # Errors
    /// What is missing for one: name and kind.
    pub(crate) fn beginning(
        &self,
        organization: OrganizationId,
        now: DateTime<Utc>,
    ) -> Result<Account, String> {
        let (Some(name), Some(kind)) = (&self.name, self.kind) else {
            let missing = "there is no such account yet, and the first message needs name and kind";
            return Err(missing.to_owned());
        };
        if kind == AccountKind::Joint {
            return Err(
                "kind: A joint account needs two contacts, whom only the API can give to it.".to_owned(),
            );
        }
        Ok(Account {
            version: Version::from_raw(0),
            ..Account::new(organization, name.clone(), kind, now)
        })
    }

    /// The account with the news, and the names of the fields that become different.
    ///
    /// # Errors
    /// Why it cannot be so.
    pub(crate) fn applied(
        self,
        before: &Account,
        now: DateTime<Utc>,
    ) -> Result<(Account, Vec<&'static str>), String> {
        let change = AccountChange::new(self.name.as_deref(), self.kind, self.tags.as_deref(), &[]);
        let change = change.map_err(|refusals: Vec<Refusal<AccountCode>>| reason(&refusals))?;
        let changed = change.changed(before);
        Ok((change.applied(before, now), changed))
    }
}

/// An id of another system.
///
/// # Errors
/// Where it is none.
pub(crate) fn external_id(given: &str, version: i64) -> Result<String, String> {
    let mut refusals: Vec<Refusal<ContactCode>> = Vec::new();
    let id = text::name(given, &["external_id"], &mut refusals);
    match (refusals.is_empty(), version) {
        (false, _) => Err(reason(&refusals)),
        (true, ..1) => Err("version: It is at least 1.".to_owned()),
        (true, _) => Ok(id),
    }
}

/// Names of fields and what is wrong with them, never what they hold.
fn reason<C>(refusals: &[Refusal<C>]) -> String {
    let all = refusals
        .iter()
        .map(|refusal| format!("{}: {}", snake(&refusal.field.join(".")), refusal.message));
    all.collect::<Vec<_>>().join(" ")
}

/// `firstName` as events call it.
fn snake(field: &str) -> String {
    let mut snake = String::new();
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contact_change::tests::stored;

    fn said(version: i64) -> ContactUpserted {
        ContactUpserted {
            external_id: "4711".to_owned(),
            version,
            ..ContactUpserted::default()
        }
    }

    fn named(version: i64, name: &str) -> ContactUpserted {
        ContactUpserted {
            first_name: Some(name.to_owned()),
            ..said(version)
        }
    }

    #[test]
    fn e2_each_field_keeps_the_newest_version_in_whatever_order_they_come() {
        let phoned = ContactUpserted {
            phone: Some(Some("+44 20 7946 0018".to_owned())),
            ..said(3)
        };
        let both = ContactUpserted {
            phone: Some(None),
            ..named(2, "Eda")
        };
        let all = [named(1, "Ada"), both, phoned];
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            let (mut news, mut versions) = (ContactNews::default(), Versions::new());
            for index in order {
                news.add(all[index].clone(), &mut versions);
            }
            let (after, changed) = news.applied(&stored(), &[], stored().created_at).unwrap();
            assert_eq!(after.first_name, "Eda", "{order:?}");
            assert_eq!(after.phone.as_deref(), Some("+442079460018"), "{order:?}");
            assert_eq!(changed, ["firstName", "phone"], "{order:?}");
            assert_eq!(
                versions,
                Versions::from([("first_name".to_owned(), 2), ("phone".to_owned(), 3)])
            );
        }
    }

    #[test]
    fn e2_what_is_as_old_changes_nothing() {
        let mut versions = Versions::from([("first_name".to_owned(), 2)]);
        let mut news = ContactNews::default();
        news.add(named(2, "Eda"), &mut versions);
        news.add(named(1, "Ida"), &mut versions);
        assert!(news.is_empty());
    }

    #[test]
    fn c3_an_event_keeps_a_malformed_address_and_marks_it() {
        let addressed = |email: Option<&str>| {
            let (mut news, mut versions) = (ContactNews::default(), Versions::new());
            let said = ContactUpserted {
                email: Some(email.map(str::to_owned)),
                ..said(1)
            };
            news.add(said, &mut versions);
            news.applied(&stored(), &["example.net".to_owned()], stored().created_at)
                .map(|(after, changed)| (after.email, after.email_canonical, after.email_state, changed))
        };
        let is = |email: &str, canonical: Option<&str>, state| {
            let email = Some(email.to_owned());
            Ok((email, canonical.map(str::to_owned), state, vec!["email"]))
        };
        assert_eq!(
            addressed(Some("ada at home")),
            is("ada at home", None, EmailState::Invalid)
        );
        assert_eq!(
            addressed(Some(" Ada@Example.org ")),
            is("Ada@Example.org", Some("ada@example.org"), EmailState::Valid)
        );
        assert_eq!(
            addressed(Some("ada@example.net")),
            is("ada@example.net", Some("ada@example.net"), EmailState::Invalid)
        );
        assert_eq!(addressed(None), Ok((None, None, EmailState::None, vec!["email"])));
        assert!(addressed(Some(&"a".repeat(321))).is_err());
    }

    #[test]
    fn e2_the_first_message_needs_what_a_contact_needs() {
        let (mut news, mut versions) = (ContactNews::default(), Versions::new());
        news.add(named(1, "Ada"), &mut versions);
        let at = stored().created_at;
        let refused = news.beginning("4711", stored().organization, at).unwrap_err();
        assert_eq!(
            refused,
            "there is no such contact yet, and the first message needs role, first_name and last_name"
        );
        let rest = ContactUpserted {
            role: Some(ContactRole::Client),
            last_name: Some("Lovelace".to_owned()),
            ..said(1)
        };
        news.add(rest, &mut versions);
        let new = news.beginning("4711", stored().organization, at).unwrap();
        assert_eq!(new.external_id.as_deref(), Some("4711"));
        let (after, changed) = news.applied(&new, &[], at).unwrap();
        assert_eq!((after.version, changed), (Version::FIRST, vec![]));
    }

    #[test]
    fn e2_reasons_name_fields_as_events_call_them() {
        let (mut news, mut versions) = (ContactNews::default(), Versions::new());
        news.add(named(1, " "), &mut versions);
        assert_eq!(
            news.applied(&stored(), &[], stored().created_at).unwrap_err(),
            "first_name: This must not be empty."
        );
        assert_eq!(external_id(" 17 ", 1), Ok("17".to_owned()));
        assert_eq!(
            external_id("", 1).unwrap_err(),
            "external_id: This must not be empty."
        );
        assert_eq!(external_id("17", 0).unwrap_err(), "version: It is at least 1.");
    }
}
