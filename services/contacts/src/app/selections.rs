//! Selections: what an action would do (I2, I3), and who is in them.

use sea_orm::DbErr;
use usher_database::Transaction;
use usher_types::{ContactId, InvitationAction};

use super::{App, Caller, Failure};
use crate::domain::filter::{Linked, SELECTED, Selection};
use crate::domain::refusal::{InvitationCode as Code, Refusal};
use crate::storage::links::{self, Opened};
use crate::storage::selection::{Counts, Selected};
use crate::storage::view::View;

/// What an action would do, before it is done.
#[derive(Clone, Debug)]
pub(crate) struct Preview {
    pub(crate) counts: Counts,
    /// The first, in the order of ids, for the preview of the mail.
    pub(crate) first_eligible: Option<View>,
    /// Where that one is in already: the names of the accounts to be told of.
    pub(crate) first_accounts: Vec<String>,
}

/// What is known of a selection without looking at each of its contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) total: i64,
    /// The action reaches at least one.
    pub(crate) reaches_somebody: bool,
}

/// A part of a selection.
#[derive(Clone, Debug)]
pub(crate) struct Walked {
    pub(crate) contacts: Vec<View>,
    /// What each of them has been let into anew, by contact.
    pub(crate) opened: Vec<Opened>,
    /// Nobody comes after these.
    pub(crate) last: bool,
}

impl App {
    /// How many an action would reach, and why not the others.
    pub(crate) async fn preview_selection(
        &self,
        caller: &Caller,
        selection: &Selection,
        action: InvitationAction,
    ) -> Result<Preview, Failure<Code>> {
        within_limit(selection)?;
        let now = self.now();
        let tx = self.read(caller).await?;
        let selected = Selected {
            organization: caller.organization,
            selection,
            now,
        };
        let counts = selected.count(&tx, action).await?;
        let first_eligible = if counts.eligible > 0 {
            selected.first_eligible(&tx, action, counts.total).await?
        } else {
            None
        };
        let in_already = first_eligible.as_ref().filter(|view| view.is_in());
        let opened = match (selection, in_already) {
            (Selection::Linked(linked), Some(view)) => {
                links::opened(&tx, caller.organization, linked, &[view.contact.id]).await?
            }
            _ => Vec::new(),
        };
        Ok(Preview {
            counts,
            first_eligible,
            first_accounts: opened.into_iter().map(|opened| opened.name).collect(),
        })
    }

    /// How many there are, and whether an action reaches any of them.
    pub(crate) async fn size_selection(
        &self,
        caller: &Caller,
        selection: &Selection,
        action: InvitationAction,
    ) -> Result<Size, Failure<Code>> {
        within_limit(selection)?;
        let tx = self.read(caller).await?;
        let selected = Selected {
            organization: caller.organization,
            selection,
            now: self.now(),
        };
        let total = selected.total(&tx).await?;
        Ok(Size {
            total,
            reaches_somebody: total > 0 && selected.first_eligible(&tx, action, total).await?.is_some(),
        })
    }

    /// The contacts of a selection that come after `after` in the order of ids.
    pub(crate) async fn walk_selection(
        &self,
        caller: &Caller,
        selection: &Selection,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Walked, Failure<Code>> {
        let tx = self.read(caller).await?;
        let selected = Selected {
            organization: caller.organization,
            selection,
            now: self.now(),
        };
        let mut walked = selected.walk(&tx, after, limit).await?;
        let limit = limit as usize;
        let last = walked.len() <= limit;
        walked.truncate(limit);
        let opened = match selection {
            Selection::Linked(linked) => opened_to(&tx, caller, linked, &walked).await?,
            _ => Vec::new(),
        };
        Ok(Walked {
            contacts: walked,
            opened,
            last,
        })
    }
}

/// What those have been let into anew who are in already.
async fn opened_to(
    tx: &Transaction,
    caller: &Caller,
    linked: &Linked,
    walked: &[View],
) -> Result<Vec<Opened>, DbErr> {
    let in_already = walked.iter().filter(|view| view.is_in());
    let in_already: Vec<ContactId> = in_already.map(|view| view.contact.id).collect();
    if in_already.is_empty() {
        return Ok(Vec::new());
    }
    links::opened(tx, caller.organization, linked, &in_already).await
}

/// LIMIT_REACHED for more ids than one selection may name (I17).
fn within_limit(selection: &Selection) -> Result<(), Refusal<Code>> {
    let named = match selection {
        Selection::Ids(ids) => ids.len(),
        Selection::Accounts(accounts) => accounts.len(),
        Selection::Linked(linked) => linked.accounts.len().max(linked.except.len()),
        Selection::Filter(_) => 0,
    };
    if named <= SELECTED {
        return Ok(());
    }
    let message = format!("A selection can name at most {SELECTED}.");
    Err(Refusal::new(Code::LimitReached, &["contacts"], message))
}
