//! Whoever is in gets another address: the one that signs in so far is told at once, and the new one signs in once a link that
//! was mailed to it is confirmed (I6).

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::{Lane, Letter, MailKind, Withdrawn};
use usher_messaging::enqueue;
use usher_types::{ContactId, EmailState, InvitationId, MessageId, OrganizationId};

use super::Failure;
use super::contact_news::Moved;
use super::context::App;
use super::issue::{deliveries, withdrawals};
use super::readdress::log;
use super::recipient::{Recipient, of_kind};
use crate::domain::portal::Access;
use crate::storage::email_change::{self, NewChange};
use crate::storage::{address, organization};

/// The purpose of the token, which separates it from every other kind (I9).
pub(super) const PURPOSE: &str = "email_change";
/// The life of the link, and of the notice.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// A link that was made for a contact's new address.
struct Asked<'a> {
    row: &'a Access,
    id: InvitationId,
    hash: Vec<u8>,
    letter: Letter,
}

/// Tells the address that signs in so far that another was noted. Whether that one takes mail, and whether the portal is on,
/// does not matter: it may be the doing of somebody who is not the contact.
pub(super) async fn tell(
    tx: &Transaction,
    organization: OrganizationId,
    moved: &[Moved],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let told = moved.iter().filter(|(_, effects)| effects.tells);
    let notices: Vec<Letter> = told
        .filter_map(|(row, _)| {
            let recipient = Recipient::signing_in(row)?;
            Some(recipient.letter(MessageId::new(now), InvitationId::new(now), now + LIFE))
        })
        .collect();
    if notices.is_empty() {
        return Ok(());
    }
    let Some(firm) = organization::find(tx, organization).await? else {
        return Ok(());
    };
    let mailing = of_kind(&firm, MailKind::EmailChangedNotice, now);
    Ok(enqueue(tx, Lane::Interactive, deliveries(&mailing, notices, now)).await?)
}

impl App {
    /// Kills the links of those whose address is another once more, and sends one to each new address that takes mail.
    pub(super) async fn ask_to_confirm(
        &self,
        tx: &Transaction,
        organization: OrganizationId,
        moved: &[Moved],
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let rows = moved.iter().filter(|(_, effects)| effects.confirms);
        let rows: Vec<&Access> = rows.map(|(row, _)| row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        end_open(tx, organization, &rows, now).await?;
        let firm = organization::find(tx, organization).await?;
        let Some(firm) = firm.filter(|firm| firm.portal_enabled) else {
            return Ok(());
        };
        let addresses: Vec<&str> = rows.iter().filter_map(|row| row.unconfirmed()).collect();
        let states = address::states(tx, organization, &addresses).await?;
        let mut asked = Vec::with_capacity(rows.len());
        for row in rows {
            if takes_mail(row, &states) {
                asked.push(self.asked(row, now)?);
            }
        }
        let rows: Vec<NewChange<'_>> = asked.iter().map(|asked| new_row(asked, now)).collect();
        email_change::insert(tx, &rows).await?;
        let links = asked.iter().map(|asked| asked.letter.clone()).collect();
        let mailing = of_kind(&firm, MailKind::EmailChange, now);
        enqueue(tx, Lane::Interactive, deliveries(&mailing, links, now)).await?;
        let summary = "The address changed; it signs in once it is confirmed";
        let about = asked.iter().map(|asked| (asked.row, Some(asked.id)));
        log(tx, about, ("email_change.asked", summary), now).await
    }

    fn asked<'a>(&self, row: &'a Access, now: DateTime<Utc>) -> Result<Asked<'a>, Failure> {
        let link = self.link(PURPOSE, (row.organization, InvitationId::new(now)), now)?;
        Ok(Asked {
            row,
            id: link.id,
            letter: Recipient::noted(row).letter_with(&link, now + LIFE),
            hash: link.hash,
        })
    }
}

async fn end_open(
    tx: &Transaction,
    organization: OrganizationId,
    rows: &[&Access],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let contacts: Vec<ContactId> = rows.iter().map(|row| row.contact).collect();
    let dead = email_change::end_open(tx, organization, &contacts, now).await?;
    let dead: Vec<Withdrawn> = dead.into_iter().map(withdrawn).collect();
    let commands = withdrawals(organization, &dead, now);
    Ok(enqueue(tx, Lane::Interactive, commands).await?)
}

/// Takes back the mail with the link; the notice stays true that another address was noted.
const fn withdrawn(invitation_id: InvitationId) -> Withdrawn {
    Withdrawn {
        invitation_id,
        contact_id: None,
    }
}

fn takes_mail(row: &Access, states: &HashMap<String, EmailState>) -> bool {
    row.unconfirmed()
        .is_some_and(|address| matches!(states.get(address), None | Some(EmailState::Valid)))
}

fn new_row<'a>(asked: &'a Asked<'_>, now: DateTime<Utc>) -> NewChange<'a> {
    NewChange {
        id: asked.id.uuid(),
        organization_id: asked.row.organization.uuid(),
        contact_id: asked.row.contact.uuid(),
        state: "OPEN",
        token_hash: asked.hash.clone(),
        email: &asked.letter.email,
        email_canonical: &asked.letter.email_canonical,
        created_at: now,
        expires_at: now + LIFE,
    }
}
