//! Inputs about programs of others.

use async_graphql::{ID, InputObject, MaybeUndefined};
use usher_proto::common::v1::StringList;
use usher_proto::invitations::v1 as wire;
use usher_types::ServiceAccountId;

use crate::ids::Kind;

/// Which service accounts.
#[derive(InputObject, Clone, Debug, Default)]
pub struct ServiceAccountFilter {
    /// Those that are switched on, or off. Left out: both.
    pub(crate) active: Option<bool>,
}

/// A new service account.
#[derive(InputObject, Clone, Debug)]
pub struct CreateServiceAccountInput {
    /// The name, under which what it does stands in activity logs.
    display_name: String,
    /// Permissions by name, such as `contacts.read`; `portal.impersonate` and `sensitive.export` are for people alone.
    permissions: Vec<String>,
}

impl CreateServiceAccountInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::CreateServiceAccountRequest {
        wire::CreateServiceAccountRequest {
            display_name: self.display_name,
            permissions: self.permissions,
        }
    }
}

/// A change to a service account. A field left out stays; none of them can be null.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateServiceAccountInput {
    /// The service account.
    id: ID,
    /// Answer CONFLICT where it no longer has this version.
    expected_version: Option<i32>,
    /// The name.
    display_name: MaybeUndefined<String>,
    /// Permissions by name, all of them, in place of what it has.
    permissions: Option<Vec<String>>,
}

impl UpdateServiceAccountInput {
    /// As it travels. A null name is an empty one, which the service refuses.
    pub(crate) fn into_wire(self) -> wire::UpdateServiceAccountRequest {
        let display_name = match self.display_name {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(String::new()),
            MaybeUndefined::Value(name) => Some(name),
        };
        wire::UpdateServiceAccountRequest {
            id: ServiceAccountId::wire(&self.id),
            expected_version: self.expected_version.map(i64::from),
            display_name,
            permissions: self.permissions.map(|values| StringList { values }),
        }
    }
}

/// A service account, and what it shall be.
#[derive(InputObject, Clone, Debug)]
pub struct SetServiceAccountActiveInput {
    /// The service account.
    id: ID,
    /// On or off.
    active: bool,
}

impl SetServiceAccountActiveInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::SetServiceAccountActiveRequest {
        wire::SetServiceAccountActiveRequest {
            id: ServiceAccountId::wire(&self.id),
            active: self.active,
        }
    }
}

/// A service account, and how long its present secret is still good.
#[derive(InputObject, Clone, Debug)]
pub struct RotateServiceAccountSecretInput {
    /// The service account.
    id: ID,
    /// Seconds for which the newest secret until now stays good beside the new one: up to 30 days, a day where left out. With 0 it
    /// ends at once, and so do the tokens that it has got.
    overlap: Option<i32>,
}

impl RotateServiceAccountSecretInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::RotateServiceAccountSecretRequest {
        wire::RotateServiceAccountSecretRequest {
            id: ServiceAccountId::wire(&self.id),
            overlap: self.overlap.map(i64::from),
        }
    }
}
