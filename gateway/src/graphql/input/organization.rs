//! Input about the firm.

use async_graphql::{InputObject, MaybeUndefined};
use usher_proto::invitations::v1 as wire;

use super::{list_change, required, text_change};

/// A change to the firm's settings. A field left out stays, null goes back to the default.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateOrganizationInput {
    /// The firm's name. Cannot be null.
    name: MaybeUndefined<String>,
    /// Whether contacts can be invited, accept and sign in.
    portal_enabled: MaybeUndefined<bool>,
    /// Whether every contact has a company and each company exactly one primary contact. Switched on, companies without a primary
    /// contact get the oldest of theirs a moment later; contacts without a company stay until they are linked to one.
    company_first: MaybeUndefined<bool>,
    /// How long an invitation's link lives, in seconds: 3600 to 2592000.
    invitation_life: MaybeUndefined<i32>,
    /// Domains whose addresses may repeat and get no mail: all of them.
    placeholder_domains: MaybeUndefined<Vec<String>>,
    /// Of the mail: the address that answers go to, where it is not the inviter's.
    reply_to: MaybeUndefined<String>,
    /// Language of mails and pages where a contact has none, such as "en".
    locale: MaybeUndefined<String>,
    /// Time zone in which mails and pages show moments, such as "Europe/Berlin".
    time_zone: MaybeUndefined<String>,
    /// Invitation mails a day, 1 to 1000000. A change lets batches that wait try again at once.
    daily_invitations: MaybeUndefined<i32>,
    /// Invitation mails a day that one member answers for, 1 to 1000000.
    daily_invitations_per_member: MaybeUndefined<i32>,
    /// Invitation mails a day to one recipient, 1 to 100.
    daily_invitations_per_recipient: MaybeUndefined<i32>,
    /// When invitations that nobody has answered are reminded of; applies to open invitations, too. Null: nobody is reminded.
    reminders: MaybeUndefined<ReminderPlanInput>,
}

/// A change to the plan of reminders. A field left out stays.
#[derive(InputObject, Clone, Debug)]
pub struct ReminderPlanInput {
    /// Days after the invitation was sent: at most five, each 1 to 29.
    days: Option<Vec<i32>>,
    /// Whether also the day before the invitation's end.
    before_end: Option<bool>,
    /// Nobody is reminded from this time of the day on, in the recipient's time zone, such as "20:00".
    quiet_from: Option<String>,
    /// Nobody is reminded before this time of the day, in the recipient's time zone, such as "08:00". The same as `quietFrom`: there are
    /// no quiet hours.
    quiet_to: Option<String>,
    /// Whether nobody is reminded on Saturdays and Sundays.
    quiet_weekends: Option<bool>,
}

impl ReminderPlanInput {
    fn into_wire(self) -> wire::ReminderPlanChange {
        wire::ReminderPlanChange {
            days_given: self.days.is_some(),
            days: self.days.unwrap_or_default(),
            before_end: self.before_end,
            quiet_from: self.quiet_from,
            quiet_to: self.quiet_to,
            quiet_weekends: self.quiet_weekends,
        }
    }
}

impl UpdateOrganizationInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::UpdateOrganizationRequest {
        let mut nulled = Vec::new();
        wire::UpdateOrganizationRequest {
            name: required(self.name, "name", &mut nulled),
            portal_enabled: required(self.portal_enabled, "portalEnabled", &mut nulled),
            company_first: required(self.company_first, "companyFirst", &mut nulled),
            invitation_life: required(self.invitation_life, "invitationLife", &mut nulled).map(i64::from),
            placeholder_domains: list_change(self.placeholder_domains),
            reply_to: text_change(self.reply_to),
            locale: required(self.locale, "locale", &mut nulled),
            time_zone: required(self.time_zone, "timeZone", &mut nulled),
            daily: required(self.daily_invitations, "dailyInvitations", &mut nulled).map(i64::from),
            daily_per_member: required(
                self.daily_invitations_per_member,
                "dailyInvitationsPerMember",
                &mut nulled,
            )
            .map(i64::from),
            daily_per_recipient: required(
                self.daily_invitations_per_recipient,
                "dailyInvitationsPerRecipient",
                &mut nulled,
            )
            .map(i64::from),
            reminders: required(self.reminders, "reminders", &mut nulled).map(ReminderPlanInput::into_wire),
            nulled,
        }
    }
}
