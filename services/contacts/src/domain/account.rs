//! What a contact is let into (C5).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use usher_types::{AccountId, AccountKind, ContactId, OrganizationId, Version};

use super::{
    contact_change::camel,
    link::{MemberInput, Toggles, no_contact},
    refusal::{AccountCode as Code, Refusal},
    text,
};

/// An account as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) organization: OrganizationId,
    pub(crate) version: Version,
    pub(crate) name: String,
    pub(crate) kind: AccountKind,
    pub(crate) tags: Vec<String>,
    /// Linked with login on, active and no LEAD.
    pub(crate) portal_contacts: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Account {
    /// A new account of this kind.
    pub(crate) fn new(
        organization: OrganizationId,
        name: String,
        kind: AccountKind,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: AccountId::new(now),
            organization,
            version: Version::FIRST,
            name,
            kind,
            tags: Vec::new(),
            portal_contacts: 0,
            created_at: now,
            updated_at: now,
        }
    }

    /// ACTIVE or OFFLINE (C11).
    pub(crate) const fn portal_status(&self) -> &'static str {
        if self.portal_contacts > 0 {
            "ACTIVE"
        } else {
            "OFFLINE"
        }
    }
}

/// An account that could be made, as far as the input alone tells.
#[derive(Clone, Debug)]
pub(crate) struct AccountDraft {
    pub(crate) name: String,
    pub(crate) kind: AccountKind,
    pub(crate) tags: Vec<String>,
    pub(crate) contacts: Vec<(ContactId, Toggles)>,
}

impl AccountDraft {
    /// Checks the input, collecting everything that is to mend.
    pub(crate) fn new(
        name: &str,
        kind: AccountKind,
        tags: &[String],
        contacts: &[MemberInput],
    ) -> Result<Self, Vec<Refusal<Code>>> {
        let mut refusals = Vec::new();
        let draft = Self {
            name: text::name(name, &["name"], &mut refusals),
            kind,
            tags: text::tags(tags, &mut refusals),
            contacts: people(kind, contacts, &mut refusals),
        };
        if refusals.is_empty() {
            Ok(draft)
        } else {
            Err(refusals)
        }
    }
}

fn people(
    kind: AccountKind,
    inputs: &[MemberInput],
    refusals: &mut Vec<Refusal<Code>>,
) -> Vec<(ContactId, Toggles)> {
    if inputs.len() > text::CONTACTS_OF_ACCOUNT {
        refusals.push(too_many_contacts(&["contacts"]));
        return Vec::new();
    }
    let mut people: Vec<(ContactId, Toggles)> = Vec::with_capacity(inputs.len());
    let mut seen = HashSet::new();
    for (index, input) in inputs.iter().enumerate() {
        let index = index.to_string();
        let Some(contact) = input.contact else {
            refusals.push(no_contact(&["contacts", &index, "contactId"]));
            continue;
        };
        if !seen.insert(contact) {
            // For a joint account the missing second person is the thing to mend, and said below.
            if kind != AccountKind::Joint {
                let message = "This contact stands here twice.";
                refusals.push(Refusal::new(
                    Code::Invalid,
                    &["contacts", &index, "contactId"],
                    message,
                ));
            }
            continue;
        }
        let toggles = input.toggles();
        if toggles.primary && people.iter().any(|(_, other)| other.primary) {
            let message = "Only one contact can be the primary one.";
            refusals.push(Refusal::new(
                Code::Invalid,
                &["contacts", &index, "primary"],
                message,
            ));
        }
        people.push((contact, toggles));
    }
    let primaries = people.iter().filter(|(_, toggles)| toggles.primary).count();
    if refusals.is_empty() {
        refusals.extend(joint_refusal(kind, people.len(), primaries, &["contacts"]));
    }
    people
}

/// JOINT_NEEDS_TWO_CONTACTS, where an account of this kind cannot have these numbers of contacts and primaries (C5).
pub(crate) fn joint_refusal(
    kind: AccountKind,
    contacts: usize,
    primaries: usize,
    path: &[&str],
) -> Option<Refusal<Code>> {
    if kind != AccountKind::Joint || (contacts >= 2 && primaries == 1) {
        return None;
    }
    let message = "A joint account needs two different contacts, one of them primary.";
    Some(Refusal::new(Code::JointNeedsTwoContacts, path, message))
}

