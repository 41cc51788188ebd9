//! Facts, published on the topic exchange.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use usher_types::{
    AccountId, AccountKind, BatchId, ContactId, ContactRole, DeliveryState, EmailState, InvitationId,
    MemberId, MessageId, OrganizationId, PortalStatus, Version,
};
use uuid::Uuid;

use crate::envelope::{Event, Payload};

/// `usher.contact.created.v1` and `usher.contact.updated.v1`: the contact after the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContactChanged {
    /// True for the first one.
    pub created: bool,
    /// The contact's state.
    #[serde(flatten)]
    pub contact: ContactFacts,
}

/// What others need to know of a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContactFacts {
    /// The contact.
    pub id: ContactId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Older versions never overwrite newer ones.
    pub version: Version,
    /// What the contact is to the firm (C1).
    pub role: ContactRole,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// What was typed, where there is an address.
    pub email: Option<String>,
    /// Its canonical form; absent where it is malformed.
    pub email_canonical: Option<String>,
    /// NONE, VALID or INVALID as contacts sees it; bounces and suppressions come from notifications.
    pub email_state: EmailState,
    /// Another live contact has the same address.
    pub email_duplicate: bool,
    /// An inactive contact keeps history and address and has no access (C4).
    pub active: bool,
    /// Number of linked accounts.
    pub links: i64,
    /// Number of links with login on.
    pub links_with_login: i64,
    /// The contact's own locale.
    pub locale: Option<String>,
    /// The contact's own IANA time zone.
    pub time_zone: Option<String>,
    /// The id this contact has in the system that published it.
    pub external_id: Option<String>,
    /// The accounts with login on, by which the portal lets the contact switch.
    pub login_accounts: Vec<AccountId>,
    /// Made by createTestClient: left out of funnel and statistics (I19).
    #[serde(default)]
    pub test: bool,
}

impl Payload for ContactChanged {
    fn key(&self) -> Uuid {
        self.contact.id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.contact.organization_id
    }
    fn kind(&self) -> &'static str {
        if self.created {
            "usher.contact.created.v1"
        } else {
            "usher.contact.updated.v1"
        }
    }
}
impl Event for ContactChanged {}

/// `usher.account.created.v1` and `usher.account.updated.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountChanged {
    /// True for the first one.
    pub created: bool,
    /// The account's state.
    #[serde(flatten)]
    pub account: AccountFacts,
}

/// What others need to know of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountFacts {
    /// The account.
    pub id: AccountId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Older versions never overwrite newer ones.
    pub version: Version,
    /// As shown.
    pub name: String,
    /// What the account stands for (C5).
    pub kind: AccountKind,
}

impl Payload for AccountChanged {
    fn key(&self) -> Uuid {
        self.account.id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.account.organization_id
    }
    fn kind(&self) -> &'static str {
        if self.created {
            "usher.account.created.v1"
        } else {
            "usher.account.updated.v1"
        }
    }
}
impl Event for AccountChanged {}

/// What happened to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationFact {
    /// The first link went out.
    Issued,
    /// A further link replaces the one before.
    Resent,
    /// Taken back by a member, or ended because the contact changed (I21).
    Cancelled,
    /// Its life is over; announced soon after it happened (I5).
    Expired,
    /// "This isn't me".
    Declined,
    /// A password was chosen.
    Accepted,
}

/// `usher.invitation.{issued|resent|cancelled|expired|declined|accepted}.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationChanged {
    /// What happened.
    pub fact: InvitationFact,
    /// The invitation it happened to.
    pub invitation_id: InvitationId,
    /// The batch that it belongs to.
    pub batch_id: Option<BatchId>,
    /// Where the contact stands now.
    pub portal: PortalFacts,
}

/// Where a contact stands on the way in, after a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PortalFacts {
    /// Whose.
    pub contact_id: ContactId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Older versions never overwrite newer ones.
    pub version: Version,
    /// Stored status: never EXPIRED, which follows from `expires_at` and the time.
    pub status: PortalStatus,
    /// When the newest invitation was sent.
    pub invited_at: Option<DateTime<Utc>>,
    /// By whom, for display.
    pub invited_by: Option<String>,
    /// When the open invitation ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When a password was chosen.
    pub accepted_at: Option<DateTime<Utc>>,
    /// First sign-in.
    pub first_signed_in_at: Option<DateTime<Utc>>,
    /// Latest sign-in.
    pub last_signed_in_at: Option<DateTime<Utc>>,
}

impl Payload for InvitationChanged {
    fn key(&self) -> Uuid {
        self.portal.contact_id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.portal.organization_id
    }
    fn kind(&self) -> &'static str {
        match self.fact {
            InvitationFact::Issued => "usher.invitation.issued.v1",
            InvitationFact::Resent => "usher.invitation.resent.v1",
            InvitationFact::Cancelled => "usher.invitation.cancelled.v1",
            InvitationFact::Expired => "usher.invitation.expired.v1",
            InvitationFact::Declined => "usher.invitation.declined.v1",
            InvitationFact::Accepted => "usher.invitation.accepted.v1",
        }
    }
}
impl Event for InvitationChanged {}

/// `usher.portal.first_signed_in.v1` and `usher.portal.signed_in.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    /// True for the first one, which makes ACTIVE (I1).
    pub first: bool,
    /// Where the contact stands now.
    pub portal: PortalFacts,
}

