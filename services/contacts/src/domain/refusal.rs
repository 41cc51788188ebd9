//! What the caller can mend. Each family of mutations has its own closed set of codes, named as in the public API.

use usher_types::ContactId;

macro_rules! codes {
    ($(#[$doc:meta])* $set:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $set { $($variant),+ }

        impl Code for $set {
            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

/// A code of a closed set.
pub(crate) trait Code: Copy {
    /// Its public name.
    fn as_str(self) -> &'static str;
}

codes! {
    /// `ContactErrorCode`.
    ContactCode {
        Required = "REQUIRED", Invalid = "INVALID", TooLong = "TOO_LONG", NotFound = "NOT_FOUND", Conflict = "CONFLICT",
        EmailRequired = "EMAIL_REQUIRED", EmailInvalid = "EMAIL_INVALID", EmailTaken = "EMAIL_TAKEN",
        EmailOfInactiveContact = "EMAIL_OF_INACTIVE_CONTACT", CompanyRequired = "COMPANY_REQUIRED",
        NotInvitable = "NOT_INVITABLE",
    }
}

codes! {
    /// `AccountErrorCode`.
    AccountCode {
        Required = "REQUIRED", Invalid = "INVALID", TooLong = "TOO_LONG", TooMany = "TOO_MANY", NotFound = "NOT_FOUND",
        Conflict = "CONFLICT", JointNeedsTwoContacts = "JOINT_NEEDS_TWO_CONTACTS", AlreadyLinked = "ALREADY_LINKED",
        CompanyRequired = "COMPANY_REQUIRED",
    }
}

codes! {
    /// What toggles and selections use of `InvitationErrorCode`.
    InvitationCode { Invalid = "INVALID", NotFound = "NOT_FOUND", LimitReached = "LIMIT_REACHED" }
}

codes! {
    /// `SegmentErrorCode`.
    SegmentCode {
        Required = "REQUIRED", Invalid = "INVALID", TooLong = "TOO_LONG", NotFound = "NOT_FOUND", Conflict = "CONFLICT",
        NameTaken = "NAME_TAKEN",
    }
}

/// The codes that every bounded text can end in.
pub(crate) trait TextCode: Code {
    /// It must not be empty.
    const REQUIRED: Self;
    /// It is not what it should be.
    const INVALID: Self;
    /// It is longer than its bound.
    const TOO_LONG: Self;
}

impl TextCode for ContactCode {
    const REQUIRED: Self = Self::Required;
    const INVALID: Self = Self::Invalid;
    const TOO_LONG: Self = Self::TooLong;
}

impl TextCode for AccountCode {
    const REQUIRED: Self = Self::Required;
    const INVALID: Self = Self::Invalid;
    const TOO_LONG: Self = Self::TooLong;
}

impl TextCode for SegmentCode {
    const REQUIRED: Self = Self::Required;
    const INVALID: Self = Self::Invalid;
    const TOO_LONG: Self = Self::TooLong;
}

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal<C> {
    pub(crate) code: C,
    /// Path inside the input, in the API's own names.
    pub(crate) field: Vec<String>,
    pub(crate) message: String,
    /// The other contact, where one stands in the way.
    pub(crate) contact: Option<ContactId>,
}

impl<C> Refusal<C> {
    pub(crate) fn new(code: C, field: &[&str], message: impl Into<String>) -> Self {
        Self {
            code,
            field: field.iter().map(|part| (*part).to_owned()).collect(),
            message: message.into(),
            contact: None,
        }
    }

    /// The same, naming the contact that stands in the way.
    pub(crate) fn because_of(self, contact: ContactId) -> Self {
        Self {
            contact: Some(contact),
            ..self
        }
    }
}
