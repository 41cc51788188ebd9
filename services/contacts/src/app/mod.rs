//! The use cases: each opens a transaction, asks the domain, writes rows, activity and outbox, and commits.

mod address;
mod await_portal;
mod batch_get;
mod company_first;
mod create_account;
mod create_contact;
mod create_test_client;
mod failure;
mod link_contact;
mod list;
mod new_contact;
mod relinked;
mod resync;
mod segments;
mod selections;
mod set_contact_active;
mod set_toggles;
mod unlink_contact;
mod update_account;
mod update_contact;
mod visible;

pub use resync::{resync, resync_gone};

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_auth::{Permission, Principal, Subject};
use usher_database::{Database, Scope, Transaction};
use usher_types::{ContactId, OrganizationId, SharedClock, Version};

pub(crate) use batch_get::{LinksBy, Shown, ShownLink};
pub(crate) use create_contact::Created;
pub(crate) use failure::{Failure, attempt};
pub(crate) use list::{Listing, Window};
pub(crate) use segments::SegmentInput;
pub(crate) use selections::Preview;
pub(crate) use set_toggles::ToggleInput;

use crate::domain::account::Account;
use crate::domain::activity::{Activity, Actor};

/// What the use cases work with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    database: Database,
    clock: SharedClock,
}

/// Who asks, and for which organization.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) organization: OrganizationId,
    pub(crate) principal: Arc<Principal>,
}

impl Caller {
    pub(crate) fn has(&self, permission: Permission) -> bool {
        self.principal.has(permission)
    }

    /// The contact who asks, where it is one (I22).
    pub(crate) fn contact(&self) -> Option<ContactId> {
        self.principal.contact()
    }

    /// For the activity log.
    fn actor(&self) -> Actor {
        let side = |own| {
            if self.principal.acting_member.is_some() {
                "IMPERSONATION"
            } else {
                own
            }
        };
        let person = |kind, id: uuid::Uuid, own| Actor {
            kind,
            name: id.to_string(),
            id: Some(id),
            side: side(own),
        };
        match self.principal.subject {
            Subject::Member(id) => person("MEMBER", id.uuid(), "MEMBER"),
            Subject::ServiceAccount(id) => person("SERVICE_ACCOUNT", id.uuid(), "MEMBER"),
            Subject::Contact(id) => person("CONTACT", id.uuid(), "PORTAL"),
            Subject::Service(service) => Actor::event(service.as_str()),
        }
    }

    /// A line of the activity log.
    fn activity(&self, at: DateTime<Utc>, action: &'static str, summary: String) -> Activity {
        Activity {
            organization: self.organization,
            contact: None,
            account: None,
            at,
            actor: self.actor(),
            action,
            summary,
        }
    }
}

/// An account after a change, and the contacts whose versions moved with it.
#[derive(Clone, Debug)]
pub(crate) struct ChangedAccount {
    pub(crate) account: Account,
    pub(crate) touched: Vec<(ContactId, Version)>,
}

impl App {
    pub(crate) const fn new(database: Database, clock: SharedClock) -> Self {
        Self { database, clock }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn read(&self, caller: &Caller) -> Result<Transaction, DbErr> {
        self.database.read(Scope::Organization(caller.organization)).await
    }

    async fn write(&self, caller: &Caller) -> Result<Transaction, DbErr> {
        self.database
            .write(Scope::Organization(caller.organization))
            .await
    }
}
