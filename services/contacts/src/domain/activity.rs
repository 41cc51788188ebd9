//! One line for every change (C15): what happened, never with sensitive values.

use chrono::{DateTime, Utc};
use usher_types::{AccountId, ContactId, OrganizationId};
use uuid::Uuid;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    /// MEMBER, SERVICE_ACCOUNT, CONTACT or SERVICE.
    pub(crate) kind: &'static str,
    /// The member's or contact's id, the service's name.
    pub(crate) name: String,
    pub(crate) id: Option<Uuid>,
    /// MEMBER, PORTAL, EVENT, IMPORT or IMPERSONATION: from which side it came.
    pub(crate) side: &'static str,
}

impl Actor {
    /// What another service's settings or events brought about.
    pub(crate) fn event(service: &str) -> Self {
        Self {
            kind: "SERVICE",
            name: service.to_owned(),
            id: None,
            side: "EVENT",
        }
    }
}

/// One line of the activity log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Activity {
    pub(crate) organization: OrganizationId,
    pub(crate) contact: Option<ContactId>,
    pub(crate) account: Option<AccountId>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: Actor,
    pub(crate) action: &'static str,
    pub(crate) summary: String,
}

/// The actions that contacts writes.
pub(crate) mod action {
    pub(crate) const CONTACT_CREATED: &str = "contact.created";
    pub(crate) const CONTACT_UPDATED: &str = "contact.updated";
    pub(crate) const CONTACT_ACTIVATED: &str = "contact.activated";
    pub(crate) const CONTACT_DEACTIVATED: &str = "contact.deactivated";
    pub(crate) const ACCOUNT_CREATED: &str = "account.created";
    pub(crate) const ACCOUNT_UPDATED: &str = "account.updated";
    pub(crate) const CONTACT_LINKED: &str = "contact.linked";
    pub(crate) const CONTACT_UNLINKED: &str = "contact.unlinked";
    pub(crate) const TOGGLES_CHANGED: &str = "contact.toggles_changed";
    pub(crate) const SEGMENT_CREATED: &str = "segment.created";
    pub(crate) const SEGMENT_UPDATED: &str = "segment.updated";
    pub(crate) const SEGMENT_DELETED: &str = "segment.deleted";
    pub(crate) const IMPERSONATION_STARTED: &str = "impersonation.started";
    pub(crate) const IMPERSONATION_ENDED: &str = "impersonation.ended";
    pub(crate) const ADDRESS_JUDGED: &str = "contact.address_state_changed";
}

/// "Changed email, phone": names of fields, not their values.
pub(crate) fn changed_summary(fields: &[&str]) -> String {
    format!("Changed {}", fields.join(", "))
}
