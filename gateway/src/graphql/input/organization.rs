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
}

impl UpdateOrganizationInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::UpdateOrganizationRequest {
        let mut nulled = Vec::new();
        wire::UpdateOrganizationRequest {
            name: required(self.name, "name", &mut nulled),
            portal_enabled: required(self.portal_enabled, "portalEnabled", &mut nulled),
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
            nulled,
        }
    }
}
