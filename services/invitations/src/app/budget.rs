//! Invitation mails a day (I17): whoever mails a link for an organization takes its share here, reminders and new links included.

use usher_database::Transaction;
use usher_types::MemberId;

use super::Failure;
use crate::domain::budget::{Day, Tally, share};
use crate::domain::organization::Organization;
use crate::storage::budget::{self, Of};

/// What the budgets of a day let through.
#[derive(Debug)]
pub(crate) struct Granted<T> {
    /// These may be mailed, and are counted; their tallies are to be saved with the rows.
    pub(crate) through: Vec<T>,
    /// These recipients have had as many today as one may.
    pub(crate) over_own: Vec<T>,
    /// The organization's or the member's budget did not reach for these.
    pub(crate) past: Vec<T>,
}

/// Takes a share of the day's budgets for `wanted` mails, the first of them first, in the transaction that writes their rows: two
/// who ask at once cannot have the same share. `tally` is where the recipient's own mails are counted, which stands in the
/// contact's row (`Access::mails`), locked by the caller. `member` is whoever answers for the mails; none: nobody's budget
/// but the organization's.
pub(crate) async fn take<T>(
    tx: &Transaction,
    firm: &Organization,
    (member, day): (Option<MemberId>, Day),
    wanted: Vec<T>,
    tally: impl Fn(&mut T) -> &mut Tally,
) -> Result<Granted<T>, Failure> {
    let own = |item: &mut T| tally(item).on(day) >= firm.daily_per_recipient;
    let (mut through, mut over_own) = (Vec::with_capacity(wanted.len()), Vec::new());
    for mut item in wanted {
        if own(&mut item) {
            over_own.push(item);
        } else {
            through.push(item);
        }
    }
    let mut past = Vec::new();
    if !through.is_empty() {
        let of = Of {
            organization: firm.id,
            day: day.number,
            member,
        };
        let used = budget::lock(tx, of).await?;
        let mut budgets = vec![(firm.daily, used.organization)];
        budgets.extend(member.map(|_| (firm.daily_per_member, used.member)));
        past = through.split_off(share(through.len(), &budgets));
        budget::add(tx, of, i64::try_from(through.len()).unwrap_or(i64::MAX)).await?;
    }
    for item in &mut through {
        tally(item).add(day);
    }
    Ok(Granted {
        through,
        over_own,
        past,
    })
}
