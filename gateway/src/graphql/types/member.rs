//! The people of the firm.

use async_graphql::{Enum, ID, Object, SimpleObject};
use usher_auth::Role;
use usher_proto::invitations::v1 as wire;
use usher_types::MemberId;

use super::{DeliveryState, Moment, count, from_wire, moment, required_moment};
use crate::fault::Fault;
use crate::ids::shown;

/// A bundle of permissions that every organization has. `memberRoles` says what each holds.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum MemberRole {
    /// Everything.
    Administrator,
    /// Everything about contacts and the portal, in bulk too; neither settings nor members nor unmasked exports.
    Manager,
    /// Daily work with contacts: reads, writes, invites one at a time.
    Staff,
    /// Looks and changes nothing.
    ReadOnly,
}

/// Where a member stands on the way in.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum MemberStatus {
    /// No invitation is out.
    Waiting,
    /// One is.
    Invited,
    /// It ran out.
    Expired,
    /// A password was chosen, nobody has signed in yet.
    Accepted,
    /// Signed in at least once.
    Active,
}

/// A role, and what it bundles.
#[derive(SimpleObject, Clone, Debug)]
pub struct MemberRoleBundle {
    /// The role.
    role: MemberRole,
    /// Its permissions, such as `contacts.read`.
    permissions: Vec<String>,
}

impl MemberRoleBundle {
    /// Every role, the most powerful first.
    pub(crate) fn all() -> Result<Vec<Self>, Fault> {
        let bundle = |role: Role| {
            let names = role.permissions().names().into_iter();
            Ok(Self {
                role: from_wire(role.as_str())?,
                permissions: names.map(str::to_owned).collect(),
            })
        };
        Role::ALL.into_iter().map(bundle).collect()
    }
}

/// A person of the firm.
#[derive(Clone, Debug)]
pub struct Member(pub(crate) wire::Member);

/// A person of the firm.
#[Object]
impl Member {
    /// The member's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<MemberId>(&self.0.id)
    }

    /// The address that signs in.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The member's name.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// The role; null where the permissions are the member's own.
    async fn role(&self) -> Result<Option<MemberRole>, Fault> {
        self.0.role.as_deref().map(from_wire).transpose()
    }

    /// What the member may do, such as `contacts.read`.
    async fn permissions(&self) -> &[String] {
        &self.0.permissions
    }

    /// Whether the member is switched on. One who is off cannot sign in.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Where the member stands on the way in.
    async fn status(&self) -> Result<MemberStatus, Fault> {
        from_wire(&self.0.status)
    }

    /// When the newest invitation went out.
    async fn invited_at(&self) -> Option<Moment> {
        moment(self.0.invited_at)
    }

    /// Who sent it; null where the operator did.
    async fn invited_by(&self) -> Option<&String> {
        self.0.invited_by.as_ref()
    }

    /// The end of the invitation that is out, or ran out.
    async fn invitation_expires_at(&self) -> Option<Moment> {
        moment(self.0.expires_at)
    }

    /// Where the e-mail of that invitation is.
    async fn delivery(&self) -> Result<Option<DeliveryState>, Fault> {
        self.0.delivery.as_deref().map(from_wire).transpose()
    }

    /// What the receiving server said, where it did not take it.
    async fn delivery_error(&self) -> Option<&String> {
        self.0.delivery_error.as_ref()
    }

    /// The issuer of the identity provider at which the member signed in last; null for whom only ever a password did.
    async fn identity_provider(&self) -> Option<&String> {
        self.0.identity_provider.as_ref()
    }

    /// When the password was chosen, or the member first came from an identity provider.
    async fn accepted_at(&self) -> Option<Moment> {
        moment(self.0.accepted_at)
    }

    /// When the member last signed in.
    async fn last_signed_in_at(&self) -> Option<Moment> {
        moment(self.0.last_signed_in_at)
    }

    /// When the member was made.
    async fn created_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.created_at)
    }

    /// Goes up with every change; what an update may expect.
    async fn version(&self) -> i32 {
        count(self.0.version)
    }
}
