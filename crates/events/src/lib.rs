//! What travels over the broker: the envelope (CloudEvents 1.0) and the typed payloads.
//!
//! Events are facts about the past, published for everyone; commands are requests between our own services. No payload
//! holds a token or a password in clear, and an address stands only where the event is about it (E1).

pub mod catalog;
mod command;
mod data;
mod envelope;
mod fact;
mod inbound;

pub use command::{
    CancelMessages, Deliver, HoldMailing, Invite, Letter, MailKind, Mailing, PortalRestated, Recover,
    Suppress, SuppressionReason, Withdrawn,
};
pub use data::Data;
pub use envelope::{Command, Envelope, Event, Lane, Payload, PayloadError};
pub use fact::{
    AccountChanged, AccountFacts, AddressStateChanged, ContactChanged, ContactFacts, Impersonation,
    InvitationChanged, InvitationFact, MessageChanged, MessageOutcome, OrganizationChanged, PortalFacts,
    SignedIn,
};
pub use inbound::{AccountUpserted, ContactUpserted, Deactivated, accepted};
