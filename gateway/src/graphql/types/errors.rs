//! `userErrors`: what the caller can mend. Each family of mutations has its own closed set of codes.

use async_graphql::{Enum, ID, Interface, SimpleObject};
use usher_proto::common::v1::Refusal;
use usher_types::{ContactId, MemberId};

use super::from_wire;
use crate::fault::Fault;
use crate::ids::shown;

/// Something the caller can mend. `field` is the path inside `input`. Each family of mutations has its own closed
/// set of codes.
#[derive(Interface, Clone, Debug)]
#[graphql(
    field(
        name = "message",
        ty = "&String",
        desc = "What is wrong, in English, for people."
    ),
    field(
        name = "field",
        ty = "&Option<Vec<String>>",
        desc = "The path inside `input`; null where no single field is to blame."
    )
)]
pub enum UserError {
    /// Of contacts.
    Contact(ContactError),
    /// Of accounts.
    Account(AccountError),
    /// Of invitations.
    Invitation(InvitationError),
    /// Of passwords, links and sessions.
    Credential(CredentialError),
    /// Of the firm's people.
    Member(MemberError),
    /// Of programs that call the API.
    ServiceAccount(ServiceAccountError),
    /// Of the firm's settings.
    Organization(OrganizationError),
    /// Of segments.
    Segment(SegmentError),
    /// Of dead letters.
    DeadLetter(DeadLetterError),
}

/// A refusal of a service as an error of one family. A code that the family does not have is our defect.
pub(crate) trait Family: Sized {
    fn of(refusal: Refusal) -> Result<Self, Fault>;

    fn all(refusals: Vec<Refusal>) -> Result<Vec<Self>, Fault> {
        refusals.into_iter().map(Self::of).collect()
    }
}

/// The path as the schema writes it.
fn path(field: Vec<String>) -> Option<Vec<String>> {
    (!field.is_empty()).then(|| field.into_iter().map(|name| camel(&name)).collect())
}

fn camel(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else if upper {
            shown.extend(letter.to_uppercase());
            upper = false;
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// What can be wrong with a contact.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum ContactErrorCode {
    /// It must be given.
    Required,
    /// It has the wrong form.
    Invalid,
    /// It is too long.
    TooLong,
    /// There is no such thing.
    NotFound,
    /// It changed meanwhile.
    Conflict,
    /// A PROSPECT or CLIENT needs an address.
    EmailRequired,
    /// This is no address.
    EmailInvalid,
    /// Another contact has this address.
    EmailTaken,
    /// An inactive contact has this address: reactivate it.
    EmailOfInactiveContact,
    /// Company-first mode is on: every contact needs a company.
    CompanyRequired,
    /// The contact cannot be invited.
    NotInvitable,
}

/// Something about a contact that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct ContactError {
    /// What kind.
    code: ContactErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
    /// The other contact, where one stands in the way.
    contact_id: Option<ID>,
}

impl Family for ContactError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
            contact_id: refusal.contact_id.map(|id| shown::<ContactId>(&id)),
        })
    }
}

/// What can be wrong with an account.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum AccountErrorCode {
    /// It must be given.
    Required,
    /// It has the wrong form.
    Invalid,
    /// It is too long.
    TooLong,
    /// There are too many.
    TooMany,
    /// There is no such thing.
    NotFound,
    /// It changed meanwhile.
    Conflict,
    /// A JOINT account needs two different contacts, one of them primary.
    JointNeedsTwoContacts,
    /// This contact is linked already.
    AlreadyLinked,
    /// Company-first mode is on: a contact would be left without a company.
    CompanyRequired,
}

/// Something about an account that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct AccountError {
    /// What kind.
    code: AccountErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
}

impl Family for AccountError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
        })
    }
}

/// What can be wrong with a bulk action.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum InvitationErrorCode {
    /// It has the wrong form.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// The number moved since, or the idempotency key was used for something else.
    Conflict,
    /// The portal is switched off.
    PortalDisabled,
    /// The action would reach nobody.
    NobodyEligible,
    /// The template has a placeholder that does not exist.
    UnknownPlaceholder,
    /// The template lacks the link.
    LinkPlaceholderMissing,
    /// More than 10,000 ids in one selection.
    LimitReached,
}

/// Something about a bulk action that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct InvitationError {
    /// What kind.
    code: InvitationErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
}

impl Family for InvitationError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
        })
    }
}

/// What can be wrong with a password, a link or a session.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum CredentialErrorCode {
    /// Address or password is wrong.
    BadCredentials,
    /// Too many failures: wait, or reset the password.
    LockedOut,
    /// The password is too short.
    PasswordTooShort,
    /// The password is too long.
    PasswordTooLong,
    /// The password is among the common ones.
    PasswordCommon,
    /// The password is made of the person's or firm's name or address.
    PasswordGuessable,
    /// The link is unknown, cancelled or used.
    LinkInvalid,
    /// The link ran out.
    LinkExpired,
    /// A newer link was sent.
    LinkSuperseded,
    /// The session has ended.
    SessionEnded,
    /// This is not allowed here.
    NotAllowed,
    /// There is no such thing.
    NotFound,
}

