//! Looking through a contact's eyes (I14).

use chrono::TimeDelta;
use usher_types::PortalStatus;

use super::portal::Access;

/// How long it lasts at most. There is no refresh token.
pub const LIFE: TimeDelta = TimeDelta::minutes(30);
const LONGEST_REASON: usize = 500;

/// Whether there is anything that this contact could see: somebody who may sign in, and has a password to do so.
#[must_use]
pub fn may_be_looked_through(access: &Access, portal_enabled: bool) -> bool {
    portal_enabled
        && access.person.may_enter()
        && matches!(access.status, PortalStatus::Accepted | PortalStatus::Active)
}

/// The reason as it is kept.
///
/// # Errors
/// Says what is wrong with it: it is one line of 1 to 500 characters.
pub fn read_reason(typed: &str) -> Result<String, &'static str> {
    let reason = typed.trim();
    if reason.is_empty() {
        return Err("say why: the reason stands in the activity log");
    }
    if reason.chars().count() > LONGEST_REASON {
        return Err("a reason has at most 500 characters");
    }
    if reason.chars().any(char::is_control) {
        return Err("a reason is one line");
    }
    Ok(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use usher_types::{ContactId, ContactRole, EmailState, OrganizationId, Version};

    use super::*;
    use crate::domain::portal::Person;

    #[test]
    fn i14_only_who_could_sign_in_with_a_password_of_their_own() {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let person = Person {
            version: Version::FIRST,
            role: ContactRole::Client,
            active: true,
            links: 1,
            links_with_login: 1,
            email: Some("ada@example.com".to_owned()),
            email_canonical: Some("ada@example.com".to_owned()),
            email_state: EmailState::Valid,
            email_duplicate: false,
            test: false,
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            locale: None,
            time_zone: None,
        };
        let with = |status, change: fn(&mut Person)| {
            let mut access = Access::new(ContactId::new(now), OrganizationId::new(now), person.clone());
            access.status = status;
            change(&mut access.person);
            access
        };
        for &status in PortalStatus::ALL {
            let expected = matches!(status, PortalStatus::Accepted | PortalStatus::Active);
            assert_eq!(
                may_be_looked_through(&with(status, |_| {}), true),
                expected,
                "{status}"
            );
            assert!(!may_be_looked_through(&with(status, |_| {}), false), "{status}");
        }
        let changes: [fn(&mut Person); 4] = [
            |person| person.active = false,
            |person| person.role = ContactRole::Lead,
            |person| person.links_with_login = 0,
            |person| person.email = None,
        ];
        for change in changes {
            assert!(!may_be_looked_through(&with(PortalStatus::Active, change), true));
        }
    }

    #[test]
    fn i14_a_reason_is_given_in_one_line() {
        assert_eq!(
            read_reason(" she cannot find her report "),
            Ok("she cannot find her report".to_owned())
        );
        for wrong in ["", "  ", "two\nlines", &"x".repeat(501)] {
            assert!(read_reason(wrong).is_err(), "{wrong:?}");
        }
    }
}
