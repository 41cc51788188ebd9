//! Which contacts a list or a selection means (C8): a tree of conditions.

use chrono::{DateTime, Utc};
use usher_types::{AccountId, ContactId, ContactRole, PortalStatus};

/// How deep `and`, `or` and `not` may be nested.
pub(crate) const DEPTH: usize = 16;
/// Filters in one tree.
pub(crate) const NODES: usize = 200;
/// Values in one list of a filter.
pub(crate) const VALUES: usize = 500;
/// Searches in one tree: each looks through a document for every word.
pub(crate) const SEARCHES: usize = 20;
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

    /// The conditions that hold for everyone who matches.
    pub(crate) fn required(&self) -> Vec<&Condition> {
        match self {
            Self::All(parts) => parts.iter().flat_map(Self::required).collect(),
            Self::Is(condition) => vec![condition],
            Self::Any(_) | Self::Not(_) => Vec::new(),
        }
    }

    /// What is left to look at where these words are known to be in the document.
    pub(crate) fn without_words(&self, known: &[String]) -> Self {
        match self {
            Self::All(parts) => {
                let parts = parts.iter().map(|part| part.without_words(known));
                Self::All(parts.filter(|part| !part.is_everyone()).collect())
            }
            Self::Is(Condition::Search(words)) => {
                let left = words.iter().filter(|word| !known.contains(word));
                Self::Is(Condition::Search(left.cloned().collect()))
            }
            other => other.clone(),
        }
    }

    /// Whether it says nothing.
    pub(crate) fn is_everyone(&self) -> bool {
        match self {
            Self::All(parts) => parts.is_empty(),
            Self::Is(Condition::Search(words)) => words.is_empty(),
            Self::Any(_) | Self::Not(_) | Self::Is(_) => false,
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
    /// Made by createTestClient.
    Test(bool),
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
    /// Whom a change of toggles is about.
    Linked(Linked),
}

/// Whom a change of toggles is about (I13). Inviting them reaches whoever is in already, too, where login for one of the accounts
/// was switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linked {
    pub(crate) accounts: Vec<AccountId>,
    /// Only this contact.
    pub(crate) only: Option<ContactId>,
    pub(crate) except: Vec<ContactId>,
    /// Switched on since then; none: as if it were switched on now wherever it is off.
    pub(crate) since: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(words: &[&str]) -> Filter {
        Filter::Is(Condition::Search(
            words.iter().map(|word| (*word).to_owned()).collect(),
        ))
    }

    #[test]
    fn c8_a_condition_is_required_where_every_way_leads_through_it() {
        let active = Filter::Is(Condition::Active(true));
        let nested = Filter::All(vec![active.clone(), search(&["ada"])]);
        let filter = Filter::All(vec![
            search(&["acme", "x"]),
            nested,
            Filter::Any(vec![search(&["one"]), search(&["other"])]),
            Filter::Not(Box::new(search(&["nobody"]))),
        ]);
        let words = |words: &[&str]| Condition::Search(words.iter().map(|word| (*word).to_owned()).collect());
        let required = [words(&["acme", "x"]), Condition::Active(true), words(&["ada"])];
        assert_eq!(filter.required(), required.iter().collect::<Vec<_>>());
        let known = ["ada", "acme", "one", "nobody"].map(str::to_owned);
        let left = Filter::All(vec![
            search(&["x"]),
            Filter::All(vec![active]),
            Filter::Any(vec![search(&["one"]), search(&["other"])]),
            Filter::Not(Box::new(search(&["nobody"]))),
        ]);
        assert_eq!(filter.without_words(&known), left);
    }

    #[test]
    fn c8_nothing_is_left_of_a_search_whose_words_are_known() {
        let filter = Filter::All(vec![search(&["ada"]), Filter::All(vec![search(&["acme"])])]);
        let known = ["ada", "acme"].map(str::to_owned);
        assert!(filter.without_words(&known).is_everyone());
        assert!(!filter.is_everyone());
    }
}