/// Something about a password, a link or a session that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct CredentialError {
    /// What kind.
    code: CredentialErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
    /// Seconds to wait, where waiting helps.
    retry_after: Option<i32>,
}

impl Family for CredentialError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
            retry_after: refusal.retry_after,
        })
    }
}

/// What can be wrong with a member.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum MemberErrorCode {
    /// It must be given.
    Required,
    /// It has the wrong form.
    Invalid,
    /// It is too long.
    TooLong,
    /// There is no such thing.
    NotFound,
    /// It changed meanwhile.
    Conflict,
    /// This is no address.
    EmailInvalid,
    /// Another member has this address.
    EmailTaken,
    /// A member who is switched off has this address: switch them on.
    EmailOfInactiveMember,
    /// Nobody grants or takes permissions that they lack.
    NotYoursToGrant,
    /// Somebody has to be left who manages members.
    LastManager,
    /// The member is switched off.
    MemberInactive,
    /// No invitation is out.
    NotInvited,
    /// The member has chosen a password already.
    AlreadyActivated,
    /// The day's invitation mails are used up.
    LimitReached,
}

/// Something about a member that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct MemberError {
    /// What kind.
    code: MemberErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
    /// The other member, where one stands in the way.
    member_id: Option<ID>,
}

impl Family for MemberError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
            member_id: refusal.contact_id.map(|id| shown::<MemberId>(&id)),
        })
    }
}

/// What can be wrong with a service account.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum ServiceAccountErrorCode {
    /// It must be given.
    Required,
    /// It has the wrong form, or service accounts cannot have it.
    Invalid,
    /// It is too long.
    TooLong,
    /// There is no such thing.
    NotFound,
    /// It changed meanwhile.
    Conflict,
    /// Nobody grants or takes permissions that they lack.
    NotYoursToGrant,
}

/// Something about a service account that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct ServiceAccountError {
    /// What kind.
    code: ServiceAccountErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
}

impl Family for ServiceAccountError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
        })
    }
}

/// What can be wrong with the firm's settings.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum OrganizationErrorCode {
    /// It has the wrong form.
    Invalid,
    /// It is too long.
    TooLong,
    /// It changed meanwhile.
    Conflict,
}

/// Something about the firm's settings that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct OrganizationError {
    /// What kind.
    code: OrganizationErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
}

impl Family for OrganizationError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
        })
    }
}

/// What can be wrong with a segment.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum SegmentErrorCode {
    /// It must be given.
    Required,
    /// It has the wrong form.
    Invalid,
    /// It is too long.
    TooLong,
    /// There is no such thing.
    NotFound,
    /// It changed meanwhile.
    Conflict,
    /// Another segment of the firm has this name.
    NameTaken,
}

/// Something about a segment that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct SegmentError {
    /// What kind.
    code: SegmentErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
}

impl Family for SegmentError {
    fn of(refusal: Refusal) -> Result<Self, Fault> {
        Ok(Self {
            code: from_wire(&refusal.code)?,
            message: refusal.message,
            field: path(refusal.field),
        })
    }
}

/// What can be wrong with a dead letter.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterErrorCode {
    /// There is none, or it was handled already.
    NotFound,
}

/// Something about a dead letter that the caller can mend.
#[derive(SimpleObject, Clone, Debug)]
pub struct DeadLetterError {
    /// What kind.
    code: DeadLetterErrorCode,
    /// What is wrong, in English, for people.
    message: String,
    /// The path inside `input`; null where no single field is to blame.
    field: Option<Vec<String>>,
}

impl DeadLetterError {
    /// Of the one at this place among the ids.
    pub(crate) fn not_found(index: usize) -> Self {
        Self {
            code: DeadLetterErrorCode::NotFound,
            message: "there is no such message, or it was handled already".to_owned(),
            field: Some(vec!["ids".to_owned(), index.to_string()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    #[test]
    fn a_refusal_becomes_an_error_of_its_family() {
        let refusal = Refusal {
            code: "EMAIL_TAKEN".to_owned(),
            field: vec!["external_id".to_owned()],
            ..Refusal::default()
        };
        let error = ContactError::of(refusal.clone()).unwrap();
        assert_eq!(error.code, ContactErrorCode::EmailTaken);
        assert_eq!(error.field, Some(vec!["externalId".to_owned()]));
        // an unknown code is a defect of ours, not something that the caller can mend
        assert_eq!(AccountError::of(refusal).unwrap_err().code, Code::Internal);
    }
}
