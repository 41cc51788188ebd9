//! Who is asking.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use usher_types::{ContactId, MemberId, OrganizationId, SessionId};

use crate::{Permission, PermissionSet};

/// One of our own services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// GraphQL in, gRPC out.
    Gateway,
    /// Contacts, accounts, links.
    Contacts,
    /// Organizations, members, portal access.
    Invitations,
    /// E-mail.
    Notifications,
}

impl Service {
    /// The name, as in schemas, sources of events and audiences.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Contacts => "contacts",
            Self::Invitations => "invitations",
            Self::Notifications => "notifications",
        }
    }
}

/// The person or service behind a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person of the firm.
    Member(MemberId),
    /// A contact who signed in to the portal.
    Contact(ContactId),
    /// A program of the firm's or of somebody it trusts, which has permissions as a member has, and an id among theirs.
    ServiceAccount(MemberId),
    /// Background work of one of our services.
    Service(Service),
}

/// A verified token's holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The tenant that every statement is scoped to. A service's work on keys and sessions has none.
    pub organization: Option<OrganizationId>,
    /// Who.
    pub subject: Subject,
    /// The session; a service has none.
    pub session: Option<SessionId>,
    /// A member's or a service account's permissions; none for others.
    pub permissions: PermissionSet,
    /// Refused by every write (I14).
    pub read_only: bool,
    /// The member who looks through this contact's eyes (RFC 8693 `act`).
    pub acting_member: Option<MemberId>,
    /// When the token ends.
    pub expires_at: DateTime<Utc>,
}

impl Principal {
    /// Who of the firm answers for what is done: the member, or the service account.
    #[must_use]
    pub const fn member(&self) -> Option<MemberId> {
        match self.subject {
            Subject::Member(id) | Subject::ServiceAccount(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it is a program with client credentials.
    #[must_use]
    pub const fn is_service_account(&self) -> bool {
        matches!(self.subject, Subject::ServiceAccount(_))
    }

    /// The contact, where it is one.
    #[must_use]
    pub const fn contact(&self) -> Option<ContactId> {
        match self.subject {
            Subject::Contact(id) => Some(id),
            _ => None,
        }
    }

    /// Whether this is a member or a service account that has the permission.
    #[must_use]
    pub const fn has(&self, permission: Permission) -> bool {
        self.member().is_some() && self.permissions.contains(permission)
    }
}
