//! A contact who is invited gets another address: a new invitation goes there (I6).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::Lane;
use usher_messaging::enqueue;
use usher_types::{ContactId, EmailState, InvitationId, MailingId, MemberId};

use super::contact_news::Moved;
use super::context::App;
use super::issue::{Sending, mailing, withdrawals};
use super::start_batch::new_batch;
use super::{Failure, StartBatch, budget};
use crate::domain::budget::Day;
use crate::domain::organization::Organization;
use crate::domain::portal::{Access, Act, Offer, transition};
use crate::storage::activity::{self, Actor, Line};
use crate::storage::{address, batch, invitation};

/// Who had sent the invitation that goes to another address now.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Inviter {
    /// For display.
    name: String,
    /// None where no member asked for it.
    member: Option<(MemberId, String)>,
}

/// What was found out about addresses and inviters.
struct Known {
    states: HashMap<String, EmailState>,
    inviters: HashMap<InvitationId, (MemberId, String)>,
}

impl App {
    /// Sends new invitations to new addresses; those that cannot be sent to are returned, too, as they were.
    pub(super) async fn readdress(
        &self,
        tx: &Transaction,
        firm: &Organization,
        rows: Vec<Access>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Moved>, Vec<Access>), Failure> {
        let addresses = rows
            .iter()
            .filter_map(|row| row.person.email_canonical.as_deref());
        let addresses: Vec<&str> = addresses.collect();
        let known = Known {
            states: address::states(tx, firm.id, &addresses).await?,
            inviters: invitation::inviters(tx, firm.id, rows.iter().filter_map(|row| row.invitation)).await?,
        };
        let life = TimeDelta::seconds(firm.invitation_life);
        let before: HashMap<ContactId, Access> = rows.iter().map(|row| (row.contact, row.clone())).collect();
        let (mut sendings, mut unsent) = sendings(rows, &known, now, life);
        for (inviter, moved) in &mut sendings {
            let later = afford(tx, firm, (inviter, now), moved).await?;
            unsent.extend(later.iter().filter_map(|contact| before.get(contact).cloned()));
            let member = inviter.member.as_ref();
            let address = member.map(|(_, address)| address.as_str());
            let sending = Sending {
                mailing: mailing(firm, MailingId::new(now), Some(&inviter.name), address),
                lane: Lane::Interactive,
                batch: None,
                by: &inviter.name,
                by_id: member.map(|(id, _)| (*id).into()),
                life,
                now,
            };
            let replaced = self.issue(tx, &sending, moved).await?;
            enqueue(tx, Lane::Interactive, withdrawals(firm.id, &replaced, now)).await?;
        }
        let sent: Vec<Moved> = sendings.into_values().flatten().collect();
        let summary = "The address changed; a new invitation went to the new one";
        let about = sent.iter().map(|(row, _)| (row, row.invitation));
        log(tx, about, ("invitation.readdressed", summary), now).await?;
        Ok((sent, unsent))
    }
}

/// Leaves those whom the day's budgets let through (I17). The others get their invitation when the next day begins, as a batch; their
/// old link is dead in any case.
async fn afford(
    tx: &Transaction,
    firm: &Organization,
    (inviter, now): (&Inviter, DateTime<Utc>),
    moved: &mut Vec<Moved>,
) -> Result<Vec<ContactId>, Failure> {
    let day = Day::of(now, &firm.time_zone);
    let responsible = inviter.member.as_ref().map(|(id, _)| *id);
    let wanted = std::mem::take(moved);
    let granted = budget::take(tx, firm, (responsible, day), wanted, |(row, _)| &mut row.mails).await?;
    *moved = granted.through;
    let later = granted.over_own.iter().chain(&granted.past);
    let later: Vec<ContactId> = later.map(|(row, _)| row.contact).collect();
    if later.is_empty() {
        return Ok(later);
    }
    let start = StartBatch::to(later.iter().copied());
    let actor = Actor {
        kind: "service",
        id: None,
        name: inviter.name.clone(),
    };
    let mut batch = new_batch(&start, &actor, firm.id, now);
    batch.created_by_id = responsible;
    batch.responsible = responsible;
    batch.expected = i64::try_from(later.len()).unwrap_or(i64::MAX);
    batch.started_at = Some(now);
    batch.waiting_until = Some(day.ends);
    batch::insert(tx, &batch).await?;
    Ok(later)
}

/// One sending for each who had invited: mails name one inviter, who gets the answers (N5).
fn sendings(
    rows: Vec<Access>,
    known: &Known,
    now: DateTime<Utc>,
    life: TimeDelta,
) -> (BTreeMap<Inviter, Vec<Moved>>, Vec<Access>) {
    let mut sendings: BTreeMap<Inviter, Vec<Moved>> = BTreeMap::new();
    let mut unsent = Vec::new();
    for row in rows {
        let canonical = row.person.email_canonical.as_ref();
        let state = canonical.and_then(|address| known.states.get(address));
        let offer = Offer {
            invitation: InvitationId::new(now),
            by: row.invited_by.clone().unwrap_or_default(),
            expires_at: now + life,
            address: state.copied().unwrap_or(EmailState::Valid),
        };
        let inviter = Inviter {
            name: offer.by.clone(),
            member: row.invitation.and_then(|id| known.inviters.get(&id).cloned()),
        };
        match transition(row.clone(), Act::Readdress(offer), now) {
            Ok(moved) => sendings.entry(inviter).or_default().push(moved),
            Err(_) => unsent.push(row),
        }
    }
    (sendings, unsent)
}

/// Lines about what contacts' news came to, each with the invitation that it is about.
pub(super) async fn log(
    tx: &Transaction,
    about: impl IntoIterator<Item = (&Access, Option<InvitationId>)>,
    (action, summary): (&'static str, &str),
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let actor = Actor {
        kind: "service",
        id: None,
        name: "contacts".to_owned(),
    };
    let lines = about.into_iter().map(|(row, subject)| Line {
        organization: row.organization,
        actor: &actor,
        action,
        contact: Some(row.contact),
        subject: subject.map(Into::into),
        summary: summary.to_owned(),
    });
    let lines: Vec<Line<'_>> = lines.collect();
    Ok(activity::write_all(tx, &lines, now).await?)
}
