//! Members' links: the invitation's row, and the letter that carries it (I15).

use chrono::{DateTime, TimeDelta, Utc};
use usher_auth::Keyring;
use usher_database::Transaction;
use usher_events::{Envelope, Letter, MailKind, Withdrawn};
use usher_types::{InvitationId, MailingId, SharedTokens};

use super::Failure;
use super::issue::{self, PURPOSE, deliveries, mailing, withdrawals};
use crate::domain::organization::Organization;
use crate::storage::invitation::{self, Ending, NewInvitation};
use crate::storage::member::Member;

/// What a link is made with.
pub(super) struct Maker<'a> {
    pub(super) tokens: &'a SharedTokens,
    pub(super) seal_keys: &'a Keyring,
    pub(super) now: DateTime<Utc>,
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
        token_hash: link.hash,
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
        message_id: link.message,
        invitation_id: id,
        generation,
        contact_id: None,
        email: member.email.clone(),
        email_canonical: member.email_canonical.clone(),
        first_name: member.display_name.clone(),
        last_name: String::new(),
        locale: None,
        time_zone: None,
        sealed_token: Some(link.sealed),
        expires_at,
        accounts: None,
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

/// Ends the member's invitation, if one is out, and takes its mail back. The link of a cancelled one is INVALID like those
/// before it. What is withdrawn is returned, for notifications to be told ahead of the queue.
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
    if ending.state == crate::domain::link::InvitationState::Cancelled {
        invitation::bury_of_member(tx, member.organization, member.id, ending.at).await?;
    }
    let gone = vec![Withdrawn {
        invitation_id: id,
        contact_id: None,
    }];
    let commands = withdrawals(member.organization, &gone, ending.at);
    Ok((gone, commands))
}
