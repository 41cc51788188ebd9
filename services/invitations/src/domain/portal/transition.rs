//! What becomes of portal access when something happens (I21), and what is to be done beside that.

use chrono::{DateTime, Utc};
use usher_events::InvitationFact;
use usher_types::{EmailState, IneligibleReason, InvitationAction, InvitationId, PortalStatus};

use super::access::Access;
use super::person::Person;
use super::step::{Kind, Step, step};
use crate::domain::link::InvitationState;

/// Something that happens to a contact on the way in.
#[derive(Clone, Debug)]
pub enum Act {
    /// A first link is to go out.
    Send(Offer),
    /// A further link is to go out, with a full new life.
    Resend(Offer),
    /// The address became another: a link is to go there (I6).
    Readdress(Offer),
    /// A member takes the invitation back, or it cannot follow the contact to another address.
    Cancel,
    /// The link's life is over, which is to be announced (I5).
    Expire,
    /// A password was chosen behind this invitation's link.
    Accept(InvitationId),
    /// The person signed in.
    SignIn,
    /// News of the contact, in their order: another address, made inactive or a LEAD, login off or on, or nothing that
    /// matters here.
    Hear(Vec<Person>),
}

/// A link that may go out.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The new invitation.
    pub invitation: InvitationId,
    /// Who invites, for display.
    pub by: String,
    /// The end of its life.
    pub expires_at: DateTime<Utc>,
    /// What is known of the address beyond the contact: bounced, suppressed, or nothing.
    pub address: EmailState,
}

/// Why an act cannot happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The invitation's action does not reach the contact (I3).
    Ineligible(IneligibleReason),
    /// Not where the contact stands now, or the contact is barred.
    Impossible,
}

/// An invitation that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub invitation: InvitationId,
    /// How: never OPEN. Its mail that has not gone out is taken back, whatever it is.
    pub state: InvitationState,
}

/// What an act asks for beyond the row itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// A letter with a link to this invitation goes out.
    pub letter: Option<InvitationId>,
    /// This invitation is over.
    pub ended: Option<Ended>,
    /// Every link that went out before is dead, superseded ones too: the invitation is over (I21), or the address is another
    /// (I6). Whoever reads the old mailbox is told nothing of what is sent from then on.
    pub buries: bool,
    /// This is announced.
    pub announced: Option<(InvitationFact, InvitationId)>,
    /// The address is another while an invitation is out: [`Act::Readdress`] is to follow or, where it is refused,
    /// [`Act::Cancel`].
    pub elsewhere: bool,
    /// Whoever is signed in as the contact is signed out.
    pub sign_out: bool,
    /// It was the first sign-in.
    pub first_sign_in: bool,
}

/// What becomes of `access` when `act` happens at `now`.
///
/// # Errors
/// [`Refused`]; nothing has happened then.
pub fn transition(access: Access, act: Act, now: DateTime<Utc>) -> Result<(Access, Effects), Refused> {
    match act {
        Act::Send(offer) => {
            reaches(&access, InvitationAction::Send, offer.address, now)?;
            let status = moved_to(&access, Kind::Send, now)?;
            Ok(issue(access, offer, status, now))
        }
        Act::Resend(offer) => {
            reaches(&access, InvitationAction::Resend, offer.address, now)?;
            let status = moved_to(&access, Kind::Resend, now)?;
            Ok(issue(access, offer, status, now))
        }
        Act::Readdress(offer) => {
            reaches(&access, InvitationAction::Resend, offer.address, now)?;
            let status = moved_to(&access, Kind::Readdress, now)?;
            Ok(issue(access, offer, status, now))
        }
        Act::Cancel => {
            reaches(&access, InvitationAction::Cancel, EmailState::Valid, now)?;
            let status = moved_to(&access, Kind::Cancel, now)?;
            Ok(end(access, status))
        }
        Act::Expire => expire(access, now),
        Act::Accept(invitation) => accept(access, invitation, now),
        Act::SignIn => sign_in(access, now),
        Act::Hear(news) => Ok(hear(access, news, now)),
    }
}

fn reaches(
    access: &Access,
    action: InvitationAction,
    address: EmailState,
    now: DateTime<Utc>,
) -> Result<(), Refused> {
    let eligible = access.eligibility(action, address, now);
    eligible.map_err(Refused::Ineligible)
}

fn moved_to(access: &Access, kind: Kind, now: DateTime<Utc>) -> Result<PortalStatus, Refused> {
    match step(access.status_at(now), kind) {
        Step::To(status) => Ok(status),
        Step::Stays | Step::Refused => Err(Refused::Impossible),
    }
}

