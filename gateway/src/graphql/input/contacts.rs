//! Inputs about contacts.

use async_graphql::{ID, InputObject, MaybeUndefined, OneofObject};
use bytes::Bytes;
use usher_proto::contacts::v1 as wire;
use usher_types::{AccountId, ContactId, SegmentId};

use super::{list_change, required, text_change};
use crate::fault::Fault;
use crate::graphql::types::{
    AccountKind, AccountPortalStatus, ContactOrderField, ContactRole, OrderDirection, PortalStatus, to_wire,
    to_wires,
};
use crate::ids::Kind;

/// How deep a filter may nest; the service that answers it has the same limit.
const DEEPEST_FILTER: usize = 16;

/// Fields beside each other must all hold; a list matches any of its values, and an empty one nothing. Nulls sort
/// first in ascending order.
#[derive(InputObject, Clone, Debug, Default)]
pub struct ContactFilter {
    /// Words looked for in name, e-mail, phone and account name.
    search: Option<String>,
    /// One of these roles.
    roles: Option<Vec<ContactRole>>,
    /// Any of these tags.
    tags: Option<Vec<String>>,
    /// Whether the contact is active.
    active: Option<bool>,
    /// Made by createTestClient, or not.
    test: Option<bool>,
    /// One of these portal statuses.
    portal_status: Option<Vec<PortalStatus>>,
    /// Whether login is on and nobody has signed in yet.
    pending_activation: Option<bool>,
    /// False: nobody has ever signed in as this contact.
    signed_in: Option<bool>,
    /// Linked to any of these accounts.
    account_ids: Option<Vec<ID>>,
    /// All of these hold.
    and: Option<Vec<ContactFilter>>,
    /// Any of these holds.
    or: Option<Vec<ContactFilter>>,
    /// This does not hold.
    not: Option<Box<ContactFilter>>,
}

impl ContactFilter {
    /// As it travels.
    pub(crate) fn into_wire(self) -> Result<wire::ContactFilter, Fault> {
        self.at_depth(1)
    }

    fn at_depth(self, depth: usize) -> Result<wire::ContactFilter, Fault> {
        if depth > DEEPEST_FILTER {
            return Err(Fault::input(format!(
                "a filter nests at most {DEEPEST_FILTER} levels deep"
            )));
        }
        let below = |filters: Option<Vec<Self>>| -> Result<Vec<wire::ContactFilter>, Fault> {
            let filters = filters.unwrap_or_default().into_iter();
            filters.map(|filter| filter.at_depth(depth + 1)).collect()
        };
        Ok(wire::ContactFilter {
            search: self.search,
            roles_given: self.roles.is_some(),
            roles: to_wires(self.roles),
            tags_given: self.tags.is_some(),
            tags: self.tags.unwrap_or_default(),
            active: self.active,
            test: self.test,
            portal_status_given: self.portal_status.is_some(),
            portal_status: to_wires(self.portal_status),
            pending_activation: self.pending_activation,
            signed_in: self.signed_in,
            account_ids_given: self.account_ids.is_some(),
            account_ids: AccountId::wires(&self.account_ids.unwrap_or_default()),
            and: below(self.and)?,
            or_given: self.or.is_some(),
            or: below(self.or)?,
            not: match self.not {
                Some(filter) => Some(Box::new(filter.at_depth(depth + 1)?)),
                None => None,
            },
        })
    }
}

/// The order of a list of contacts.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct ContactOrder {
    /// By what.
    field: ContactOrderField,
    /// Which way.
    direction: OrderDirection,
}

impl ContactOrder {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::ContactOrder {
        wire::ContactOrder {
            field: to_wire(self.field),
            descending: self.direction == OrderDirection::Desc,
        }
    }
}

/// Fields beside each other must all hold; a list matches any of its values, and an empty one nothing.
#[derive(InputObject, Clone, Debug, Default)]
pub struct AccountFilter {
    /// Words looked for in the name.
    search: Option<String>,
    /// One of these kinds.
    kinds: Option<Vec<AccountKind>>,
    /// Any of these tags.
    tags: Option<Vec<String>>,
    /// Whether somebody can get in.
    portal_status: Option<AccountPortalStatus>,
}

impl AccountFilter {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::ListAccountsRequest {
        wire::ListAccountsRequest {
            page: None,
            search: self.search,
            kinds_given: self.kinds.is_some(),
            kinds: to_wires(self.kinds),
            tags_given: self.tags.is_some(),
            tags: self.tags.unwrap_or_default(),
            portal_status: self.portal_status.map(to_wire),
        }
    }
}

/// Whom a bulk action is for: exactly one of these.
#[derive(OneofObject, Clone, Debug)]
pub enum ContactSelection {
    /// These contacts.
    Ids(Vec<ID>),
    /// Everyone who matches, on every page ('Select all').
    Filter(ContactFilter),
    /// Every contact of these accounts.
    AccountIds(Vec<ID>),
    /// Everyone who is in this segment now.
    SegmentId(ID),
}

impl ContactSelection {
    /// As it travels.
    pub(crate) fn into_wire(self) -> Result<wire::ContactSelection, Fault> {
        use wire::contact_selection::Of;
        let ids = |ids: Vec<Bytes>| wire::ContactIds { ids };
        let of = match self {
            Self::Ids(given) => Of::Ids(ids(ContactId::wires(&given))),
            Self::Filter(filter) => Of::Filter(filter.into_wire()?),
            Self::AccountIds(given) => Of::AccountIds(ids(AccountId::wires(&given))),
            Self::SegmentId(given) => Of::SegmentId(SegmentId::wire(&given)),
        };
        Ok(wire::ContactSelection { of: Some(of) })
    }
}

