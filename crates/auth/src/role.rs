//! Named bundles of permissions (I15).

use crate::{Permission, PermissionSet};

/// A bundle of permissions that every organization has. A member has a role, or permissions of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything.
    Administrator,
    /// Everything about contacts and the portal, in bulk too; neither settings nor members nor operations nor unmasked exports.
    Manager,
    /// Daily work with contacts: reads, writes, invites one at a time.
    Staff,
    /// Looks and changes nothing.
    ReadOnly,
}

impl Role {
    /// Every role, the most powerful first.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Manager, Self::Staff, Self::ReadOnly];

    /// The name in the database and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "ADMINISTRATOR",
            Self::Manager => "MANAGER",
            Self::Staff => "STAFF",
            Self::ReadOnly => "READ_ONLY",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What it bundles. Members keep the permissions that they were given, so a version that changes a bundle migrates those
    /// who have the role.
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        use Permission::{
            ContactsExport, ContactsImport, ContactsRead, ContactsWrite, EmailBulk, PortalImpersonate,
            PortalInvite,
        };
        let bundle: &[Permission] = match self {
            Self::Administrator => &Permission::ALL,
            Self::Manager => &[
                ContactsRead,
                ContactsWrite,
                ContactsImport,
                ContactsExport,
                PortalInvite,
                EmailBulk,
                PortalImpersonate,
            ],
            Self::Staff => &[ContactsRead, ContactsWrite, PortalInvite],
            Self::ReadOnly => &[ContactsRead],
        };
        bundle.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i15_each_role_bundles_what_the_weaker_ones_have() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[1].permissions().is_within(pair[0].permissions()), "{pair:?}");
            assert_ne!(pair[0].permissions(), pair[1].permissions());
        }
        assert_eq!(Role::Administrator.permissions(), PermissionSet::all());
        let kept_back = PermissionSet::all().without(Role::Manager.permissions());
        assert_eq!(
            kept_back.names(),
            [
                "sensitive.export",
                "settings.write",
                "members.manage",
                "operations.manage"
            ]
        );
        assert_eq!(Role::ReadOnly.permissions().names(), ["contacts.read"]);
    }

    #[test]
    fn i15_a_role_is_known_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
        }
        assert_eq!(Role::from_name("OWNER"), None);
    }
}
