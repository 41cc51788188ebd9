//! The claims of access tokens (RFC 9068) and of service tokens.

use serde::{Deserialize, Serialize};
use usher_types::{MemberId, OrganizationId, SessionId};
use uuid::Uuid;

use crate::{PermissionSet, Service};

pub(crate) const ISSUER: &str = "usher";
pub(crate) const AUDIENCE: &str = "usher";
pub(crate) const ACCESS_TYPE: &str = "at+jwt";
pub(crate) const SERVICE_TYPE: &str = "usher-service+jwt";

/// Whether the subject is a member, a contact or somebody else's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubjectKind {
    Member,
    Contact,
    ServiceAccount,
}

/// The actor of an impersonation (RFC 8693 §4.1).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Actor {
    pub(crate) sub: MemberId,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: Uuid,
    pub(crate) client_id: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: Uuid,
    pub(crate) sid: SessionId,
    pub(crate) org: OrganizationId,
    pub(crate) kind: SubjectKind,
    #[serde(default)]
    pub(crate) permissions: PermissionSet,
    #[serde(default)]
    pub(crate) read_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Actor>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ServiceClaims {
    pub(crate) iss: Service,
    pub(crate) aud: Service,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) org: Option<OrganizationId>,
}
