//! Inputs about accounts and links.

use async_graphql::{ID, InputObject, MaybeUndefined};
use usher_proto::contacts::v1 as wire;
use usher_types::{AccountId, ContactId};

use super::{list_change, required};
use crate::graphql::types::{AccountKind, to_wire};
use crate::ids::Kind;

/// A new account.
#[derive(InputObject, Clone, Debug)]
pub struct CreateAccountInput {
    /// The account's name.
    name: String,
    /// What it stands for. A JOINT account needs two different contacts, one of them primary.
    kind: AccountKind,
    /// Staff's tags.
    tags: Option<Vec<String>>,
    /// Links made together with the account.
    contacts: Option<Vec<ContactLinkInput>>,
}

impl CreateAccountInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::CreateAccountRequest {
        let contacts = self.contacts.unwrap_or_default().into_iter();
        wire::CreateAccountRequest {
            name: self.name,
            kind: to_wire(self.kind),
            tags: self.tags.unwrap_or_default(),
            contacts: contacts.map(ContactLinkInput::into_wire).collect(),
        }
    }
}

/// A link to a contact. Left out: login false, notify true, emailSync false.
#[derive(InputObject, Clone, Debug)]
pub struct ContactLinkInput {
    /// The contact.
    contact_id: ID,
    /// Whether this is the account's first contact.
    primary: Option<bool>,
    /// May sign in to the portal for this account.
    login: Option<bool>,
    /// Gets notification e-mail about this account.
    notify: Option<bool>,
    /// E-mail from this contact is filed under this account.
    email_sync: Option<bool>,
}

impl ContactLinkInput {
    fn into_wire(self) -> wire::ContactLink {
        wire::ContactLink {
            contact_id: ContactId::wire(&self.contact_id),
            primary: self.primary,
            login: self.login,
            notify: self.notify,
            email_sync: self.email_sync,
        }
    }
}

/// A change to an account. A field left out stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateAccountInput {
    /// The account.
    id: ID,
    /// Answer CONFLICT where the account no longer has this version.
    expected_version: Option<i32>,
    /// The account's name.
    name: MaybeUndefined<String>,
    /// What it stands for.
    kind: MaybeUndefined<AccountKind>,
    /// Staff's tags: all of them.
    tags: MaybeUndefined<Vec<String>>,
}

impl UpdateAccountInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::UpdateAccountRequest {
        let mut nulled = Vec::new();
        wire::UpdateAccountRequest {
            id: AccountId::wire(&self.id),
            expected_version: self.expected_version.map(i64::from),
            name: required(self.name, "name", &mut nulled),
            kind: required(self.kind, "kind", &mut nulled).map(to_wire),
            tags: list_change(self.tags),
            nulled,
        }
    }
}

/// A new link.
#[derive(InputObject, Clone, Debug)]
pub struct LinkContactInput {
    /// The account.
    account_id: ID,
    /// The contact, and the toggles.
    contact: ContactLinkInput,
}

impl LinkContactInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::LinkContactRequest {
        wire::LinkContactRequest {
            account_id: AccountId::wire(&self.account_id),
            contact: Some(self.contact.into_wire()),
        }
    }
}

/// The link to take away.
#[derive(InputObject, Clone, Debug)]
pub struct UnlinkContactInput {
    /// The account.
    account_id: ID,
    /// The contact.
    contact_id: ID,
}

impl UnlinkContactInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::UnlinkContactRequest {
        wire::UnlinkContactRequest {
            account_id: AccountId::wire(&self.account_id),
            contact_id: ContactId::wire(&self.contact_id),
        }
    }
}
