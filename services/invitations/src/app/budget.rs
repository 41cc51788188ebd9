//! Invitation mails a day (I17): whoever mails a link for an organization takes its share here, reminders and new links included.

use usher_database::Transaction;
use usher_types::MemberId;

use super::Failure;
use crate::domain::budget::{Day, Tally, share};
use crate::domain::organization::Organization;
use crate::storage::budget::{self, Of, Used};

/// What the budgets of a day let through.
#[derive(Debug)]
pub(crate) struct Granted<T> {
    /// These may be mailed; their tallies are to be saved with the rows.
    pub(crate) through: Vec<T>,
    /// These recipients have had as many today as one may.
    pub(crate) over_own: Vec<T>,
    /// The organization's or the member's budget did not reach for these.
    pub(crate) past: Vec<T>,
}

/// What was granted and is not counted yet.
#[derive(Debug)]
#[must_use = "a share that is not paid is nobody's"]
pub(crate) struct Bill {
    of: Of,
    count: i64,
    /// The organization's whole budget, and the member's.
    limits: (i64, i64),
}

impl Bill {
    fn new(firm: &Organization, (member, day): (Option<MemberId>, Day), count: usize) -> Self {
        Self {
            of: Of {
                organization: firm.id,
                day: day.number,
                member,
            },
            count: i64::try_from(count).unwrap_or(i64::MAX),
            limits: (firm.daily, firm.daily_per_member),
        }
    }

    /// Counts it. The last thing in a transaction: the counters are the only rows that all sendings of an organization write, and
    /// whoever holds them for long holds up everybody who invites.
    ///
    /// # Errors
    /// [`Failure::Overtaken`] where others have used the budget up since it was looked at.
    pub(crate) async fn pay(self, tx: &Transaction) -> Result<(), Failure> {
        if self.count == 0 {
            return Ok(());
        }
        let organization = (self.of.organization.uuid(), self.limits.0);
        let member = self.of.member.map(|member| (member.uuid(), self.limits.1));
        for (subject, limit) in [Some(organization), member].into_iter().flatten() {
            if !budget::paid(tx, (self.of, subject), self.count, limit).await? {
                return Err(Failure::Overtaken);
            }
        }
        Ok(())
    }
}

/// The share that the day's budgets have left of `wanted` mails, the first of them first. `tally` is where the recipient's own mails are
/// counted, which stands in the contact's row (`Access::mails`), locked by the caller. `member` is whoever answers for the mails; none:
/// nobody's budget but the organization's. Two who ask at once may be granted the same: whoever pays last is overtaken then, and
/// tries again.
pub(crate) async fn grant<T>(
    tx: &Transaction,
    firm: &Organization,
    (member, day): (Option<MemberId>, Day),
    wanted: Vec<T>,
    tally: impl Fn(&mut T) -> &mut Tally,
) -> Result<(Granted<T>, Bill), Failure> {
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
        let of = Bill::new(firm, (member, day), 0).of;
        let Used {
            organization,
            member: members,
        } = budget::used(tx, of).await?;
        let mut budgets = vec![(firm.daily, organization)];
        budgets.extend(member.map(|_| (firm.daily_per_member, members)));
        past = through.split_off(share(through.len(), &budgets));
    }
    for item in &mut through {
        tally(item).add(day);
    }
    let bill = Bill::new(firm, (member, day), through.len());
    let granted = Granted {
        through,
        over_own,
        past,
    };
    Ok((granted, bill))
}

/// As [`grant`], paid at once: for what is small or seldom.
pub(crate) async fn take<T>(
    tx: &Transaction,
    firm: &Organization,
    whose: (Option<MemberId>, Day),
    wanted: Vec<T>,
    tally: impl Fn(&mut T) -> &mut Tally,
) -> Result<Granted<T>, Failure> {
    let (granted, bill) = grant(tx, firm, whose, wanted, tally).await?;
    bill.pay(tx).await?;
    Ok(granted)
}
