//! What can happen to a contact on the way in, and what is to be done then beside the row.

use chrono::{DateTime, Utc};
use usher_events::InvitationFact;
use usher_types::{EmailState, IneligibleReason, InvitationId};

use super::person::Person;
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
    /// "This isn't me", behind this invitation's link.
    Decline(InvitationId),
    /// The person signed in.
    SignIn,
    /// The link that was mailed to this address, canonical, was confirmed.
    Confirm(String),
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
    /// Another address than before waits to be confirmed, or none does any more: the link that went out is dead, and one
    /// goes to [`super::Access::unconfirmed`].
    pub confirms: bool,
    /// Somebody who is in has been given another address, whatever it is worth: the one that signs in is told (I6).
    pub tells: bool,
    /// Whoever is signed in as the contact is signed out.
    pub sign_out: bool,
    /// It was the first sign-in.
    pub first_sign_in: bool,
}
