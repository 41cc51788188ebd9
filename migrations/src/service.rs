//! The services that have a schema.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::{Migration, contacts, invitations, messaging, notifications};

/// A service with a schema of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Contacts and accounts.
    Contacts,
    /// Organizations, members and portal access.
    Invitations,
    /// E-mail.
    Notifications,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Contacts, Self::Invitations, Self::Notifications];

    /// The schema's, the file's and the service's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Invitations => "invitations",
            Self::Notifications => "notifications",
        }
    }

    /// The service of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Its steps in order.
    #[must_use]
    pub fn migrations(self) -> Vec<Migration> {
        let own = match self {
            Self::Contacts => contacts::migrations(),
            Self::Invitations => invitations::migrations(),
            Self::Notifications => notifications::migrations(),
        };
        messaging::migrations()
            .into_iter()
            .chain(own)
            .chain(messaging::later())
            .collect()
    }
}

/// sea-orm-migration takes its list from a type.
macro_rules! migrators {
    ($($name:ident = $service:expr),+) => {$(
        pub(crate) struct $name;

        #[async_trait::async_trait]
        impl MigratorTrait for $name {
            fn migrations() -> Vec<Box<dyn MigrationTrait>> {
                let boxed = |migration| Box::new(migration) as Box<dyn MigrationTrait>;
                $service.migrations().into_iter().map(boxed).collect()
            }
        }
    )+};
}

migrators!(
    ContactsMigrator = Service::Contacts,
    InvitationsMigrator = Service::Invitations,
    NotificationsMigrator = Service::Notifications
);
