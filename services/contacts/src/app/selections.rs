//! Selections: what an action would do (I2, I3), and who is in them.

use usher_types::{ContactId, InvitationAction};

use super::{App, Caller, Failure};
use crate::domain::filter::{SELECTED, Selection};
use crate::domain::refusal::{InvitationCode as Code, Refusal};
use crate::storage::selection::{Counts, Selected};
use crate::storage::view::View;

/// What an action would do, before it is done.
#[derive(Clone, Debug)]
pub(crate) struct Preview {
    pub(crate) counts: Counts,
    /// The first, in the order of ids, for the preview of the mail.
    pub(crate) first_eligible: Option<View>,
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
            selected.first_eligible(&tx, action, &counts).await?
        } else {
            None
        };
        Ok(Preview {
            counts,
            first_eligible,
        })
    }

    /// The contacts of a selection that come after `after` in the order of ids, and whether nobody comes after these.
    pub(crate) async fn walk_selection(
        &self,
        caller: &Caller,
        selection: &Selection,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<(Vec<View>, bool), Failure<Code>> {
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
        Ok((walked, last))
    }
}

/// LIMIT_REACHED for more ids than one selection may name (I17).
fn within_limit(selection: &Selection) -> Result<(), Refusal<Code>> {
    let named = match selection {
        Selection::Ids(ids) => ids.len(),
        Selection::Accounts(accounts) => accounts.len(),
        Selection::Filter(_) => 0,
    };
    if named <= SELECTED {
        return Ok(());
    }
    let message = format!("A selection can name at most {SELECTED}.");
    Err(Refusal::new(Code::LimitReached, &["contacts"], message))
}