impl Payload for SignedIn {
    fn key(&self) -> Uuid {
        self.portal.contact_id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.portal.organization_id
    }
    fn kind(&self) -> &'static str {
        if self.first {
            "usher.portal.first_signed_in.v1"
        } else {
            "usher.portal.signed_in.v1"
        }
    }
}
impl Event for SignedIn {}

/// `usher.portal.impersonation_started.v1` and `usher.portal.impersonation_ended.v1`: a member looks through a contact's eyes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Impersonation {
    /// True for the start.
    pub started: bool,
    /// The organization of both.
    pub organization_id: OrganizationId,
    /// Through whose eyes.
    pub contact_id: ContactId,
    /// Who looks.
    pub member_id: MemberId,
    /// What the member gave as the reason.
    pub reason: String,
    /// When it started or ended.
    pub at: DateTime<Utc>,
}

impl Payload for Impersonation {
    fn key(&self) -> Uuid {
        self.contact_id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        if self.started {
            "usher.portal.impersonation_started.v1"
        } else {
            "usher.portal.impersonation_ended.v1"
        }
    }
}
impl Event for Impersonation {}

/// `usher.organization.updated.v1`: every setting after the change; also published when the organization is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationChanged {
    /// The organization.
    pub id: OrganizationId,
    /// Older versions never overwrite newer ones.
    pub version: Version,
    /// What `signIn` takes.
    pub slug: String,
    /// As shown.
    pub name: String,
    /// I3: while off nobody is invited, accepts or signs in as a contact.
    pub portal_enabled: bool,
    /// C7: every contact has a company, and each company a primary contact.
    #[serde(default)]
    pub company_first: bool,
    /// Seconds (I5).
    pub invitation_life: i64,
    /// Canonical domains whose addresses may repeat and count as INVALID (C3).
    pub placeholder_domains: Vec<String>,
    /// The address that answers go to, where it is not the inviter's.
    pub reply_to: Option<String>,
    /// Of mails and pages where the recipient has none.
    pub locale: String,
    /// IANA name.
    pub time_zone: String,
}

impl Payload for OrganizationChanged {
    fn key(&self) -> Uuid {
        self.id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.id
    }
    fn kind(&self) -> &'static str {
        "usher.organization.updated.v1"
    }
}
impl Event for OrganizationChanged {}

/// What became of an e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageOutcome {
    /// The server took it.
    Sent,
    /// It will be tried again.
    Deferred,
    /// It will not be tried again.
    Failed,
    /// Refused later by a bounce.
    Bounced,
    /// The address gets no mail.
    Suppressed,
    /// Taken back before it went out.
    Cancelled,
}

/// `usher.message.{sent|deferred|failed|bounced|suppressed|cancelled}.v1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageChanged {
    /// What became of it.
    pub outcome: MessageOutcome,
    /// The e-mail.
    pub message_id: MessageId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// To whom.
    pub contact_id: Option<ContactId>,
    /// The invitation that it carries.
    pub invitation_id: Option<InvitationId>,
    /// Attempts so far; a later outcome of the same message has at least as many.
    pub attempts: i32,
    /// The server's own words, without the address, where it did not take it.
    pub error: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl MessageChanged {
    /// The state that the message is in after this.
    #[must_use]
    pub const fn state(&self) -> DeliveryState {
        match self.outcome {
            MessageOutcome::Sent => DeliveryState::Sent,
            MessageOutcome::Deferred => DeliveryState::Deferred,
            MessageOutcome::Failed => DeliveryState::Failed,
            MessageOutcome::Bounced => DeliveryState::Bounced,
            MessageOutcome::Suppressed => DeliveryState::Suppressed,
            MessageOutcome::Cancelled => DeliveryState::Cancelled,
        }
    }
}

impl Payload for MessageChanged {
    fn key(&self) -> Uuid {
        self.contact_id.map_or(self.message_id.uuid(), ContactId::uuid)
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        match self.outcome {
            MessageOutcome::Sent => "usher.message.sent.v1",
            MessageOutcome::Deferred => "usher.message.deferred.v1",
            MessageOutcome::Failed => "usher.message.failed.v1",
            MessageOutcome::Bounced => "usher.message.bounced.v1",
            MessageOutcome::Suppressed => "usher.message.suppressed.v1",
            MessageOutcome::Cancelled => "usher.message.cancelled.v1",
        }
    }
}
impl Event for MessageChanged {}

/// `usher.address.state_changed.v1`: an address began or ceased to take mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AddressStateChanged {
    /// Address state is an organization's own (N6).
    pub organization_id: OrganizationId,
    /// Canonical; the event is about it.
    pub email_canonical: String,
    /// VALID, BOUNCED or SUPPRESSED.
    pub state: EmailState,
    /// Older versions never overwrite newer ones.
    pub version: Version,
    /// The contact whose mail showed it, which is the key of order.
    pub contact_id: Option<ContactId>,
}

impl Payload for AddressStateChanged {
    fn key(&self) -> Uuid {
        self.contact_id
            .map_or(self.organization_id.uuid(), ContactId::uuid)
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        "usher.address.state_changed.v1"
    }
}
impl Event for AddressStateChanged {}
