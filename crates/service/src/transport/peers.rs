//! Where the three services are.

use usher_auth::Service;

use super::{GrpcSettings, PeerAddress, PeerChannel};
use crate::settings::Common;
use crate::{Settings, StartError};

/// The addresses of the three services, and how to call them.
#[derive(Clone, Debug)]
pub struct Peers {
    contacts: PeerAddress,
    invitations: PeerAddress,
    notifications: PeerAddress,
    grpc: GrpcSettings,
}

impl Peers {
    /// Processes of their own, as the settings name them.
    ///
    /// # Errors
    /// [`StartError::Settings`] when an address is wrong.
    pub fn of(settings: &Settings) -> Result<Self, StartError> {
        let common: &Common = &settings.common;
        Ok(Self {
            contacts: PeerAddress::parse(&common.contacts_url, "USHER_CONTACTS_URL")?,
            invitations: PeerAddress::parse(&common.invitations_url, "USHER_INVITATIONS_URL")?,
            notifications: PeerAddress::parse(&common.notifications_url, "USHER_NOTIFICATIONS_URL")?,
            grpc: GrpcSettings::of(settings)?,
        })
    }

    /// Addresses that the caller made, such as the ends of `transport::memory`: contacts, invitations, notifications.
    ///
    /// # Errors
    /// [`StartError::Settings`] when the table `[grpc]` is wrong.
    pub fn at(
        settings: &Settings,
        [contacts, invitations, notifications]: [PeerAddress; 3],
    ) -> Result<Self, StartError> {
        let grpc = GrpcSettings::of(settings)?;
        Ok(Self {
            contacts,
            invitations,
            notifications,
            grpc,
        })
    }

    /// A channel to `contacts`. Take one and clone it: every call makes a new connection. Inside the runtime only.
    pub fn contacts(&self) -> PeerChannel {
        self.contacts.channel(Service::Contacts.as_str(), &self.grpc)
    }

    /// A channel to `invitations`, as [`Peers::contacts`].
    pub fn invitations(&self) -> PeerChannel {
        self.invitations
            .channel(Service::Invitations.as_str(), &self.grpc)
    }

    /// A channel to `notifications`, as [`Peers::contacts`].
    pub fn notifications(&self) -> PeerChannel {
        self.notifications
            .channel(Service::Notifications.as_str(), &self.grpc)
    }
}