/// A link goes out. The one before is superseded; where the address became another meanwhile, it is dead, whoever has seen
/// that first.
fn issue(mut access: Access, offer: Offer, status: PortalStatus, now: DateTime<Utc>) -> (Access, Effects) {
    let elsewhere = access.is_elsewhere();
    let before = if elsewhere {
        InvitationState::Cancelled
    } else {
        InvitationState::Superseded
    };
    let replaced = access.invitation.replace(offer.invitation);
    access.status = status;
    access.version = access.version.next();
    access.generation += 1;
    access.address.clone_from(&access.person.email_canonical);
    access.invited_at = Some(now);
    access.invited_by = Some(offer.by);
    access.expires_at = Some(offer.expires_at);
    let fact = match replaced {
        Some(_) => InvitationFact::Resent,
        None => InvitationFact::Issued,
    };
    let effects = Effects {
        letter: Some(offer.invitation),
        ended: replaced.map(|invitation| Ended {
            invitation,
            state: before,
        }),
        buries: elsewhere,
        announced: Some((fact, offer.invitation)),
        ..Effects::default()
    };
    (access, effects)
}

/// The invitation is over before anybody accepted; when and by whom it was sent is kept.
fn end(mut access: Access, status: PortalStatus) -> (Access, Effects) {
    access.status = status;
    access.version = access.version.next();
    access.expires_at = None;
    access.address = None;
    let invitation = access.invitation.take();
    let effects = Effects {
        ended: invitation.map(|invitation| Ended {
            invitation,
            state: InvitationState::Cancelled,
        }),
        buries: true,
        announced: invitation.map(|invitation| (InvitationFact::Cancelled, invitation)),
        ..Effects::default()
    };
    (access, effects)
}

/// The stored status stays: EXPIRED follows from the end and the time, and was visible at that instant.
fn expire(mut access: Access, now: DateTime<Utc>) -> Result<(Access, Effects), Refused> {
    let over = access.status_at(now) == PortalStatus::Expired;
    let invitation = access.invitation.filter(|_| over).ok_or(Refused::Impossible)?;
    access.version = access.version.next();
    let effects = Effects {
        announced: Some((InvitationFact::Expired, invitation)),
        ..Effects::default()
    };
    Ok((access, effects))
}

fn accept(
    mut access: Access,
    invitation: InvitationId,
    now: DateTime<Utc>,
) -> Result<(Access, Effects), Refused> {
    let status = moved_to(&access, Kind::Accept, now)?;
    // a link that is not the newest cannot be open; a barred contact has none
    if access.invitation != Some(invitation) || !access.person.may_enter() {
        return Err(Refused::Impossible);
    }
    access.status = status;
    access.version = access.version.next();
    access.invitation = None;
    access.expires_at = None;
    access.accepted_at = Some(now);
    let effects = Effects {
        ended: Some(Ended {
            invitation,
            state: InvitationState::Accepted,
        }),
        announced: Some((InvitationFact::Accepted, invitation)),
        ..Effects::default()
    };
    Ok((access, effects))
}

fn sign_in(mut access: Access, now: DateTime<Utc>) -> Result<(Access, Effects), Refused> {
    let status = moved_to(&access, Kind::SignIn, now)?;
    if !access.person.may_enter() {
        return Err(Refused::Impossible);
    }
    let effects = Effects {
        first_sign_in: access.first_signed_in_at.is_none(),
        ..Effects::default()
    };
    access.status = status;
    access.version = access.version.next();
    access.first_signed_in_at.get_or_insert(now);
    access.last_signed_in_at = Some(now);
    Ok((access, effects))
}

/// An older version asks for nothing. What the last one asks of the address counts; whatever has ended stays ended.
fn hear(mut access: Access, news: Vec<Person>, now: DateTime<Utc>) -> (Access, Effects) {
    let mut effects = Effects::default();
    for person in news {
        if !access.learn(person) {
            continue;
        }
        let (next, asked) = heard(access, now);
        access = next;
        effects = Effects {
            ended: effects.ended.or(asked.ended),
            buries: effects.buries || asked.buries,
            announced: effects.announced.or(asked.announced),
            sign_out: effects.sign_out || asked.sign_out,
            ..asked
        };
    }
    (access, effects)
}

/// What the person who is known now asks for.
fn heard(access: Access, now: DateTime<Utc>) -> (Access, Effects) {
    if !access.person.may_enter() {
        return bar(access, now);
    }
    if !access.is_elsewhere() || step(access.status_at(now), Kind::Readdress) == Step::Stays {
        return (access, Effects::default());
    }
    // an address that takes no mail cannot be offered anything: the old link dies all the same
    if !access.person.can_be_written_to() {
        return end(access, PortalStatus::Waiting);
    }
    let effects = Effects {
        elsewhere: true,
        ..Effects::default()
    };
    (access, effects)
}

/// An open invitation ends; who is in keeps the status, and is out until the cause is gone.
fn bar(access: Access, now: DateTime<Utc>) -> (Access, Effects) {
    if let Step::To(status) = step(access.status_at(now), Kind::Bar) {
        return end(access, status);
    }
    let effects = Effects {
        sign_out: matches!(access.status, PortalStatus::Accepted | PortalStatus::Active),
        ..Effects::default()
    };
    (access, effects)
}
