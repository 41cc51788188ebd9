//! declineInvitation: "this isn't me" (I8, I21).

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::{Envelope, Lane, MailKind, Mailing, Suppress, SuppressionReason};
use usher_messaging::enqueue;
use usher_types::{InvitationId, LinkState, MessageId};

use super::accept::invalid;
use super::context::{App, SOURCE};
use super::follow_up::AfterCommit;
use super::issue::{deliveries, withdraw};
use super::landing::{Found, Whose, find_link};
use super::member_link::end_link;
use super::recipient::{Recipient, of_kind};
use super::{Failure, refuse};
use crate::domain::link::InvitationState;
use crate::domain::portal::{Access, Act, transition};
use crate::storage::access;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::invitation::{self, Ending};
use crate::storage::member::{self, Member};

/// How long the notice to whoever invited is tried.
const NOTICE_LIFE: TimeDelta = TimeDelta::days(2);

impl App {
    /// Ends the invitation of a link that is OPEN or EXPIRED, suppresses the address and tells whoever invited.
    ///
    /// # Errors
    /// LINK_INVALID and LINK_SUPERSEDED; nothing has happened then.
    pub(crate) async fn decline(&self, token: &str) -> Result<(), Failure> {
        let tx = self.read_any().await?;
        let found = find_link(&tx, token, self.now()).await?.ok_or_else(invalid)?;
        drop(tx);
        check(found.state)?;
        for _ in 0..3 {
            match self.write_declined(&found, token).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_declined(&found, token).await
    }

    async fn write_declined(&self, seen: &Found, token: &str) -> Result<(), Failure> {
        let now = self.now();
        let organization = seen.organization.id;
        let tx = self.write(organization).await?;
        let whose = Whose::lock(&tx, &seen.invitation).await?.ok_or_else(invalid)?;
        // whatever ended the link meanwhile has held the row
        let found = find_link(&tx, token, now).await?.ok_or_else(invalid)?;
        check(found.state)?;
        let (actor, after) = match whose {
            Whose::Contact(row) => decline_contact(&tx, *row, found.invitation.id, now).await?,
            Whose::Member(member) => decline_member(&tx, *member, now).await?,
        };
        suppress(&tx, &found, now).await?;
        tell_inviter(&tx, &found, &actor.name, now).await?;
        log(&tx, &found, &actor, now).await?;
        tx.commit().await?;
        self.follow_up(organization, &after).await;
        Ok(())
    }
}

fn check(state: LinkState) -> Result<(), Failure> {
    match state {
        // whoever is not meant may say so also when the link has run out
        LinkState::Open | LinkState::Expired => Ok(()),
        LinkState::Invalid => Err(invalid()),
        LinkState::Superseded => Err(refuse(
            "LINK_SUPERSEDED",
            &["token"],
            "a newer link was sent; use that one",
        )
        .into()),
    }
}

async fn decline_contact(
    tx: &Transaction,
    row: Access,
    invitation: InvitationId,
    now: DateTime<Utc>,
) -> Result<(Actor, AfterCommit), Failure> {
    let organization = row.organization;
    let (row, effects) = transition(row, Act::Decline(invitation), now).map_err(|_| invalid())?;
    let withdrawn = withdraw(
        tx,
        (organization, Lane::Interactive),
        [(&row, &effects)],
        declined(now),
    )
    .await?;
    access::save_standing(tx, std::slice::from_ref(&row)).await?;
    let actor = Actor::of_contact(&row);
    let after = AfterCommit {
        moved: vec![(row.contact, row.version.raw())],
        withdrawn,
    };
    Ok((actor, after))
}

async fn decline_member(
    tx: &Transaction,
    mut member: Member,
    now: DateTime<Utc>,
) -> Result<(Actor, AfterCommit), Failure> {
    let (withdrawn, messages) = end_link(tx, &mut member, declined(now)).await?;
    member::update(tx, &mut member, now).await?;
    enqueue(tx, Lane::Interactive, messages).await?;
    let after = AfterCommit {
        withdrawn,
        ..AfterCommit::default()
    };
    Ok((Actor::of_member(&member), after))
}

const fn declined(at: DateTime<Utc>) -> Ending {
    Ending {
        state: InvitationState::Declined,
        at,
        by_batch: None,
    }
}

/// Notifications owns what is known of addresses, and tells everybody.
async fn suppress(tx: &Transaction, found: &Found, now: DateTime<Utc>) -> Result<(), Failure> {
    let command = Suppress {
        organization_id: found.organization.id,
        email_canonical: found.invitation.email_canonical.clone(),
        contact_id: found.invitation.contact,
        invitation_id: found.invitation.id,
        reason: SuppressionReason::Declined,
    };
    let command = Envelope::command(SOURCE, now, &command);
    Ok(enqueue(tx, Lane::Interactive, vec![command]).await?)
}

/// The member who invited hears whom the invitation has not reached. Nobody does where no member had asked for it.
async fn tell_inviter(
    tx: &Transaction,
    found: &Found,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (firm, invitation) = (&found.organization, &found.invitation);
    let inviter = invitation::inviters(tx, firm.id, [invitation.id]).await?;
    let Some((id, _)) = inviter.get(&invitation.id) else {
        return Ok(());
    };
    let member = member::find(tx, firm.id, *id).await?;
    let Some(member) = member.filter(|member| member.active) else {
        return Ok(());
    };
    let letter =
        Recipient::from(&member).letter(MessageId::new(now), InvitationId::new(now), now + NOTICE_LIFE);
    let mailing = Mailing {
        message: Some(format!("{name} ({})", invitation.email)),
        ..of_kind(firm, MailKind::InvitationDeclined, now)
    };
    Ok(enqueue(tx, Lane::Interactive, deliveries(&mailing, vec![letter], now)).await?)
}

async fn log(tx: &Transaction, found: &Found, actor: &Actor, now: DateTime<Utc>) -> Result<(), Failure> {
    let line = Line {
        organization: found.organization.id,
        actor,
        action: "invitation.declined",
        contact: found.invitation.contact,
        subject: Some(found.invitation.id.uuid()),
        summary: "Answered the invitation with \u{201c}this isn't me\u{201d}; the address gets no more mail"
            .to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}
