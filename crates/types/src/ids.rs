//! Ids are UUIDv7, ordered by the moment they were made, with a type of their own each.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::{NoContext, Timestamp, Uuid};

fn uuid_at(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        seconds,
        now.timestamp_subsec_nanos(),
    ))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id whose time part is `now`.
            #[must_use]
            pub fn new(now: DateTime<Utc>) -> Self {
                Self(uuid_at(now))
            }

            /// The bare UUID, for storage and the wire.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value)
            }
        }

        impl From<$name> for Uuid {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A firm; the tenant.
    OrganizationId,
    /// A person of the firm.
    MemberId,
    /// A program with permissions of its own; to services one of the members.
    ServiceAccountId,
    /// A natural person whom the firm knows.
    ContactId,
    /// What a contact is let into.
    AccountId,
    /// The link between a contact and an account.
    LinkId,
    /// A named filter over contacts.
    SegmentId,
    /// One offer with its link.
    InvitationId,
    /// One bulk action over many contacts.
    BatchId,
    /// One e-mail to one person.
    MessageId,
    /// What the messages of one sending have in common.
    MailingId,
    /// One signed-in session.
    SessionId,
    /// One line of the activity log.
    ActivityId,
    /// One request, to find its log lines again.
    RequestId,
}