/// A new contact.
#[derive(InputObject, Clone, Debug)]
pub struct CreateContactInput {
    /// What the contact is to the firm.
    role: ContactRole,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// Address; required for a PROSPECT or CLIENT.
    email: Option<String>,
    /// Phone number; stored as E.164.
    phone: Option<String>,
    /// What staff notes down.
    notes: Option<String>,
    /// Staff's tags.
    tags: Option<Vec<String>>,
    /// The id this contact has in another system.
    external_id: Option<String>,
    /// Links made together with the contact. A company can be made on the spot.
    accounts: Option<Vec<AccountLinkInput>>,
    /// Send the portal invitation at once. Left out: no.
    pub(crate) invite: Option<bool>,
    /// Plain text put into the invitation's e-mail.
    message: Option<String>,
}

impl CreateContactInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::CreateContactRequest {
        let accounts = self.accounts.unwrap_or_default().into_iter();
        wire::CreateContactRequest {
            role: to_wire(self.role),
            first_name: self.first_name,
            last_name: self.last_name,
            email: self.email,
            phone: self.phone,
            notes: self.notes,
            tags: self.tags.unwrap_or_default(),
            external_id: self.external_id,
            accounts: accounts.map(AccountLinkInput::into_wire).collect(),
            invite: self.invite.unwrap_or_default(),
            message: self.message,
        }
    }
}

/// A link made together with a contact. Left out: login false (true where `invite` is), notify true, emailSync false.
#[derive(InputObject, Clone, Debug)]
pub struct AccountLinkInput {
    /// The account; or make one with `newCompany`.
    account_id: Option<ID>,
    /// The name of a company to make on the spot.
    new_company: Option<String>,
    /// Whether this is the account's first contact.
    primary: Option<bool>,
    /// May sign in to the portal for this account.
    login: Option<bool>,
    /// Gets notification e-mail about this account.
    notify: Option<bool>,
    /// E-mail from this contact is filed under this account.
    email_sync: Option<bool>,
}

impl AccountLinkInput {
    fn into_wire(self) -> wire::AccountLink {
        wire::AccountLink {
            account_id: self.account_id.as_ref().map(AccountId::wire),
            new_company: self.new_company,
            primary: self.primary,
            login: self.login,
            notify: self.notify,
            email_sync: self.email_sync,
        }
    }
}

/// A change to a contact. A field left out stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateContactInput {
    /// The contact.
    id: ID,
    /// Answer CONFLICT where the contact no longer has this version.
    expected_version: Option<i32>,
    /// What the contact is to the firm.
    role: MaybeUndefined<ContactRole>,
    /// First name.
    first_name: MaybeUndefined<String>,
    /// Last name.
    last_name: MaybeUndefined<String>,
    /// Address.
    email: MaybeUndefined<String>,
    /// Phone number; stored as E.164.
    phone: MaybeUndefined<String>,
    /// What staff notes down.
    notes: MaybeUndefined<String>,
    /// Staff's tags: all of them.
    tags: MaybeUndefined<Vec<String>>,
}

impl UpdateContactInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::UpdateContactRequest {
        let mut nulled = Vec::new();
        wire::UpdateContactRequest {
            id: ContactId::wire(&self.id),
            expected_version: self.expected_version.map(i64::from),
            role: required(self.role, "role", &mut nulled).map(to_wire),
            first_name: required(self.first_name, "firstName", &mut nulled),
            last_name: required(self.last_name, "lastName", &mut nulled),
            email: text_change(self.email),
            phone: text_change(self.phone),
            notes: text_change(self.notes),
            tags: list_change(self.tags),
            nulled,
        }
    }
}

/// Switches a contact on or off.
#[derive(InputObject, Clone, Debug)]
pub struct SetContactActiveInput {
    /// The contact.
    id: ID,
    /// Whether it shall be active.
    active: bool,
}

impl SetContactActiveInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::SetContactActiveRequest {
        wire::SetContactActiveRequest {
            id: ContactId::wire(&self.id),
            active: self.active,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> ContactFilter {
        let innermost = ContactFilter::default();
        (1..depth).fold(innermost, |below, _| ContactFilter {
            not: Some(Box::new(below)),
            ..ContactFilter::default()
        })
    }

    #[test]
    fn c8_a_filter_nests_at_most_sixteen_levels_deep() {
        assert!(nested(16).into_wire().is_ok());
        assert!(nested(17).into_wire().is_err());
    }

    #[test]
    fn c8_an_empty_list_is_not_a_missing_one() {
        let given = ContactFilter {
            roles: Some(Vec::new()),
            ..ContactFilter::default()
        };
        let wire = given.into_wire().unwrap();
        assert!(wire.roles_given);
        assert!(!wire.tags_given);
    }

    #[test]
    fn in_an_update_left_out_stays_and_null_clears() {
        let change = UpdateContactInput {
            id: ID::from("x"),
            expected_version: None,
            role: MaybeUndefined::Undefined,
            first_name: MaybeUndefined::Null,
            last_name: MaybeUndefined::Value("Lovelace".to_owned()),
            email: MaybeUndefined::Undefined,
            phone: MaybeUndefined::Null,
            notes: MaybeUndefined::Value("n".to_owned()),
            tags: MaybeUndefined::Null,
        };
        let wire = change.into_wire();
        assert_eq!(wire.role, None);
        assert_eq!(wire.nulled, ["firstName"]);
        assert_eq!(wire.last_name.as_deref(), Some("Lovelace"));
        assert_eq!(wire.email, None);
        assert_eq!(wire.phone.map(|change| change.value), Some(None));
        assert_eq!(wire.notes.and_then(|change| change.value).as_deref(), Some("n"));
        assert_eq!(wire.tags.map(|list| list.values), Some(Vec::new()));
    }
}
