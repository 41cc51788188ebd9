//! Named permissions of members (I15).

use serde::{Deserialize, Serialize};

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// See contacts, accounts, previews and batches.
    #[serde(rename = "contacts.read")]
    ContactsRead,
    /// Make and change contacts, accounts and links.
    #[serde(rename = "contacts.write")]
    ContactsWrite,
    /// Import contacts.
    #[serde(rename = "contacts.import")]
    ContactsImport,
    /// Export lists.
    #[serde(rename = "contacts.export")]
    ContactsExport,
    /// Export tax ids and bank details, unmasked.
    #[serde(rename = "sensitive.export")]
    SensitiveExport,
    /// Invite, resend, cancel.
    #[serde(rename = "portal.invite")]
    PortalInvite,
    /// Send mail to more than one person at once.
    #[serde(rename = "email.bulk")]
    EmailBulk,
    /// Look through a contact's eyes.
    #[serde(rename = "portal.impersonate")]
    PortalImpersonate,
    /// Change the organization's settings.
    #[serde(rename = "settings.write")]
    SettingsWrite,
    /// Invite and change members.
    #[serde(rename = "members.manage")]
    MembersManage,
    /// See and replay messages between our services that could not be handled.
    #[serde(rename = "operations.manage")]
    OperationsManage,
}

impl Permission {
    /// Every permission: what an organization's first administrator has.
    pub const ALL: [Self; 11] = [
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::ContactsImport,
        Self::ContactsExport,
        Self::SensitiveExport,
        Self::PortalInvite,
        Self::EmailBulk,
        Self::PortalImpersonate,
        Self::SettingsWrite,
        Self::MembersManage,
        Self::OperationsManage,
    ];

    /// The public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContactsRead => "contacts.read",
            Self::ContactsWrite => "contacts.write",
            Self::ContactsImport => "contacts.import",
            Self::ContactsExport => "contacts.export",
            Self::SensitiveExport => "sensitive.export",
            Self::PortalInvite => "portal.invite",
            Self::EmailBulk => "email.bulk",
            Self::PortalImpersonate => "portal.impersonate",
            Self::SettingsWrite => "settings.write",
            Self::MembersManage => "members.manage",
            Self::OperationsManage => "operations.manage",
        }
    }

    /// The permission with this public name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == name)
    }
}

/// A set of permissions; serialised as the list of their names. Names that this version does not know are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<&'static str>")]
pub struct PermissionSet(u16);

impl PermissionSet {
    /// No permission.
    pub const NONE: Self = Self(0);

    /// Every permission.
    #[must_use]
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether the permission is in the set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }

    /// What this set has and the other has not.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What both sets have.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        self.without(self.without(other))
    }

    /// What either set has.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the other set has everything of this one.
    #[must_use]
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether there is no permission in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names, in the order of [`Permission::ALL`].
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        Permission::ALL
            .into_iter()
            .filter(|&permission| self.contains(permission))
            .map(Permission::as_str)
            .collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(
            permissions
                .into_iter()
                .fold(0, |set, permission| set | 1 << permission as u16),
        )
    }
}

impl From<Vec<String>> for PermissionSet {
    fn from(names: Vec<String>) -> Self {
        names
            .iter()
            .filter_map(|name| Permission::from_name(name))
            .collect()
    }
}

impl From<PermissionSet> for Vec<&'static str> {
    fn from(set: PermissionSet) -> Self {
        set.names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i15_permissions_travel_by_name() {
        let set: PermissionSet = [Permission::EmailBulk, Permission::ContactsRead]
            .into_iter()
            .collect();
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["contacts.read","email.bulk"]"#);
        assert_eq!(serde_json::from_str::<PermissionSet>(&text).unwrap(), set);
        assert_eq!(
            serde_json::from_str::<PermissionSet>(r#"["of.tomorrow"]"#).unwrap(),
            PermissionSet::NONE
        );
        assert_eq!(PermissionSet::all().names().len(), Permission::ALL.len());
    }
}
