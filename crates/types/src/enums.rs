//! The closed sets of the domain. Each has one name, used in databases, events and the API alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stored or received name that this version does not know.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name:?} is no {set}")]
pub struct UnknownName {
    /// The set that was asked.
    pub set: &'static str,
    /// What was given.
    pub name: String,
}

macro_rules! named {
    ($(#[$doc:meta])* $set:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $set {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant),+
        }

        impl $set {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used in databases, events and the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $set {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $set {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownName { set: stringify!($set), name: name.to_owned() }),
                }
            }
        }
    };
}

named! {
    /// What a contact is to the firm (C1). A LEAD is not invitable.
    ContactRole { Lead = "LEAD", Prospect = "PROSPECT", Client = "CLIENT" }
}

named! {
    /// Where a member stands on the way in (I15), as [`PortalStatus`] does for contacts.
    MemberStatus {
        /// No invitation is out.
        Waiting = "WAITING",
        /// One is.
        Invited = "INVITED",
        /// It ran out.
        Expired = "EXPIRED",
        /// A password was chosen, nobody has signed in yet.
        Accepted = "ACCEPTED",
        /// Signed in at least once.
        Active = "ACTIVE",
    }
}

named! {
    /// What an account stands for (C5).
    AccountKind {
        Individual = "INDIVIDUAL", Company = "COMPANY", Joint = "JOINT", Trust = "TRUST",
        Partnership = "PARTNERSHIP", Llc = "LLC", Corporation = "CORPORATION", Retirement = "RETIREMENT",
        Other = "OTHER",
    }
}

impl AccountKind {
    /// The kinds that are companies to company-first mode (C7).
    pub const COMPANIES: [Self; 4] = [Self::Company, Self::Partnership, Self::Llc, Self::Corporation];

    /// Whether company-first mode takes it for a company.
    #[must_use]
    pub fn is_company(self) -> bool {
        Self::COMPANIES.contains(&self)
    }
}

named! {
    /// What is known of a contact's address.
    EmailState {
        /// There is none.
        None = "NONE",
        /// Nothing speaks against it.
        Valid = "VALID",
        /// Malformed, or of a placeholder domain.
        Invalid = "INVALID",
        /// The receiving server refused it for good.
        Bounced = "BOUNCED",
        /// Its owner complained, or staff blocked it.
        Suppressed = "SUPPRESSED",
    }
}

named! {
    /// Where a contact stands on the way in, in the order in which lists show it.
    PortalStatus {
        /// No invitation is out.
        Waiting = "WAITING",
        /// One is.
        Invited = "INVITED",
        /// It ran out.
        Expired = "EXPIRED",
        /// A password was chosen.
        Accepted = "ACCEPTED",
        /// Signed in at least once.
        Active = "ACTIVE",
    }
}

named! {
    /// What a member can do with a contact's invitation.
    InvitationAction { Send = "SEND", Resend = "RESEND", Cancel = "CANCEL" }
}

named! {
    /// Why a bulk action leaves a contact out (I3), in the order in which the reasons are looked at.
    IneligibleReason {
        ContactInactive = "CONTACT_INACTIVE",
        RoleNotInvitable = "ROLE_NOT_INVITABLE",
        AlreadyActivated = "ALREADY_ACTIVATED",
        AlreadyInvited = "ALREADY_INVITED",
        NotInvited = "NOT_INVITED",
        LoginDisabled = "LOGIN_DISABLED",
        NoEmail = "NO_EMAIL",
        InvalidEmail = "INVALID_EMAIL",
        DuplicateEmail = "DUPLICATE_EMAIL",
        EmailSuppressed = "EMAIL_SUPPRESSED",
        EmailBounced = "EMAIL_BOUNCED",
    }
}

named! {
    /// Where an e-mail is (N1).
    DeliveryState {
        Queued = "QUEUED", Sending = "SENDING", Sent = "SENT", Deferred = "DEFERRED", Failed = "FAILED",
        Bounced = "BOUNCED", Suppressed = "SUPPRESSED", Cancelled = "CANCELLED",
    }
}

named! {
    /// Where a batch is (I4).
    BatchState {
        Scheduled = "SCHEDULED", Running = "RUNNING", Paused = "PAUSED", Done = "DONE", Cancelled = "CANCELLED",
    }
}

named! {
    /// Why a batch stands still (I4).
    PauseReason {
        /// A member paused it.
        Member = "MEMBER",
        /// The portal is off; it goes on when that is switched on.
        PortalDisabled = "PORTAL_DISABLED",
        /// Whoever answers for it may not invite any more.
        NotPermitted = "NOT_PERMITTED",
    }
}

named! {
    /// What a link is worth to whoever holds it. INVALID stands for unknown, cancelled and used alike.
    LinkState { Open = "OPEN", Expired = "EXPIRED", Superseded = "SUPERSEDED", Invalid = "INVALID" }
}