/// TOO_MANY contacts of one account.
pub(crate) fn too_many_contacts(path: &[&str]) -> Refusal<Code> {
    let message = format!(
        "An account can have at most {} contacts.",
        text::CONTACTS_OF_ACCOUNT
    );
    Refusal::new(Code::TooMany, path, message)
}

/// TOO_MANY accounts of one contact.
pub(crate) fn too_many_accounts(path: &[&str]) -> Refusal<Code> {
    let message = format!(
        "A contact can have at most {} accounts.",
        text::ACCOUNTS_OF_CONTACT
    );
    Refusal::new(Code::TooMany, path, message)
}

/// What updateAccount changes: absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountChange {
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<AccountKind>,
    pub(crate) tags: Option<Vec<String>>,
}

impl AccountChange {
    /// Checks the input, collecting everything that is to mend. `nulled`: fields that cannot be null and were.
    pub(crate) fn new(
        name: Option<&str>,
        kind: Option<AccountKind>,
        tags: Option<&[String]>,
        nulled: &[String],
    ) -> Result<Self, Vec<Refusal<Code>>> {
        let mut refusals = Vec::new();
        for field in nulled {
            refusals.push(Refusal::new(
                Code::Required,
                &[&camel(field)],
                "This cannot be cleared.",
            ));
        }
        let change = Self {
            name: name.map(|name| text::name(name, &["name"], &mut refusals)),
            kind,
            tags: tags.map(|tags| text::tags(tags, &mut refusals)),
        };
        if refusals.is_empty() {
            Ok(change)
        } else {
            Err(refusals)
        }
    }

    /// The account with the change.
    pub(crate) fn applied(self, before: &Account, now: DateTime<Utc>) -> Account {
        let before = before.clone();
        Account {
            version: before.version.next(),
            name: self.name.unwrap_or(before.name),
            kind: self.kind.unwrap_or(before.kind),
            tags: self.tags.unwrap_or(before.tags),
            updated_at: now,
            ..before
        }
    }

    /// The names of the fields that become different.
    pub(crate) fn changed(&self, account: &Account) -> Vec<&'static str> {
        let differs = [
            (
                "name",
                self.name.as_ref().is_some_and(|name| *name != account.name),
            ),
            ("kind", self.kind.is_some_and(|kind| kind != account.kind)),
            (
                "tags",
                self.tags.as_ref().is_some_and(|tags| *tags != account.tags),
            ),
        ];
        differs
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| name)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn contact(primary: Option<bool>) -> MemberInput {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        MemberInput {
            contact: Some(ContactId::new(at)),
            primary,
            login: None,
            notify: None,
            email_sync: None,
        }
    }

    fn refusals(kind: AccountKind, contacts: &[MemberInput]) -> Vec<(Code, String)> {
        match AccountDraft::new("Acme", kind, &[], contacts) {
            Ok(_) => vec![],
            Err(refusals) => refusals
                .into_iter()
                .map(|refusal| (refusal.code, refusal.field.join(".")))
                .collect(),
        }
    }

    #[test]
    fn c5_a_joint_account_needs_two_different_contacts_one_of_them_primary() {
        let joint = |contacts: &[MemberInput]| refusals(AccountKind::Joint, contacts);
        let refused = [(Code::JointNeedsTwoContacts, "contacts".to_owned())];
        let one = contact(Some(true));
        assert_eq!(joint(&[]), refused);
        assert_eq!(joint(&[one]), refused);
        assert_eq!(joint(&[one, one]), refused);
        assert_eq!(joint(&[contact(None), contact(None)]), refused);
        assert_eq!(joint(&[one, contact(None)]), []);
        assert_eq!(
            joint(&[one, contact(Some(true))]),
            [(Code::Invalid, "contacts.1.primary".to_owned())]
        );
    }

    #[test]
    fn c5_other_kinds_take_any_number_once_each() {
        let one = contact(None);
        assert_eq!(refusals(AccountKind::Company, &[]), []);
        assert_eq!(refusals(AccountKind::Trust, &[one]), []);
        assert_eq!(
            refusals(AccountKind::Company, &[one, one]),
            [(Code::Invalid, "contacts.1.contactId".to_owned())]
        );
        let unreadable = MemberInput { contact: None, ..one };
        assert_eq!(
            refusals(AccountKind::Company, &[unreadable]),
            [(Code::NotFound, "contacts.0.contactId".to_owned())]
        );
    }
}
