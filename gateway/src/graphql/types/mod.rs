//! What the schema shows.

mod account;
mod activity;
mod batch;
mod contact;
mod enums;
mod errors;
mod insight;
mod member;
mod operations;
mod organization;
mod page;
mod portal;
mod preview;
mod scalar;
mod segment;
mod service_account;
mod session;

use async_graphql::Interface;

pub use account::{Account, AccountContact};
pub use activity::Activity;
pub use batch::{IneligibleGroup, InvitationBatch};
pub use contact::Contact;
pub use enums::{
    AccountKind, AccountPortalStatus, BatchState, ContactOrderField, ContactRole, DeliveryState, EmailState,
    IneligibleReason, InvitationAction, LinkState, OrderDirection, PauseReason, PortalStatus, SignInAs,
};
pub(crate) use enums::{from_wire, to_wire, to_wires};
pub(crate) use errors::Family;
pub use errors::{
    AccountError, AccountErrorCode, ContactError, ContactErrorCode, CredentialError, CredentialErrorCode,
    DeadLetterError, DeadLetterErrorCode, InvitationError, InvitationErrorCode, MemberError, MemberErrorCode,
    OrganizationError, OrganizationErrorCode, SegmentError, SegmentErrorCode, ServiceAccountError,
    ServiceAccountErrorCode, UserError,
};
pub use insight::{AccessExplanation, InvitationFunnel};
pub use member::{Member, MemberRole, MemberRoleBundle, MemberStatus};
pub use operations::{Component, DeadLetter, DeadLetterState};
pub use organization::{Organization, PortalUser, Viewer};
pub use page::{
    AccountConnection, AccountEdge, ActivityConnection, ActivityEdge, ContactConnection, ContactEdge,
    InvitationBatchConnection, InvitationBatchEdge, MemberConnection, MemberEdge, PageInfo,
    SegmentConnection, SegmentEdge, ServiceAccountConnection, ServiceAccountEdge,
};
pub(crate) use page::{LONGEST, Window, page_length};
pub(crate) use portal::Delivery;
pub use portal::PortalAccess;
pub use preview::InvitationPreview;
pub(crate) use preview::Words;
pub use scalar::Moment;
pub(crate) use scalar::{count, moment, required_moment};
pub use segment::Segment;
pub use service_account::ServiceAccount;
pub use session::{InvitationLanding, LiveSession, Session};

use async_graphql::ID;

/// Whatever has an id of its own.
#[derive(Interface, Clone, Debug)]
#[graphql(field(
    name = "id",
    method = "node_id",
    ty = "ID",
    desc = "Good for `node` and `nodes`. Opaque: store it, do not read it."
))]
pub enum Node {
    /// A contact.
    Contact(Box<Contact>),
    /// An account.
    Account(Box<Account>),
    /// A link.
    AccountContact(Box<AccountContact>),
    /// A named filter.
    Segment(Box<Segment>),
    /// A batch.
    InvitationBatch(Box<InvitationBatch>),
    /// A firm.
    Organization(Box<Organization>),
    /// A person of the firm.
    Member(Box<Member>),
    /// A program that calls the API.
    ServiceAccount(Box<ServiceAccount>),
    /// A contact in the portal.
    PortalUser(PortalUser),
    /// A line of the activity log.
    Activity(Box<Activity>),
}
