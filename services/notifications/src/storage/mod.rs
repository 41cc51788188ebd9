//! Rows; the only place that knows SQL.

mod address;
mod cancel;
mod claim;
mod destination;
mod forget;
mod hold;
mod insert;
mod mailing;
mod note;
mod row;
mod suppress;
mod waiting;

pub use address::{mark_bad_addresses, restate};
pub use cancel::{cancel_invitations, cancel_older_generations, cancel_withdrawn, stand_back};
pub use claim::{Claim, Claimed, Queued, claim, due_organizations, release, release_all};
pub use destination::{Failing, failing_destinations, forgive, punish};
pub use forget::{Kept, forget};
pub use hold::{Hold, Moved, held_mailings, move_letters, next_to_move, set_holds};
pub use insert::{NewLetter, insert_letters, insert_mailings};
pub use mailing::{MailingRow, load_mailings};
pub use note::{Note, note};
pub use suppress::suppress;
pub use waiting::{Due, due};

use usher_events::Lane;
use usher_types::{ContactId, InvitationId, MessageId, OrganizationId};

/// What an event about a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which message.
    pub message: MessageId,
    /// Whose.
    pub organization: OrganizationId,
    /// To which contact, where it is one.
    pub contact: Option<ContactId>,
    /// The invitation that it carries.
    pub invitation: InvitationId,
    /// The lane that it came in.
    pub lane: Lane,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// A message that came to its end without an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub subject: Subject,
    /// CANCELLED or FAILED.
    pub state: usher_types::DeliveryState,
    /// Attempts so far.
    pub attempts: i64,
    /// Why, where it FAILED.
    pub error: Option<String>,
}
