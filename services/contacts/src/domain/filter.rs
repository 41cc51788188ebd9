//! Which contacts a list or a selection means (C8): a tree of conditions.

use usher_types::{AccountId, ContactId, ContactRole, PortalStatus};

/// How deep `and`, `or` and `not` may be nested.
pub(crate) const DEPTH: usize = 16;
/// Filters in one tree.
pub(crate) const NODES: usize = 200;
/// Values in one list of a filter.
pub(crate) const VALUES: usize = 500;
/// Characters of a search.
pub(crate) const SEARCH: usize = 500;
/// Ids in one selection (I17).
pub(crate) const SELECTED: usize = 10_000;

/// A tree of conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Every part holds; without parts everyone matches.
    All(Vec<Filter>),
    /// One part holds; without parts nobody matches.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// A condition on the contact.
    Is(Condition),
}

impl Filter {
    /// Whether any part of it looks for words.
    pub(crate) fn searches(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::searches),
            Self::Not(part) => part.searches(),
            Self::Is(condition) => matches!(condition, Condition::Search(_)),
        }
    }
}

/// A condition on one contact. A list matches any of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Every folded word is found somewhere in the search document.
    Search(Vec<String>),
    Roles(Vec<ContactRole>),
    Tags(Vec<String>),
    Active(bool),
    PortalStatus(Vec<PortalStatus>),
    PendingActivation(bool),
    SignedIn(bool),
    Accounts(Vec<AccountId>),
}

/// Whom an action is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    Ids(Vec<ContactId>),
    Filter(Filter),
    /// Every contact of these accounts.
    Accounts(Vec<AccountId>),
}
