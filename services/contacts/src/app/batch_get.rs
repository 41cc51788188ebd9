//! What others point at, many at once. A contact who asks sees themself, and of those who share their accounts no more
//! than the name and who is primary (I22).

use std::collections::{HashMap, HashSet};

use usher_types::{AccountId, ContactId, LinkId};

use super::{App, Caller, Failure};
use crate::domain::account::Account;
use crate::domain::link::Link;
use crate::domain::refusal::ContactCode as Code;
use crate::storage::accounts;
use crate::storage::links::{self, By};
use crate::storage::view::{self, View};

/// How much of something the caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Everything: for members and services.
    Full,
    /// A contact's own: without what the firm notes for itself.
    Own,
    /// Of others on a contact's accounts: the name, and who is primary.
    Name,
}

/// A link with its account, and how much of it the caller may see.
#[derive(Clone, Debug)]
pub(crate) struct ShownLink {
    pub(crate) link: Link,
    pub(crate) account: Account,
    pub(crate) shown: Shown,
}

/// Which links are asked for, by ids.
#[derive(Clone, Debug)]
pub(crate) enum LinksBy {
    Ids(Vec<LinkId>),
    Contacts(Vec<ContactId>),
    Accounts(Vec<AccountId>),
}

impl LinksBy {
    fn by(&self) -> By<'_> {
        match self {
            Self::Ids(ids) => By::Ids(ids),
            Self::Contacts(ids) => By::Contacts(ids),
            Self::Accounts(ids) => By::Accounts(ids),
        }
    }
}

impl App {
    /// Contacts in the order of the ids, without those that the caller may not see.
    pub(crate) async fn get_contacts(
        &self,
        caller: &Caller,
        ids: &[ContactId],
    ) -> Result<Vec<(View, Shown)>, Failure<Code>> {
        let tx = self.read(caller).await?;
        let visible = match caller.contact() {
            Some(me) => {
                let neighbours = links::neighbours(&tx, caller.organization, me, ids).await?;
                Some((me, neighbours.into_iter().collect::<HashSet<_>>()))
            }
            None => None,
        };
        let shown = |id: &ContactId| match &visible {
            None => Some(Shown::Full),
            Some((me, _)) if me == id => Some(Shown::Own),
            Some((_, neighbours)) => neighbours.contains(id).then_some(Shown::Name),
        };
        let wanted: Vec<ContactId> = ids.iter().copied().filter(|id| shown(id).is_some()).collect();
        let found = view::find(&tx, caller.organization, &wanted).await?;
        let mut found: HashMap<ContactId, View> =
            found.into_iter().map(|view| (view.contact.id, view)).collect();
        Ok(ids
            .iter()
            .filter_map(|id| Some((found.remove(id)?, shown(id)?)))
            .collect())
    }

    /// Accounts in the order of the ids; a contact gets those where they have login on.
    pub(crate) async fn get_accounts(
        &self,
        caller: &Caller,
        ids: &[AccountId],
    ) -> Result<Vec<Account>, Failure<Code>> {
        let tx = self.read(caller).await?;
        let found = accounts::find(&tx, caller.organization, ids, caller.contact()).await?;
        let mut found: HashMap<AccountId, Account> =
            found.into_iter().map(|account| (account.id, account)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// Links with their accounts; a contact gets those of accounts where they have login on.
    pub(crate) async fn get_links(
        &self,
        caller: &Caller,
        by: &LinksBy,
    ) -> Result<Vec<ShownLink>, Failure<Code>> {
        let tx = self.read(caller).await?;
        let me = caller.contact();
        let found = links::with_accounts(&tx, caller.organization, by.by(), me).await?;
        let shown = |link: &Link| match me {
            None => Shown::Full,
            Some(me) if me == link.contact => Shown::Own,
            Some(_) => Shown::Name,
        };
        let show = |(link, account)| ShownLink {
            shown: shown(&link),
            link,
            account,
        };
        let mut found: Vec<ShownLink> = found.into_iter().map(show).collect();
        if let LinksBy::Ids(ids) = by {
            let place: HashMap<LinkId, usize> =
                ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
            found.sort_by_key(|shown| place.get(&shown.link.id).copied());
        }
        Ok(found)
    }
}
