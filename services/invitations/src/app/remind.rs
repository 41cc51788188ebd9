//! Reminders of invitations that nobody has answered (I16).
//!
//! Whoever locks an invitation's row in `reminder` while it is due sends the reminder and moves it on, in one transaction: of
//! several replicas one does, and a stop leaves either both or neither.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::{Lane, Letter, MailKind, Mailing};
use usher_messaging::enqueue;
use usher_types::{ContactId, EmailState, InvitationId, MailingId, MemberId, OrganizationId, PortalStatus};

use super::context::{App, organization_of};
use super::issue::{PURPOSE, deliveries, mailing};
use super::recipient::Recipient;
use super::{Failure, budget};
use crate::domain::budget::Day;
use crate::domain::organization::Organization;
use crate::domain::portal::Access;
use crate::domain::reminder::{APART, Decision, Due, Life, decide, next};
use crate::storage::activity::{self, Actor, Line};
use crate::storage::reminder::{self, NewToken, Planned, Turn};
use crate::storage::{access, address};

/// Invitations that are looked at together.
const CHUNK: u32 = 500;
/// What has failed is tried again so much later.
const LATER: TimeDelta = TimeDelta::minutes(1);
/// Reminders of one batch are spread over so many seconds.
const SPREAD: u128 = 1_800;

/// Who had invited: mails name one inviter, who gets the answers (N5).
type Inviter = (String, Option<(MemberId, String)>);

/// A reminder that goes out.
struct Reminder {
    letter: Letter,
    token: NewToken,
    inviter: Inviter,
}

impl App {
    /// Sends the reminders that are due, and plans those that are to be planned.
    pub(super) async fn remind(&self) -> Result<(), Failure> {
        loop {
            let now = self.now();
            let tx = self.database.read(Scope::System(SystemReason::Sweep)).await?;
            let due = reminder::due(&tx, now, CHUNK).await?;
            drop(tx);
            let more = due.len() == CHUNK as usize;
            let mut by_firm: BTreeMap<OrganizationId, Vec<(InvitationId, Option<ContactId>)>> =
                BTreeMap::new();
            for (organization, invitation, contact) in due {
                by_firm
                    .entry(organization)
                    .or_default()
                    .push((invitation, contact));
            }
            let mut failed = None;
            for (organization, due) in by_firm {
                // one organization's trouble is not the others'
                if let Err(failure) = self.remind_of(organization, &due, now).await {
                    self.come_back_later(organization, &due, now).await?;
                    failed.get_or_insert(failure);
                }
            }
            match failed {
                Some(failure) => return Err(failure),
                None if more => {}
                None => return Ok(()),
            }
        }
    }

    /// What has failed stands behind what is due of others the next time.
    async fn come_back_later(
        &self,
        organization: OrganizationId,
        due: &[(InvitationId, Option<ContactId>)],
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let tx = self.write(organization).await?;
        let ids = due.iter().map(|(id, _)| *id);
        reminder::postpone(&tx, organization, ids, now + LATER).await?;
        Ok(tx.commit().await?)
    }

    async fn remind_of(
        &self,
        organization: OrganizationId,
        due: &[(InvitationId, Option<ContactId>)],
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let tx = self.write(organization).await?;
        let firm = organization_of(&tx, organization).await?;
        // everybody takes the contacts' rows first
        let rows = access::lock(&tx, organization, due.iter().filter_map(|(_, contact)| *contact)).await?;
        let turns = reminder::lock(&tx, organization, due.iter().map(|(id, _)| *id), now).await?;
        let addresses: Vec<&str> = turns.iter().map(|turn| turn.email_canonical.as_str()).collect();
        let states = address::states(&tx, organization, &addresses).await?;
        let mut newest: HashMap<InvitationId, Access> = rows
            .into_iter()
            .filter_map(|row| Some((row.invitation?, row)))
            .collect();
        let mut planned = Vec::with_capacity(turns.len());
        let mut wanted = Vec::new();
        for turn in turns {
            let row = newest.remove(&turn.invitation).filter(|_| turn.is_open);
            let state = states.get(&turn.email_canonical).copied();
            let looked = look(
                &firm,
                &turn,
                row.as_ref(),
                state.unwrap_or(EmailState::Valid),
                now,
            );
            match row.filter(|_| looked.sent) {
                Some(row) => wanted.push((row, turn, looked)),
                None => planned.push(looked),
            }
        }
        let day = Day::of(now, &firm.time_zone);
        let granted = budget::take(&tx, &firm, (None, day), wanted, |(row, ..)| &mut row.mails).await?;
        let later = granted.over_own.iter().chain(&granted.past);
        planned.extend(later.map(|(_, turn, _)| put_off(turn, day)));
        let (mut reminders, mut tallied) = (Vec::new(), Vec::new());
        for (row, turn, looked) in granted.through {
            reminders.push(self.reminder(&firm, turn, &row, now)?);
            planned.push(looked);
            tallied.push(row);
        }
        access::save_standing(&tx, &tallied).await?;
        reminder::update(&tx, organization, &planned, now).await?;
        self.send_reminders(&tx, &firm, reminders, now).await?;
        Ok(tx.commit().await?)
    }

