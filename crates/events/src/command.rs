//! Commands between our own services, on the private exchange.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use usher_types::{ContactId, InvitationId, MailingId, MessageId, OrganizationId};
use uuid::Uuid;

use crate::envelope::{Command, Payload};
use crate::fact::PortalFacts;

/// Which built-in mail a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// To a contact who has no password yet; carries a link.
    Invitation,
    /// To a member who has no password yet; carries a link.
    MemberInvitation,
    /// To the new address of a contact who is in; carries a link that confirms it (I6).
    EmailChange,
    /// To the address that has signed in so far: another one is to be confirmed (I6). It carries no link.
    EmailChangedNotice,
    /// To a contact who has forgotten the password; carries a link behind which another is chosen (I12).
    PasswordReset,
    /// The same, to a member.
    MemberPasswordReset,
    /// To whoever has just been given another password (I12). It carries no link.
    PasswordChanged,
    /// To the member who invited: the invitation was answered with "this isn't me" (I8). It carries no link; its message says
    /// whom it was for.
    InvitationDeclined,
    /// To a contact who is in already: login for further accounts was switched on (I13). Its link leads to the sign-in page.
    AccountAccess,
    /// To a contact who was invited and has not answered (I16); carries a further link of the same invitation.
    Reminder,
}

impl MailKind {
    /// Every built-in mail.
    pub const ALL: [Self; 10] = [
        Self::Invitation,
        Self::MemberInvitation,
        Self::EmailChange,
        Self::EmailChangedNotice,
        Self::PasswordReset,
        Self::MemberPasswordReset,
        Self::PasswordChanged,
        Self::InvitationDeclined,
        Self::AccountAccess,
        Self::Reminder,
    ];

    /// The name under which it is stored, and of its folder of templates.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::MemberInvitation => "member_invitation",
            Self::EmailChange => "email_change",
            Self::EmailChangedNotice => "email_changed_notice",
            Self::PasswordReset => "password_reset",
            Self::MemberPasswordReset => "member_password_reset",
            Self::PasswordChanged => "password_changed",
            Self::InvitationDeclined => "invitation_declined",
            Self::AccountAccess => "account_access",
            Self::Reminder => "reminder",
        }
    }

    /// The page that its link with a token leads to; none for a mail without such a link, whose letters need no token.
    #[must_use]
    pub const fn page(self) -> Option<&'static str> {
        match self {
            Self::Invitation | Self::MemberInvitation | Self::Reminder => Some("activate"),
            Self::EmailChange => Some("confirm-email"),
            Self::PasswordReset | Self::MemberPasswordReset => Some("reset"),
            Self::EmailChangedNotice
            | Self::PasswordChanged
            | Self::InvitationDeclined
            | Self::AccountAccess => None,
        }
    }
}

/// `usher.work.deliver.v1`: up to 200 letters of one mailing, to be sent by notifications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deliver {
    /// What the letters have in common.
    pub mailing: Mailing,
    /// One a recipient.
    pub letters: Vec<Letter>,
}

/// What the letters of one sending have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mailing {
    /// The same in every `deliver` of one sending.
    pub id: MailingId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// Which mail.
    pub kind: MailKind,
    /// `[OrganizationName]`.
    pub organization_name: String,
    /// `[InvitedBy]`.
    pub invited_by: Option<String>,
    /// Where answers go: the organization's set address, else the inviter's.
    pub reply_to: Option<String>,
    /// The organization's locale, for recipients who have none.
    pub locale: String,
    /// The organization's IANA time zone, for recipients who have none.
    pub time_zone: String,
    /// For this sending only; the template's where absent (N4).
    pub subject: Option<String>,
    /// For this sending only; the template's where absent (N4).
    pub body: Option<String>,
    /// `[Message]`.
    pub message: Option<String>,
}

/// One mail to one person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// One mail for one cause: the same id is stored once, whatever is redelivered (N2).
    pub message_id: MessageId,
    /// The invitation, or the change of address, whose link it carries: what takes it back again.
    pub invitation_id: InvitationId,
    /// Goes up with every resend to the same contact; a letter of an older generation is not sent.
    pub generation: i64,
    /// To which contact, where it is one.
    pub contact_id: Option<ContactId>,
    /// The envelope's recipient, as typed.
    pub email: String,
    /// Decides suppression.
    pub email_canonical: String,
    /// `[FirstName]`.
    pub first_name: String,
    /// `[LastName]`, and with the first name `[ContactName]`.
    pub last_name: String,
    /// The recipient's own locale.
    pub locale: Option<String>,
    /// The recipient's own IANA time zone.
    pub time_zone: Option<String>,
    /// The token of the link, sealed for notifications (I9): `usher_auth::seal`, base64. None in a mail without a link.
    pub sealed_token: Option<String>,
    /// The end of the link's life; no mail is tried after it.
    pub expires_at: DateTime<Utc>,
    /// `[AccountNames]`, a line each, in a mail about accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<String>,
}

