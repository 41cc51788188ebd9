//! Links go out, and end: the rows and messages that belong to either, set-based.

use chrono::{DateTime, TimeDelta, Utc};
use usher_auth::{Keyring, SealContext, seal_token};
use usher_database::Transaction;
use usher_events::{
    CancelMessages, Deliver, Envelope, InvitationChanged, Lane, Letter, MailKind, Mailing, Withdrawn,
};
use usher_messaging::enqueue;
use usher_types::{BatchId, ContactId, InvitationId, MailingId, MessageId, OrganizationId, SharedTokens};
use uuid::Uuid;

use super::Failure;
use super::context::{App, SOURCE, organization_of};
use super::recipient::Recipient;
use super::remind::first_reminder;
use crate::domain::organization::Organization;
use crate::domain::portal::{Access, Effects};
use crate::domain::reminder::Life;
use crate::storage::invitation::{self, Ending, NewInvitation};
use crate::storage::reminder;

/// The purpose of a link's token, which separates it from every other kind (I9).
pub(crate) const PURPOSE: &str = "invitation";
/// Letters in one command.
const LETTERS: usize = 200;
/// Withdrawn invitations in one command.
const WITHDRAWN: usize = 1000;

/// What the links of one sending have in common.
pub(crate) struct Sending<'a> {
    pub(crate) mailing: Mailing,
    pub(crate) lane: Lane,
    pub(crate) batch: Option<BatchId>,
    /// For display.
    pub(crate) by: &'a str,
    pub(crate) by_id: Option<Uuid>,
    pub(crate) life: TimeDelta,
    pub(crate) now: DateTime<Utc>,
}

/// A mailing of an organization.
pub(crate) fn mailing(
    organization: &Organization,
    id: MailingId,
    by: Option<&str>,
    inviter_address: Option<&str>,
) -> Mailing {
    Mailing {
        id,
        organization_id: organization.id,
        kind: MailKind::Invitation,
        organization_name: organization.name.clone(),
        invited_by: by.filter(|by| !by.is_empty()).map(str::to_owned),
        reply_to: organization
            .reply_to
            .clone()
            .or_else(|| inviter_address.map(str::to_owned)),
        locale: organization.locale.clone(),
        time_zone: organization.time_zone.clone(),
        subject: None,
        body: None,
        message: None,
    }
}

/// A link that was made: what is stored of it, and what travels.
pub(super) struct Link {
    pub(super) id: InvitationId,
    pub(super) message: MessageId,
    pub(super) hash: Vec<u8>,
    pub(super) sealed: String,
}

/// A fresh link for this purpose, to an invitation or whatever else the id stands for.
pub(super) fn link(
    (tokens, seal_keys): (&SharedTokens, &Keyring),
    purpose: &str,
    (organization, id): (OrganizationId, InvitationId),
    now: DateTime<Utc>,
) -> Result<Link, Failure> {
    let message = MessageId::new(now);
    let token = tokens.token();
    let context = SealContext {
        message,
        invitation: id,
        organization,
    };
    Ok(Link {
        id,
        message,
        hash: token.hash(purpose).to_vec(),
        sealed: seal_token(seal_keys, context, &token).map_err(Failure::broken)?,
    })
}

impl App {
    /// As [`link`], with our own keys.
    pub(super) fn link(
        &self,
        purpose: &str,
        of: (OrganizationId, InvitationId),
        now: DateTime<Utc>,
    ) -> Result<Link, Failure> {
        link((&self.tokens, &self.seal_keys), purpose, of, now)
    }

    /// Sends a link to each contact whose transition asks for one, and announces it; saving the rows is the caller's. The
    /// invitations that were replaced are returned; ending them is the caller's, too.
    pub(crate) async fn issue(
        &self,
        tx: &Transaction,
        sending: &Sending<'_>,
        moved: &[(Access, Effects)],
    ) -> Result<Vec<Withdrawn>, Failure> {
        let buried = moved.iter().filter(|(_, effects)| effects.buries);
        let buried: Vec<ContactId> = buried.map(|(access, _)| access.contact).collect();
        // before the new ones are there, which it would bury as well
        invitation::bury_older(tx, sending.mailing.organization_id, &buried, sending.now).await?;
        let mut replaced = Vec::new();
        let mut letters = Vec::with_capacity(moved.len());
        let mut events = Vec::with_capacity(moved.len());
        let mut links = Vec::with_capacity(moved.len());
        for (access, effects) in moved {
            let Some(invitation) = effects.letter else {
                continue;
            };
            let link = self.link(PURPOSE, (access.organization, invitation), sending.now)?;
            replaced.extend(
                effects
                    .ended
                    .map(|ended| withdrawn(ended.invitation, access.contact)),
            );
            events.extend(announcement(access, effects, sending.batch, sending.now));
            letters.push(letter(access, &link, sending));
            links.push((access, link));
        }
        let rows: Vec<NewInvitation<'_>> = links
            .iter()
            .map(|(access, link)| row(access, link, sending))
            .collect();
        invitation::insert(tx, &rows).await?;
        plan_reminders(tx, sending, &links).await?;
        let mut messages = deliveries(&sending.mailing, letters, sending.now);
        messages.extend(events);
        enqueue(tx, sending.lane, messages).await?;
        Ok(replaced)
    }
}

