//! The orders of the list of contacts (C8).

use std::str::FromStr;

/// `ContactOrderField`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderField {
    FirstName,
    LastName,
    Email,
    CreatedAt,
    UpdatedAt,
    PortalStatus,
    InvitedAt,
    LastSignedInAt,
}

impl OrderField {
    pub(crate) const ALL: [Self; 8] = [
        Self::FirstName,
        Self::LastName,
        Self::Email,
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::PortalStatus,
        Self::InvitedAt,
        Self::LastSignedInAt,
    ];

    /// The public name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FirstName => "FIRST_NAME",
            Self::LastName => "LAST_NAME",
            Self::Email => "EMAIL",
            Self::CreatedAt => "CREATED_AT",
            Self::UpdatedAt => "UPDATED_AT",
            Self::PortalStatus => "PORTAL_STATUS",
            Self::InvitedAt => "INVITED_AT",
            Self::LastSignedInAt => "LAST_SIGNED_IN_AT",
        }
    }
}

impl FromStr for OrderField {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|field| field.as_str() == name)
            .ok_or(())
    }
}

/// A field and its direction. By last name where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContactOrder {
    pub(crate) field: OrderField,
    pub(crate) descending: bool,
}

impl Default for ContactOrder {
    fn default() -> Self {
        Self {
            field: OrderField::LastName,
            descending: false,
        }
    }
}
