//! What a contact is let into (C5).

use chrono::{DateTime, Utc};
use usher_types::{AccountId, AccountKind, OrganizationId, Version};

use super::{
    contact_change::camel,
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
