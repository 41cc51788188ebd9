//! Members' links: the invitation's row, and the letter that carries it (I15).

use chrono::{DateTime, TimeDelta, Utc};
use usher_auth::Keyring;
use usher_database::Transaction;
use usher_events::{Envelope, Lane, Letter, MailKind, Withdrawn};
use usher_messaging::enqueue;
use usher_types::{InvitationId, MailingId, MemberStatus, SharedTokens};

use super::context::App;
use super::issue::{self, PURPOSE, deliveries, mailing, withdrawals};
use super::recipient::Recipient;
use super::{Failure, budget};
use crate::domain::budget::Day;
use crate::domain::link::InvitationState;
use crate::domain::member::{InvitationStep, may_step, status};
use crate::domain::organization::Organization;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::invitation::{self, Ending, NewInvitation};
use crate::storage::member::{self, Member};

/// What a link is made with.
pub(super) struct Maker<'a> {
    pub(super) tokens: &'a SharedTokens,
    pub(super) seal_keys: &'a Keyring,
    pub(super) now: DateTime<Utc>,
}

impl App {
    pub(super) fn maker(&self, now: DateTime<Utc>) -> Maker<'_> {
        Maker {
            tokens: &self.tokens,
            seal_keys: &self.seal_keys,
            now,
        }
    }
}

/// Sends a link to the member and notes it in `member`, whose row is the caller's to save. The letter is the caller's to hand
/// over. Nobody stands for the operator and for the member themself, who asked for a new link.
pub(super) async fn send_link(
    tx: &Transaction,
    maker: &Maker<'_>,
    firm: &Organization,
    member: &mut Member,
    by: Option<&Member>,
) -> Result<Vec<Envelope>, Failure> {
    let now = maker.now;
    let id = InvitationId::new(now);
    let link = issue::link((maker.tokens, maker.seal_keys), PURPOSE, (firm.id, id), now)?;
    let generation = invitation::generation_of_member(tx, firm.id, member.id).await? + 1;
    let expires_at = now + TimeDelta::seconds(firm.invitation_life);
    let name = by.map(|by| by.display_name.as_str());
    let row = NewInvitation {
        id: id.uuid(),
        organization_id: firm.id.uuid(),
        contact_id: None,
        member_id: Some(member.id.uuid()),
        generation,
        state: "OPEN",
        token_hash: link.hash.clone(),
        email: &member.email,
        email_canonical: &member.email_canonical,
        contact_version: 0,
        batch_id: None,
        message_id: link.message.uuid(),
        delivery: "QUEUED",
        issued_at: now,
        expires_at,
        created_by: name.unwrap_or_default(),
        created_by_id: by.map(|by| by.id.uuid()),
    };
    invitation::insert(tx, &[row]).await?;
    let letter = Letter {
        generation,
        ..Recipient::from(&*member).letter_with(&link, expires_at)
    };
    member.invitation = Some(id);
    member.invited_at = Some(now);
    member.invited_by = name.map(str::to_owned).or(member.invited_by.take());
    member.standing.expires_at = Some(expires_at);
    member.delivery = Some(usher_types::DeliveryState::Queued);
    member.delivery_error = None;
    let address = by.map(|by| by.email.as_str());
    let mut mailing = mailing(firm, MailingId::new(now), name, address);
    mailing.kind = MailKind::MemberInvitation;
    Ok(deliveries(&mailing, vec![letter], now))
}

/// Takes the link's share of the day's budgets (I17): the organization's, the inviter's and the member's own, whose row is the caller's
/// to save. False where one of them is used up; nothing is counted then.
pub(super) async fn take_share(
    tx: &Transaction,
    firm: &Organization,
    member: &mut Member,
    (by, now): (Option<&Member>, DateTime<Utc>),
) -> Result<bool, Failure> {
    let day = Day::of(now, &firm.time_zone);
    let wanted = vec![member.mails];
    let granted = budget::take(tx, firm, (by.map(|by| by.id), day), wanted, |mails| mails).await?;
    let Some(mails) = granted.through.first() else {
        return Ok(false);
    };
    member.mails = *mails;
    Ok(true)
}

/// Ends the member's invitation, if one is out, and takes its mail back. Unless a further link replaces it, its own is INVALID like
/// those before it. What is withdrawn is returned, for notifications to be told ahead of the queue.
pub(super) async fn end_link(
    tx: &Transaction,
    member: &mut Member,
    ending: Ending,
) -> Result<(Vec<Withdrawn>, Vec<Envelope>), Failure> {
    let Some(id) = member.invitation.take() else {
        return Ok(Default::default());
    };
    member.standing.expires_at = None;
    member.delivery = None;
    member.delivery_error = None;
    invitation::end(tx, member.organization, [id], ending).await?;
    if ending.state != InvitationState::Superseded {
        invitation::bury_of_member(tx, member.organization, member.id, ending.at).await?;
    }
    let gone = vec![Withdrawn {
        invitation_id: id,
        contact_id: None,
    }];
    let commands = withdrawals(member.organization, &gone, ending.at);
    Ok((gone, commands))
}

/// Sends a fresh link to a locked member who asked for one, by an old link or a forgotten password (I8, I12), in the name of whoever
/// invited them. Nothing happens where no invitation is out. What is withdrawn is returned as by [`end_link`].
pub(super) async fn renew_link(
    tx: &Transaction,
    maker: &Maker<'_>,
    firm: &Organization,
    mut member: Member,
) -> Result<Vec<Withdrawn>, Failure> {
    let stands = status(member.standing, maker.now);
    if stands == MemberStatus::Waiting || may_step(InvitationStep::Resend, member.active, stands).is_err() {
        return Ok(Vec::new());
    }
    let by = inviter(tx, &member).await?;
    if !take_share(tx, firm, &mut member, (None, maker.now)).await? {
        return Ok(Vec::new());
    }
    let ending = Ending {
        state: InvitationState::Superseded,
        at: maker.now,
        by_batch: None,
    };
    let (gone, mut messages) = end_link(tx, &mut member, ending).await?;
    messages.extend(send_link(tx, maker, firm, &mut member, by.as_ref()).await?);
    member::update(tx, &mut member, maker.now).await?;
    let line = Line {
        organization: firm.id,
        actor: &Actor::of_member(&member),
        action: "member.invitation_renewed",
        contact: None,
        subject: Some(member.id.uuid()),
        summary: "Asked for a new link; a fresh invitation went to the stored address".to_owned(),
    };
    activity::write(tx, line, maker.now).await?;
    enqueue(tx, Lane::Interactive, messages).await?;
    Ok(gone)
}

/// Whoever sent the invitation that is out, while they are a member still.
async fn inviter(tx: &Transaction, member: &Member) -> Result<Option<Member>, Failure> {
    let Some(invitation) = member.invitation else {
        return Ok(None);
    };
    let by = invitation::inviters(tx, member.organization, [invitation]).await?;
    let Some((id, _)) = by.get(&invitation) else {
        return Ok(None);
    };
    let found = member::find(tx, member.organization, *id).await?;
    Ok(found.filter(|by| by.active))
}