    fn reminder(
        &self,
        firm: &Organization,
        turn: Turn,
        row: &Access,
        now: DateTime<Utc>,
    ) -> Result<Reminder, Failure> {
        let link = self.link(PURPOSE, (firm.id, turn.invitation), now)?;
        let letter = Letter {
            // the one that the invitation went to
            email_canonical: turn.email_canonical,
            ..Recipient::noted(row).invited(row, &link, turn.life.ends_at)
        };
        Ok(Reminder {
            token: NewToken {
                hash: link.hash,
                invitation: turn.invitation.uuid(),
                message: link.message.uuid(),
            },
            letter,
            inviter: (turn.by, turn.member),
        })
    }

    async fn send_reminders(
        &self,
        tx: &Transaction,
        firm: &Organization,
        reminders: Vec<Reminder>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        if reminders.is_empty() {
            return Ok(());
        }
        let mut tokens = Vec::with_capacity(reminders.len());
        let mut about = Vec::with_capacity(reminders.len());
        let mut sendings: BTreeMap<Inviter, Vec<Letter>> = BTreeMap::new();
        for reminder in reminders {
            tokens.push(reminder.token);
            about.push((reminder.letter.contact_id, reminder.letter.invitation_id));
            sendings
                .entry(reminder.inviter)
                .or_default()
                .push(reminder.letter);
        }
        reminder::insert_tokens(tx, firm.id, &tokens, now).await?;
        let messages = sendings.into_iter().flat_map(|(inviter, letters)| {
            let mailing = of_inviter(firm, &inviter, now);
            deliveries(&mailing, letters, now)
        });
        enqueue(tx, Lane::Bulk, messages.collect()).await?;
        log(tx, firm.id, &about, now).await
    }
}

/// Past the day's budgets nobody is reminded before the next day (I17).
fn put_off(turn: &Turn, day: Day) -> Planned {
    Planned {
        invitation: turn.invitation,
        next_at: Some(day.ends).filter(|at| *at < turn.life.ends_at),
        sent: false,
    }
}

/// What becomes of an invitation whose turn it is; `row` is the contact's, where it is open and the contact's newest.
fn look(
    firm: &Organization,
    turn: &Turn,
    row: Option<&Access>,
    address: EmailState,
    now: DateTime<Utc>,
) -> Planned {
    let at = |next_at| Planned {
        invitation: turn.invitation,
        next_at,
        sent: false,
    };
    let Some(row) = row.filter(|_| firm.reminders.is_on()) else {
        return at(None);
    };
    let zone = zone_of(firm, row);
    let next_from = |from| planned(firm, turn.invitation, turn.life, from, zone);
    if !turn.planned {
        let last = turn.last_at.unwrap_or(turn.life.issued_at);
        return at(next_from(now.max(last + APART)));
    }
    let due = Due {
        portal_enabled: firm.portal_enabled,
        status: row.status_at(now),
        reachable: row.person.may_enter() && !row.is_elsewhere(),
        delivery: turn.delivery,
        address,
    };
    match decide(due, firm.reminders.quiet, now, zone) {
        Decision::Never => at(None),
        Decision::Skip => at(next_from(now + TimeDelta::minutes(1))),
        Decision::Wait(until) if until < turn.life.ends_at => at(Some(until)),
        Decision::Wait(_) => at(None),
        Decision::Remind => Planned {
            sent: true,
            ..at(next_from(now + APART))
        },
    }
}

/// When an invitation is to be looked at first.
pub(super) fn first_reminder(
    firm: &Organization,
    row: &Access,
    (invitation, life): (InvitationId, Life),
) -> Option<Planned> {
    if !firm.reminders.is_on() || row.status != PortalStatus::Invited {
        return None;
    }
    let at = planned(firm, invitation, life, life.issued_at + APART, zone_of(firm, row))?;
    Some(Planned {
        invitation,
        next_at: Some(at),
        sent: false,
    })
}

fn planned(
    firm: &Organization,
    invitation: InvitationId,
    life: Life,
    from: DateTime<Utc>,
    zone: Tz,
) -> Option<DateTime<Utc>> {
    // the id's random part, and so the same whenever it is asked for
    let seconds = i64::try_from(invitation.uuid().as_u128() % SPREAD).unwrap_or_default();
    next(&firm.reminders, life, from, zone, TimeDelta::seconds(seconds))
}

/// The recipient's own zone, then the organization's.
fn zone_of(firm: &Organization, row: &Access) -> Tz {
    let own = row.person.time_zone.as_deref().and_then(|zone| zone.parse().ok());
    own.or_else(|| firm.time_zone.parse().ok()).unwrap_or(Tz::UTC)
}

fn of_inviter(firm: &Organization, (name, member): &Inviter, now: DateTime<Utc>) -> Mailing {
    let address = member.as_ref().map(|(_, address)| address.as_str());
    Mailing {
        kind: MailKind::Reminder,
        ..mailing(firm, MailingId::new(now), Some(name), address)
    }
}

async fn log(
    tx: &Transaction,
    organization: OrganizationId,
    about: &[(Option<ContactId>, InvitationId)],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let actor = Actor {
        kind: "service",
        id: None,
        name: "invitations".to_owned(),
    };
    let lines: Vec<Line<'_>> = about
        .iter()
        .map(|(contact, invitation)| Line {
            organization,
            actor: &actor,
            action: "invitation.reminded",
            contact: *contact,
            subject: Some(invitation.uuid()),
            summary: "Sent a reminder of the invitation".to_owned(),
        })
        .collect();
    Ok(activity::write_all(tx, &lines, now).await?)
}
