//! Inputs about the people of the firm.

use async_graphql::{ID, InputObject, MaybeUndefined};
use usher_proto::common::v1::StringList;
use usher_proto::invitations::v1 as wire;
use usher_types::MemberId;

use crate::graphql::types::{MemberRole, to_wire};
use crate::ids::Kind;

/// Which members.
#[derive(InputObject, Clone, Debug, Default)]
pub struct MemberFilter {
    /// Those who are switched on, or off. Left out: both.
    pub(crate) active: Option<bool>,
}

/// A new member, with a role or permissions of their own.
#[derive(InputObject, Clone)]
pub struct InviteMemberInput {
    /// The address that is mailed and signs in. A contact may have the same one.
    email: String,
    /// The member's name.
    display_name: String,
    /// A bundle of permissions. Give this or `permissions`.
    role: Option<MemberRole>,
    /// Permissions by name, such as `contacts.read`. Give these or `role`.
    permissions: Option<Vec<String>>,
}

impl InviteMemberInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::InviteMemberRequest {
        wire::InviteMemberRequest {
            email: self.email,
            display_name: self.display_name,
            role: self.role.map(to_wire),
            permissions: self.permissions.map(|values| StringList { values }),
        }
    }
}

/// A change to a member. A field left out stays; none of them can be null.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateMemberInput {
    /// The member.
    id: ID,
    /// Answer CONFLICT where the member no longer has this version.
    expected_version: Option<i32>,
    /// The member's name.
    display_name: MaybeUndefined<String>,
    /// A bundle of permissions, in place of what the member has. Give this or `permissions`.
    role: Option<MemberRole>,
    /// Permissions by name, all of them, in place of what the member has. Give these or `role`.
    permissions: Option<Vec<String>>,
}

impl UpdateMemberInput {
    /// As it travels. A null name is an empty one, which the service refuses.
    pub(crate) fn into_wire(self) -> wire::UpdateMemberRequest {
        let display_name = match self.display_name {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(String::new()),
            MaybeUndefined::Value(name) => Some(name),
        };
        wire::UpdateMemberRequest {
            id: MemberId::wire(&self.id),
            expected_version: self.expected_version.map(i64::from),
            display_name,
            role: self.role.map(to_wire),
            permissions: self.permissions.map(|values| StringList { values }),
        }
    }
}

/// A member, and what they shall be.
#[derive(InputObject, Clone, Debug)]
pub struct SetMemberActiveInput {
    /// The member.
    id: ID,
    /// On or off.
    active: bool,
}

impl SetMemberActiveInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::SetMemberActiveRequest {
        wire::SetMemberActiveRequest {
            id: MemberId::wire(&self.id),
            active: self.active,
        }
    }
}

/// A member.
#[derive(InputObject, Clone, Debug)]
pub struct MemberInput {
    /// The member.
    id: ID,
}

impl MemberInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::MemberRequest {
        wire::MemberRequest {
            id: MemberId::wire(&self.id),
        }
    }
}