impl Payload for Deliver {
    fn key(&self) -> Uuid {
        match self.letters.as_slice() {
            [only] => only.contact_id.map_or(self.mailing.id.uuid(), ContactId::uuid),
            _ => self.mailing.id.uuid(),
        }
    }
    fn organization(&self) -> OrganizationId {
        self.mailing.organization_id
    }
    fn kind(&self) -> &'static str {
        "usher.work.deliver.v1"
    }
}
impl Command for Deliver {
    const QUEUE: &'static str = "notifications.deliver";
}

/// `usher.work.cancel_messages.v1`: the invitations have ended; their mail that has not gone out is not sent (I21).
/// It has a queue of its own and so reaches notifications ahead of letters that still wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelMessages {
    /// Whose.
    pub organization_id: OrganizationId,
    /// What has ended.
    pub withdrawn: Vec<Withdrawn>,
}

/// An invitation whose mail is not to go out any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Which.
    pub invitation_id: InvitationId,
    /// Whose.
    pub contact_id: Option<ContactId>,
}

impl Payload for CancelMessages {
    fn key(&self) -> Uuid {
        match self.withdrawn.as_slice() {
            [only] => only
                .contact_id
                .map_or(self.organization_id.uuid(), ContactId::uuid),
            _ => self.organization_id.uuid(),
        }
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        "usher.work.cancel_messages.v1"
    }
}
impl Command for CancelMessages {
    const QUEUE: &'static str = "notifications.urgent";
}

/// `usher.work.hold_mailing.v1`: a sending is held, or let go (I4). It has the queue of what reaches notifications ahead of letters
/// that still wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldMailing {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Which sending.
    pub mailing_id: MailingId,
    /// Held, or let go.
    pub held: bool,
    /// Goes up with every word about this sending: an older one changes nothing.
    pub version: i64,
}

impl HoldMailing {
    /// The command's type.
    pub const KIND: &'static str = "usher.work.hold_mailing.v1";
}

impl Payload for HoldMailing {
    fn key(&self) -> Uuid {
        self.mailing_id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        Self::KIND
    }
}
impl Command for HoldMailing {
    const QUEUE: &'static str = "notifications.urgent";
}

/// `usher.work.invite.v1`: invite this contact; written by contacts together with the contact (`createContact` with
/// `invite`), so that the wish survives whatever happens to the direct call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invite {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Whom.
    pub contact_id: ContactId,
    /// `create:{contact}`; the direct call uses the same, and one of the two does nothing.
    pub idempotency_key: String,
    /// The member who asked.
    pub member_id: usher_types::MemberId,
    /// `[Message]`.
    pub message: Option<String>,
    /// The contact as it was made.
    pub contact: crate::fact::ContactFacts,
}

impl Payload for Invite {
    fn key(&self) -> Uuid {
        self.contact_id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        "usher.work.invite.v1"
    }
}
impl Command for Invite {
    const QUEUE: &'static str = "invitations.work";
}

/// `usher.work.recover.v1`: somebody says that they have forgotten the password of this address. Written for every address,
/// known or not, so that whoever asks learns nothing from the answer or its time (I12).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Recover {
    /// Of the request.
    pub id: MessageId,
    /// Where the address is to sign in.
    pub organization_id: OrganizationId,
    /// The address, canonical.
    pub email_canonical: String,
}

/// Without the address.
impl std::fmt::Debug for Recover {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Recover")
            .field("id", &self.id)
            .field("organization_id", &self.organization_id)
            .finish_non_exhaustive()
    }
}

impl Payload for Recover {
    fn key(&self) -> Uuid {
        self.id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        "usher.work.recover.v1"
    }
}
impl Command for Recover {
    const QUEUE: &'static str = "invitations.work";
}

/// Why an address gets no more mail (N6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// Whoever reads there said "this isn't me" (I8).
    Declined,
}

impl SuppressionReason {
    /// The name under which it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "DECLINED",
        }
    }
}

/// `usher.work.suppress.v1`: an address of an organization is to get no more mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppress {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The address, canonical.
    pub email_canonical: String,
    /// The contact that has it, where it is one.
    pub contact_id: Option<ContactId>,
    /// The invitation that showed it.
    pub invitation_id: InvitationId,
    /// Why.
    pub reason: SuppressionReason,
}

/// Without the address.
impl std::fmt::Debug for Suppress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Suppress")
            .field("invitation_id", &self.invitation_id)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl Suppress {
    /// Its type.
    pub const KIND: &'static str = "usher.work.suppress.v1";
}

impl Payload for Suppress {
    fn key(&self) -> Uuid {
        self.contact_id.map_or(self.invitation_id.uuid(), ContactId::uuid)
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        Self::KIND
    }
}
impl Command for Suppress {
    const QUEUE: &'static str = "notifications.urgent";
}

/// `usher.work.portal_restated.v1`: where contacts of one organization stand on the way in, told to contacts once more after a restore.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortalRestated {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Each as it is now.
    pub portals: Vec<PortalFacts>,
}

impl Payload for PortalRestated {
    fn key(&self) -> Uuid {
        self.organization_id.uuid()
    }
    fn organization(&self) -> OrganizationId {
        self.organization_id
    }
    fn kind(&self) -> &'static str {
        "usher.work.portal_restated.v1"
    }
}
impl Command for PortalRestated {
    const QUEUE: &'static str = "contacts.events";
}
