//! The closed sets of the schema. Their names are the same in the services, the databases and here.

use async_graphql::{Enum, resolver_utils::EnumType};

use crate::fault::Fault;

/// The value with the name that a service sent.
pub(crate) fn from_wire<T: EnumType>(name: &str) -> Result<T, Fault> {
    T::items()
        .iter()
        .find(|item| item.name == name)
        .map(|item| item.value)
        .ok_or_else(|| Fault::internal("a service sent a name that the schema does not have"))
}

/// The name that services know.
pub(crate) fn to_wire<T: EnumType>(value: T) -> String {
    let found = T::items().iter().find(|item| item.value == value);
    found.map_or_else(String::new, |item| item.name.to_owned())
}

/// The names of a list of values.
pub(crate) fn to_wires<T: EnumType>(values: Option<Vec<T>>) -> Vec<String> {
    values.unwrap_or_default().into_iter().map(to_wire).collect()
}

/// What a contact is to the firm.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum ContactRole {
    /// Might become a client; cannot be invited and needs no address.
    Lead,
    /// Is being won; can be invited.
    Prospect,
    /// Is served; can be invited.
    Client,
}

/// What an account stands for.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// One person's own account.
    Individual,
    /// A company.
    Company,
    /// Two people's common account: two different contacts, one of them primary.
    Joint,
    /// A trust.
    Trust,
    /// A partnership.
    Partnership,
    /// A limited liability company.
    Llc,
    /// A corporation.
    Corporation,
    /// A retirement account.
    Retirement,
    /// Anything else.
    Other,
}

/// ACTIVE: an active contact that is no LEAD is linked with login on, invited or not. OFFLINE: none.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum AccountPortalStatus {
    /// Somebody can get in, or could once invited.
    Active,
    /// Nobody can.
    Offline,
}

/// What is known of a contact's address.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum EmailState {
    /// There is no address.
    None,
    /// Nothing speaks against it.
    Valid,
    /// Malformed (as import or an event brought it) or of a placeholder domain.
    Invalid,
    /// The receiving server refused it for good.
    Bounced,
    /// The owner complained or was blocked by staff.
    Suppressed,
}

/// What contacts are ordered by. Nulls sort first in ascending order.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum ContactOrderField {
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// Address.
    Email,
    /// When the contact was made.
    CreatedAt,
    /// When the contact last changed.
    UpdatedAt,
    /// Portal status: WAITING, INVITED, EXPIRED, ACCEPTED, ACTIVE.
    PortalStatus,
    /// When the newest invitation went out.
    InvitedAt,
    /// When the contact last signed in.
    LastSignedInAt,
}

/// Which way a list runs.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum OrderDirection {
    /// Smallest first.
    Asc,
    /// Greatest first.
    Desc,
}

/// Where a contact stands on the way in.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum PortalStatus {
    /// No invitation is out.
    Waiting,
    /// One is.
    Invited,
    /// It ran out (a week unless the organization says otherwise).
    Expired,
    /// A password was chosen, no sign-in yet.
    Accepted,
    /// Signed in at least once.
    Active,
}

/// Where the invitation's e-mail is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits for its turn.
    Queued,
    /// Is on the wire.
    Sending,
    /// The receiving server took it.
    Sent,
    /// Was not taken yet; tried again later.
    Deferred,
    /// Was refused or ran out of time.
    Failed,
    /// Came back after it had been taken.
    Bounced,
    /// Was not sent: the address gets no mail.
    Suppressed,
    /// Was not sent: the invitation ended before.
    Cancelled,
}

/// What a member can do with a contact's invitation.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum InvitationAction {
    /// Invite whoever waits.
    Send,
    /// A new link with a full new life; the old one dies.
    Resend,
    /// End the invitation.
    Cancel,
}

/// Why a bulk action leaves a contact out; one reason each, the first that holds.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum IneligibleReason {
    /// There is no address.
    NoEmail,
    /// The address is malformed or of a placeholder domain.
    InvalidEmail,
    /// The receiving server refused the address for good.
    EmailBounced,
    /// The owner complained or was blocked by staff.
    EmailSuppressed,
    /// Another contact has the same address.
    DuplicateEmail,
    /// The contact is not active.
    ContactInactive,
    /// A LEAD cannot be invited.
    RoleNotInvitable,
    /// An invitation is out already, or ran out: resend it.
    AlreadyInvited,
    /// There is no invitation to cancel.
    NotInvited,
    /// A password was chosen already.
    AlreadyActivated,
    /// No link of the contact has login on.
    LoginDisabled,
}

/// Where a batch is.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// Starts later.
    Scheduled,
    /// Is being worked on.
    Running,
    /// Stands still until it is resumed; `pauseReason` says why.
    Paused,
    /// Everything that it was to send has been sent, or failed.
    Done,
    /// What was not sent yet was taken back.
    Cancelled,
}

/// Why a batch stands still.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum PauseReason {
    /// A member paused it.
    Member,
    /// The portal is off. It goes on by itself when that is switched on.
    PortalDisabled,
    /// Whoever answers for it is not active any more, or may not invite so many. Whoever may can resume it.
    NotPermitted,
}

/// INVALID stands for unknown, cancelled and used alike; EXPIRED and SUPERSEDED only for a link that was real.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// A password can be chosen with it.
    Open,
    /// It ran out.
    Expired,
    /// A newer invitation was sent.
    Superseded,
    /// Unknown, cancelled or used.
    Invalid,
}

/// As whom to sign in, where an address belongs to a member and to a contact.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum SignInAs {
    /// As a person of the firm.
    Member,
    /// As a contact, to the portal.
    Contact,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers<T: EnumType>(names: &[&str]) {
        let mut ours: Vec<&str> = T::items().iter().map(|item| item.name).collect();
        let mut theirs = names.to_vec();
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn the_schema_has_exactly_the_names_of_the_domain() {
        macro_rules! same {
            ($($name:ident),+) => {$(
                covers::<$name>(&usher_types::$name::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>());
            )+};
        }
        same!(
            ContactRole,
            AccountKind,
            EmailState,
            PortalStatus,
            DeliveryState,
            InvitationAction,
            IneligibleReason,
            BatchState,
            PauseReason,
            LinkState
        );
    }

    #[test]
    fn names_go_there_and_back() {
        assert_eq!(from_wire::<AccountKind>("LLC"), Ok(AccountKind::Llc));
        assert_eq!(to_wire(IneligibleReason::NoEmail), "NO_EMAIL");
        assert!(from_wire::<AccountKind>("llc").is_err());
    }
}
