//! Lists: one page, and the exact total only where it is asked for (C8).

use chrono::{DateTime, Utc};
use usher_database::keyset::{self, Page};
use usher_types::ContactId;

use super::{App, Caller, Failure};
use crate::domain::account::Account;
use crate::domain::refusal::ContactCode as Code;
use crate::storage::activity::{self, Line};
use crate::storage::list::ContactList;
use crate::storage::list_accounts::AccountList;
use crate::storage::status_order::Bounds;
use crate::storage::view::View;

/// Which page is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) window: keyset::Window,
    pub(crate) bounds: Bounds,
    pub(crate) with_total: bool,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub(crate) struct Listing<T> {
    pub(crate) page: Page<T>,
    pub(crate) total: Option<i64>,
    /// The moment of the answer.
    pub(crate) now: DateTime<Utc>,
}

impl App {
    /// A page of contacts.
    pub(crate) async fn list_contacts(
        &self,
        caller: &Caller,
        list: &ContactList,
        window: Window,
    ) -> Result<Listing<View>, Failure<Code>> {
        let now = self.now();
        let keyset = list.keyset(window.window, now)?;
        let tx = self.read(caller).await?;
        let page = list.page(&tx, &keyset, window.bounds).await?;
        let total = if window.with_total {
            Some(list.total(&tx, &keyset).await?)
        } else {
            None
        };
        Ok(Listing { page, total, now })
    }

    /// A page of accounts, by name.
    pub(crate) async fn list_accounts(
        &self,
        caller: &Caller,
        list: &AccountList,
        window: Window,
    ) -> Result<Listing<Account>, Failure<Code>> {
        let now = self.now();
        let keyset = list.keyset(window.window, now)?;
        let tx = self.read(caller).await?;
        let page = list.page(&tx, &keyset).await?;
        let total = if window.with_total {
            Some(list.total(&tx).await?)
        } else {
            None
        };
        Ok(Listing { page, total, now })
    }

    /// A page of a contact's activity, newest first.
    pub(crate) async fn list_activity(
        &self,
        caller: &Caller,
        contact: ContactId,
        window: Window,
    ) -> Result<Listing<Line>, Failure<Code>> {
        let now = self.now();
        let keyset = activity::keyset(caller.organization, contact, window.window, now)?;
        let tx = self.read(caller).await?;
        let page = activity::page(&tx, caller.organization, contact, &keyset).await?;
        let total = if window.with_total {
            Some(activity::count(&tx, caller.organization, contact).await?)
        } else {
            None
        };
        Ok(Listing { page, total, now })
    }
}
