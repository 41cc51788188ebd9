//! Who has forgotten a password, and what helps (I12).

use chrono::{DateTime, Utc};
use usher_types::{EmailState, PortalStatus};

use super::portal::Access;

/// What a contact gets who has forgotten the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// A fresh invitation: there is no password yet.
    Invitation,
    /// A link behind which another password is chosen.
    Reset,
}

/// Why a contact gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHelp {
    /// The portal is switched off.
    PortalDisabled,
    /// Nobody has invited the contact, or the invitation has ended.
    NotInvited,
    /// Inactive, a LEAD, no login anywhere, or no address.
    Barred,
    /// The address takes no mail.
    Unreachable,
}

/// What helps a contact at `now`. `address` is what is known of the address that signs in, or that was invited.
///
/// # Errors
/// The first reason that holds.
pub fn help(
    access: &Access,
    portal_enabled: bool,
    address: EmailState,
    now: DateTime<Utc>,
) -> Result<Help, NoHelp> {
    if !portal_enabled {
        return Err(NoHelp::PortalDisabled);
    }
    let help = match access.status_at(now) {
        PortalStatus::Waiting => return Err(NoHelp::NotInvited),
        PortalStatus::Invited | PortalStatus::Expired => Help::Invitation,
        PortalStatus::Accepted | PortalStatus::Active => Help::Reset,
    };
    if !access.person.may_enter() {
        return Err(NoHelp::Barred);
    }
    if address != EmailState::Valid {
        return Err(NoHelp::Unreachable);
    }
    Ok(help)
}

/// Whether a reset that was mailed to `address`, canonical, is good for this contact: the address still signs in, and nothing
/// bars the contact.
#[must_use]
pub fn may_reset(access: &Access, portal_enabled: bool, address: &str) -> bool {
    let theirs = access.is_in() && access.address.as_deref() == Some(address);
    portal_enabled && theirs && access.person.may_enter()
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};
    use usher_types::{ContactId, ContactRole, InvitationId, OrganizationId, Version};

    use super::super::portal::Person;
    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap()
    }

    fn ada() -> Access {
        let person = Person {
            version: Version::FIRST,
            role: ContactRole::Client,
            active: true,
            links: 1,
            links_with_login: 1,
            email: Some("Ada@example.com".to_owned()),
            email_canonical: Some("ada@example.com".to_owned()),
            email_state: EmailState::Valid,
            email_duplicate: false,
            test: false,
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            locale: None,
            time_zone: None,
        };
        let mut access = Access::new(ContactId::new(noon()), OrganizationId::new(noon()), person);
        access.invitation = Some(InvitationId::new(noon()));
        access.address = Some("ada@example.com".to_owned());
        access.expires_at = Some(noon() + TimeDelta::days(7));
        access
    }

    #[test]
    fn i12_what_helps_follows_from_the_status() {
        let table = [
            (PortalStatus::Waiting, 0, Err(NoHelp::NotInvited)),
            (PortalStatus::Invited, 0, Ok(Help::Invitation)),
            (PortalStatus::Invited, 8, Ok(Help::Invitation)),
            (PortalStatus::Accepted, 0, Ok(Help::Reset)),
            (PortalStatus::Active, 0, Ok(Help::Reset)),
        ];
        for (status, days, expected) in table {
            let now = noon() + TimeDelta::days(days);
            let ada = Access { status, ..ada() };
            assert_eq!(help(&ada, true, EmailState::Valid, now), expected, "{status:?}");
            assert_eq!(
                help(&ada, false, EmailState::Valid, now),
                Err(NoHelp::PortalDisabled)
            );
            if expected.is_ok() {
                for state in [EmailState::Bounced, EmailState::Suppressed] {
                    assert_eq!(help(&ada, true, state, now), Err(NoHelp::Unreachable));
                }
            }
        }
    }

    #[test]
    fn i12_whoever_is_barred_gets_nothing_and_their_links_are_dead() {
        let bars: [fn(&mut Person); 4] = [
            |person| person.active = false,
            |person| person.role = ContactRole::Lead,
            |person| person.links_with_login = 0,
            |person| person.email = None,
        ];
        for status in [PortalStatus::Accepted, PortalStatus::Active] {
            let ada = Access { status, ..ada() };
            assert!(may_reset(&ada, true, "ada@example.com"));
            assert!(!may_reset(&ada, false, "ada@example.com"));
            // the address that signs in became another
            assert!(!may_reset(&ada, true, "old@example.com"));
            for bar in bars {
                let mut barred = ada.clone();
                bar(&mut barred.person);
                assert!(!may_reset(&barred, true, "ada@example.com"));
                assert_eq!(
                    help(&barred, true, EmailState::Valid, noon()),
                    Err(NoHelp::Barred)
                );
            }
        }
        for status in [PortalStatus::Waiting, PortalStatus::Invited] {
            assert!(!may_reset(&Access { status, ..ada() }, true, "ada@example.com"));
        }
    }
}