/// When those who do not answer are reminded, where the organization reminds (I16).
async fn plan_reminders(
    tx: &Transaction,
    sending: &Sending<'_>,
    links: &[(&Access, Link)],
) -> Result<(), Failure> {
    let organization = sending.mailing.organization_id;
    let firm = organization_of(tx, organization).await?;
    let life = Life {
        issued_at: sending.now,
        ends_at: sending.now + sending.life,
    };
    let planned = links
        .iter()
        .filter_map(|(access, link)| first_reminder(&firm, access, (link.id, life)));
    let planned: Vec<_> = planned.collect();
    Ok(reminder::insert(tx, organization, &planned).await?)
}

fn letter(access: &Access, link: &Link, sending: &Sending<'_>) -> Letter {
    Recipient::noted(access).invited(access, link, sending.now + sending.life)
}

fn row<'a>(access: &'a Access, link: &Link, sending: &'a Sending<'_>) -> NewInvitation<'a> {
    NewInvitation {
        id: link.id.uuid(),
        organization_id: access.organization.uuid(),
        contact_id: Some(access.contact.uuid()),
        member_id: None,
        generation: access.generation,
        state: "OPEN",
        token_hash: link.hash.clone(),
        email: access.person.email.as_deref().unwrap_or_default(),
        email_canonical: access.person.email_canonical.as_deref().unwrap_or_default(),
        contact_version: access.person.version.raw(),
        batch_id: sending.batch.map(BatchId::uuid),
        message_id: link.message.uuid(),
        delivery: "QUEUED",
        issued_at: sending.now,
        expires_at: sending.now + sending.life,
        created_by: sending.by,
        created_by_id: sending.by_id,
    }
}

/// Commands of at most 200 letters.
pub(crate) fn deliveries(mailing: &Mailing, letters: Vec<Letter>, now: DateTime<Utc>) -> Vec<Envelope> {
    let mut letters = letters.into_iter().peekable();
    let mut envelopes = Vec::new();
    while letters.peek().is_some() {
        let command = Deliver {
            mailing: mailing.clone(),
            letters: letters.by_ref().take(LETTERS).collect(),
        };
        envelopes.push(Envelope::command(SOURCE, now, &command));
    }
    envelopes
}

/// The event that a transition asks for.
pub(crate) fn announcement(
    access: &Access,
    effects: &Effects,
    batch_id: Option<BatchId>,
    now: DateTime<Utc>,
) -> Option<Envelope> {
    let (fact, invitation_id) = effects.announced?;
    let event = InvitationChanged {
        fact,
        invitation_id,
        batch_id,
        portal: access.facts(),
    };
    Some(Envelope::event(SOURCE, now, &event))
}

/// Commands that take mail back.
pub(crate) fn withdrawals(
    organization_id: OrganizationId,
    withdrawn: &[Withdrawn],
    now: DateTime<Utc>,
) -> Vec<Envelope> {
    let command = |part: &[Withdrawn]| {
        let command = CancelMessages {
            organization_id,
            withdrawn: part.to_vec(),
        };
        Envelope::command(SOURCE, now, &command)
    };
    withdrawn.chunks(WITHDRAWN).map(command).collect()
}

pub(crate) const fn withdrawn(invitation_id: InvitationId, contact: ContactId) -> Withdrawn {
    Withdrawn {
        invitation_id,
        contact_id: Some(contact),
    }
}

/// A mail that tells of further accounts: it names no contact, so that no invitation replaces it.
pub(crate) const fn withdrawn_notice(invitation_id: InvitationId) -> Withdrawn {
    Withdrawn {
        invitation_id,
        contact_id: None,
    }
}

/// Ends the invitations that these transitions have ended before anybody accepted: the link INVALID like those before it, the
/// mail taken back, the fact announced (I21). Saving the rows is the caller's.
pub(crate) async fn withdraw(
    tx: &Transaction,
    (organization, lane): (OrganizationId, Lane),
    moved: impl IntoIterator<Item = (&Access, &Effects)>,
    ending: Ending,
) -> Result<Vec<Withdrawn>, Failure> {
    let over: Vec<(&Access, &Effects, InvitationId)> = moved
        .into_iter()
        .filter_map(|(access, effects)| Some((access, effects, effects.ended?.invitation)))
        .collect();
    let ids = || over.iter().map(|(_, _, id)| *id);
    invitation::end(tx, organization, ids(), ending).await?;
    let buried = over.iter().filter(|(_, effects, _)| effects.buries);
    let buried: Vec<ContactId> = buried.map(|(access, _, _)| access.contact).collect();
    invitation::bury_older(tx, organization, &buried, ending.at).await?;
    let batches = invitation::batches_of(tx, organization, ids()).await?;
    let gone: Vec<Withdrawn> = over
        .iter()
        .map(|(access, _, id)| withdrawn(*id, access.contact))
        .collect();
    let mut messages = withdrawals(organization, &gone, ending.at);
    messages.extend(over.iter().filter_map(|(access, effects, id)| {
        let batch = batches.get(id).copied().flatten();
        announcement(access, effects, batch, ending.at)
    }));
    enqueue(tx, lane, messages).await?;
    Ok(gone)
}
