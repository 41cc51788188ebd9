//! What becomes of portal access when something happens (I21), and what is to be done beside that.

use chrono::{DateTime, Utc};
use usher_events::InvitationFact;
use usher_types::{EmailState, InvitationAction, InvitationId, PortalStatus};

use super::access::Access;
use super::act::{Act, Effects, Ended, Offer, Refused};
use super::person::Person;
use super::step::{Kind, Step, step};
use crate::domain::link::InvitationState;

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
        Act::Decline(invitation) => decline(access, invitation, now),
        Act::SignIn => sign_in(access, now),
        Act::Confirm(address) => confirm(access, address),
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

/// It ends as a cancelled one does, and everybody hears why.
fn decline(
    access: Access,
    invitation: InvitationId,
    now: DateTime<Utc>,
) -> Result<(Access, Effects), Refused> {
    let status = moved_to(&access, Kind::Cancel, now)?;
    // a link that is not the newest was superseded
    if access.invitation != Some(invitation) {
        return Err(Refused::Impossible);
    }
    let (access, effects) = end(access, status);
    let effects = Effects {
        ended: Some(Ended {
            invitation,
            state: InvitationState::Declined,
        }),
        announced: Some((InvitationFact::Declined, invitation)),
        ..effects
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

/// From now on the address signs in.
fn confirm(mut access: Access, address: String) -> Result<(Access, Effects), Refused> {
    if access.unconfirmed() != Some(address.as_str()) {
        return Err(Refused::Impossible);
    }
    access.version = access.version.next();
    access.address = Some(address);
    Ok((access, Effects::default()))
}

/// An older version asks for nothing. What the last one asks of the address counts; whatever has ended stays ended.
fn hear(mut access: Access, news: Vec<Person>, now: DateTime<Utc>) -> (Access, Effects) {
    let mut effects = Effects::default();
    let unconfirmed = access.unconfirmed().map(str::to_owned);
    let email = access.person.email.clone();
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
    effects.confirms = access.unconfirmed() != unconfirmed.as_deref();
    effects.tells = access.is_in() && access.is_elsewhere() && {
        let now = &access.person.email;
        now.is_some() && *now != email
    };
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
