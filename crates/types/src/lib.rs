//! The words of the domain: ids, addresses, states, and the pure rules that several services share.
//!
//! Nothing here does I/O, and nothing asks the system for the time: `Clock` and `TokenGenerator` are arguments.

mod clock;
mod eligibility;
mod email;
mod enums;
mod fold;
mod ids;
mod phone;
mod portal;
mod token;
mod version;

pub use clock::{Clock, FixedClock, SharedClock, SystemClock};
pub use eligibility::{EmailFact, Facts, LoginFact, eligibility, permitted_actions};
pub use email::{EmailAddress, InvalidEmail, domain_of};
pub use enums::{
    AccountKind, BatchState, ContactRole, DeliveryState, EmailState, IneligibleReason, InvitationAction,
    LinkState, MemberStatus, PauseReason, PortalStatus, UnknownName,
};
pub use fold::fold;
pub use ids::{
    AccountId, ActivityId, BatchId, ContactId, InvitationId, LinkId, MailingId, MemberId, MessageId,
    OrganizationId, RequestId, SegmentId, ServiceAccountId, SessionId,
};
pub use phone::{InvalidPhone, parse_phone};
pub use portal::portal_status;
pub use token::{RawToken, SharedTokens, SystemTokens, TokenGenerator, TokenHash};
pub use version::Version;
