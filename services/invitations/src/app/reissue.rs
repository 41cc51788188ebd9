//! A fresh invitation that nobody of the firm has asked for: the person did, by an old link or a forgotten password (I8, I12).

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::{Lane, Withdrawn};
use usher_messaging::enqueue;
use usher_types::{EmailState, InvitationId, MailingId, PortalStatus};

use super::context::App;
use super::follow_up::AfterCommit;
use super::issue::{Sending, mailing, withdrawals};
use super::{Failure, budget};
use crate::domain::budget::Day;
use crate::domain::link::InvitationState;
use crate::domain::organization::Organization;
use crate::domain::portal::{Access, Act, Offer, transition};
use crate::storage::activity::{self, Actor, Line};
use crate::storage::invitation::{self, Ending};
use crate::storage::{access, address};

impl App {
    /// Sends a fresh invitation to the stored address of a contact whose row is locked, in the name of whoever sent the one
    /// before. What is to follow the commit is returned; nothing, where the contact cannot be invited.
    pub(super) async fn reissue(
        &self,
        tx: &Transaction,
        firm: &Organization,
        row: Access,
        now: DateTime<Utc>,
    ) -> Result<AfterCommit, Failure> {
        // a contact who waits was taken back, and nobody but the firm asks in again
        if !firm.portal_enabled || row.status_at(now) == PortalStatus::Waiting {
            return Ok(AfterCommit::default());
        }
        let life = TimeDelta::seconds(firm.invitation_life);
        let offer = Offer {
            invitation: InvitationId::new(now),
            by: row.invited_by.clone().unwrap_or_default(),
            expires_at: now + life,
            address: state_of(tx, &row).await?,
        };
        let inviter = match row.invitation {
            Some(id) => invitation::inviters(tx, firm.id, [id]).await?.remove(&id),
            None => None,
        };
        let by = offer.by.clone();
        let Ok(resent) = transition(row, Act::Resend(offer), now) else {
            return Ok(AfterCommit::default());
        };
        // past the day's budgets nothing is sent, and the answer is as always: whoever needs it asks again tomorrow (I11, I17)
        let day = Day::of(now, &firm.time_zone);
        let granted = budget::take(tx, firm, (None, day), vec![resent], |(row, _)| &mut row.mails).await?;
        let moved = granted.through;
        let Some((row, _)) = moved.first() else {
            return Ok(AfterCommit::default());
        };
        let reply_to = inviter.as_ref().map(|(_, address)| address.as_str());
        let sending = Sending {
            mailing: mailing(firm, MailingId::new(now), Some(&by), reply_to),
            lane: Lane::Interactive,
            batch: None,
            by: &by,
            by_id: inviter.as_ref().map(|(id, _)| (*id).into()),
            life,
            now,
        };
        let replaced = self.issue(tx, &sending, &moved).await?;
        supersede(tx, firm, &replaced, now).await?;
        access::save_standing(tx, std::slice::from_ref(row)).await?;
        log(tx, row, now).await?;
        Ok(AfterCommit {
            moved: vec![(row.contact, row.version.raw())],
            withdrawn: replaced,
        })
    }
}

async fn state_of(tx: &Transaction, row: &Access) -> Result<EmailState, Failure> {
    let Some(address) = row.person.email_canonical.as_deref() else {
        return Ok(EmailState::Valid);
    };
    let states = address::states(tx, row.organization, &[address]).await?;
    Ok(states.get(address).copied().unwrap_or(EmailState::Valid))
}

async fn supersede(
    tx: &Transaction,
    firm: &Organization,
    replaced: &[Withdrawn],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let ending = Ending {
        state: InvitationState::Superseded,
        at: now,
        by_batch: None,
    };
    let ids = replaced.iter().map(|gone| gone.invitation_id);
    invitation::end(tx, firm.id, ids, ending).await?;
    Ok(enqueue(tx, Lane::Interactive, withdrawals(firm.id, replaced, now)).await?)
}

async fn log(tx: &Transaction, row: &Access, now: DateTime<Utc>) -> Result<(), Failure> {
    let line = Line {
        organization: row.organization,
        actor: &Actor::of_contact(row),
        action: "invitation.renewed",
        contact: Some(row.contact),
        subject: row.invitation.map(Into::into),
        summary: "Asked for a new link; a fresh invitation went to the stored address".to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}
