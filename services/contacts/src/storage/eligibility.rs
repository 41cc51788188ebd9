//! Eligibility in SQL: the same as `usher_types::eligibility`, which a test compares it with over every combination.

use usher_types::InvitationAction;

/// What stands against writing to the contact.
macro_rules! mailable {
    () => {
        "WHEN c.links > 0 AND c.links_with_login = 0 THEN 'LOGIN_DISABLED' \
         WHEN c.email_state = 'NONE' THEN 'NO_EMAIL' \
         WHEN c.email_state = 'INVALID' THEN 'INVALID_EMAIL' \
         WHEN c.email_duplicate THEN 'DUPLICATE_EMAIL' \
         WHEN a.state = 'SUPPRESSED' THEN 'EMAIL_SUPPRESSED' \
         WHEN a.state = 'BOUNCED' THEN 'EMAIL_BOUNCED'"
    };
}

/// The reason why an action does not reach a contact, NULL where it does; over the tables of [`super::view::FROM`].
///
/// INVITED and EXPIRED are alike to every action, so the stored status decides and the time does not.
pub(super) const fn reason(action: InvitationAction) -> &'static str {
    match action {
        InvitationAction::Cancel => {
            "CASE WHEN p.status IN ('ACCEPTED', 'ACTIVE') THEN 'ALREADY_ACTIVATED' \
             WHEN p.status = 'WAITING' THEN 'NOT_INVITED' END"
        }
        InvitationAction::Send => concat!(
            "CASE WHEN NOT c.active THEN 'CONTACT_INACTIVE' \
             WHEN c.role = 'LEAD' THEN 'ROLE_NOT_INVITABLE' \
             WHEN p.status IN ('ACCEPTED', 'ACTIVE') THEN 'ALREADY_ACTIVATED' \
             WHEN p.status = 'INVITED' THEN 'ALREADY_INVITED' ",
            mailable!(),
            " END"
        ),
        InvitationAction::Resend => concat!(
            "CASE WHEN NOT c.active THEN 'CONTACT_INACTIVE' \
             WHEN c.role = 'LEAD' THEN 'ROLE_NOT_INVITABLE' \
             WHEN p.status IN ('ACCEPTED', 'ACTIVE') THEN 'ALREADY_ACTIVATED' ",
            mailable!(),
            " END"
        ),
    }
}
