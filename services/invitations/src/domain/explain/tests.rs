//! Every cause, alone and in every status.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use usher_types::{
    ContactId, ContactRole, DeliveryState, EmailState, InvitationId, OrganizationId, PortalStatus, Version,
};

use super::*;
use crate::domain::portal::Person;

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

fn access(status: PortalStatus) -> Access {
    let person = Person {
        version: Version::FIRST,
        role: ContactRole::Client,
        active: true,
        links: 1,
        links_with_login: 1,
        email: Some("Ada@example.com".into()),
        email_canonical: Some("ada@example.com".into()),
        email_state: EmailState::Valid,
        email_duplicate: false,
        test: false,
        first_name: "Ada".into(),
        last_name: "Lovelace".into(),
        locale: None,
        time_zone: None,
    };
    let mut access = Access::new(ContactId::new(noon()), OrganizationId::new(noon()), person);
    access.status = match status {
        PortalStatus::Expired => PortalStatus::Invited,
        stored => stored,
    };
    if status != PortalStatus::Waiting {
        access.address = Some("ada@example.com".into());
    }
    let end = if status == PortalStatus::Expired {
        noon()
    } else {
        noon() + TimeDelta::days(1)
    };
    if access.status == PortalStatus::Invited {
        access.invitation = Some(InvitationId::new(noon()));
        access.expires_at = Some(end);
    }
    access
}

/// What does not hold, besides what is a matter of course in the status.
fn against(known: &Known<'_>) -> (Verdict, Vec<Code>) {
    let explanation = explain(known);
    let codes = explanation
        .findings
        .iter()
        .filter(|finding| !finding.holds)
        .map(|finding| finding.code);
    for finding in &explanation.findings {
        assert_eq!(finding.holds, finding.hint.is_none(), "{finding:?}");
        assert!(
            finding.message.ends_with('.') || finding.message.contains("said:"),
            "{finding:?}"
        );
    }
    (explanation.verdict, codes.collect())
}

fn known(access: &Access) -> Known<'_> {
    let sent = access.status == PortalStatus::Invited;
    Known {
        access,
        portal_enabled: true,
        address: EmailState::Valid,
        delivery: sent.then_some(DeliveryState::Sent),
        delivery_error: None,
        gate: Gate::Open,
        now: noon(),
    }
}

#[test]
fn i18_every_status_without_a_cause_against_it() {
    use Code::{InvitationAlive, InvitationSent, PasswordChosen};
    let table = [
        (
            PortalStatus::Waiting,
            Verdict::NeedsInvitation,
            vec![InvitationSent],
        ),
        (PortalStatus::Invited, Verdict::CanAccept, vec![PasswordChosen]),
        (
            PortalStatus::Expired,
            Verdict::NeedsInvitation,
            vec![InvitationAlive, PasswordChosen],
        ),
        (PortalStatus::Accepted, Verdict::CanSignIn, vec![]),
        (PortalStatus::Active, Verdict::CanSignIn, vec![]),
    ];
    for (status, verdict, codes) in table {
        let access = access(status);
        assert_eq!(against(&known(&access)), (verdict, codes), "{status}");
    }
}

type Cause = (Code, fn(&mut Person));

/// Causes that keep out whoever is in, too.
const BARS: [Cause; 4] = [
    (Code::ContactActive, |person| person.active = false),
    (Code::RoleInvitable, |person| person.role = ContactRole::Lead),
    (Code::LoginOn, |person| person.links_with_login = 0),
    (Code::EmailGiven, |person| {
        person.email = None;
        person.email_canonical = None;
        person.email_state = EmailState::None;
    }),
];

/// Causes that only keep mail from arriving.
const UNREACHABLE: [Cause; 2] = [
    (Code::EmailValid, |person| {
        person.email_canonical = None;
        person.email_state = EmailState::Invalid;
    }),
    (Code::EmailUnique, |person| person.email_duplicate = true),
];

#[test]
fn i18_every_cause_of_the_contact_in_every_status() {
    for &status in PortalStatus::ALL {
        for (code, change) in BARS.into_iter().chain(UNREACHABLE) {
            let mut access = access(status);
            change(&mut access.person);
            let (verdict, codes) = against(&known(&access));
            assert!(codes.contains(&code), "{status} {code:?}");
            let bars = BARS.iter().any(|(bar, _)| *bar == code);
            let is_in = matches!(status, PortalStatus::Accepted | PortalStatus::Active);
            let expected = match status {
                _ if bars => Verdict::Cannot,
                _ if is_in => Verdict::CanSignIn,
                PortalStatus::Invited => Verdict::CanAccept,
                _ => Verdict::Cannot,
            };
            assert_eq!(verdict, expected, "{status} {code:?}");
        }
        let access = access(status);
        let off = Known {
            portal_enabled: false,
            ..known(&access)
        };
        let (verdict, codes) = against(&off);
        assert_eq!((verdict, codes[0]), (Verdict::Cannot, Code::PortalOn), "{status}");
    }
}

#[test]
fn i18_what_is_known_of_the_address_keeps_out_who_has_no_link() {
    for state in [EmailState::Bounced, EmailState::Suppressed] {
        for (status, expected) in [
            (PortalStatus::Waiting, Verdict::Cannot),
            (PortalStatus::Invited, Verdict::CanAccept),
            (PortalStatus::Expired, Verdict::Cannot),
            (PortalStatus::Accepted, Verdict::CanSignIn),
            (PortalStatus::Active, Verdict::CanSignIn),
        ] {
            let access = access(status);
            let (verdict, codes) = against(&Known {
                address: state,
                ..known(&access)
            });
            assert_eq!(verdict, expected, "{status} {state}");
            assert!(codes.contains(&Code::EmailTakesMail), "{status} {state}");
        }
    }
}

#[test]
fn i18_where_the_mail_is() {
    let access = access(PortalStatus::Invited);
    for &delivery in DeliveryState::ALL {
        let known = Known {
            delivery: Some(delivery),
            delivery_error: Some("550 no such user"),
            ..known(&access)
        };
        let (verdict, codes) = against(&known);
        use DeliveryState::{Deferred, Queued, Sending, Sent};
        let expected = match delivery {
            Sent => Verdict::CanAccept,
            Queued | Sending | Deferred => Verdict::MailOnItsWay,
            _ => Verdict::NeedsInvitation,
        };
        assert_eq!(verdict, expected, "{delivery}");
        assert_eq!(
            codes.contains(&Code::MailDelivered),
            delivery != Sent,
            "{delivery}"
        );
        let said = explain(&known)
            .findings
            .iter()
            .any(|finding| finding.message.contains("550 no such user"));
        assert_eq!(
            said,
            matches!(
                delivery,
                Deferred | DeliveryState::Failed | DeliveryState::Bounced
            ),
            "{delivery}"
        );
    }
}

#[test]
fn i18_failed_attempts_and_an_address_that_waits_to_be_confirmed() {
    let mut access = access(PortalStatus::Active);
    for (gate, verdict, codes) in [
        (Gate::Open, Verdict::CanSignIn, vec![]),
        (Gate::Wait(60), Verdict::CanSignIn, vec![Code::SignInOpen]),
        (Gate::Shut, Verdict::Cannot, vec![Code::SignInOpen]),
    ] {
        assert_eq!(
            against(&Known {
                gate,
                ..known(&access)
            }),
            (verdict, codes)
        );
    }
    access.person.email_canonical = Some("ada@birch.example".into());
    assert_eq!(
        against(&known(&access)),
        (Verdict::CanSignIn, vec![Code::EmailConfirmed])
    );
}

#[test]
fn i18_codes_stand_in_the_order_in_which_they_decide_and_each_once() {
    for &status in PortalStatus::ALL {
        let access = access(status);
        let codes: Vec<Code> = explain(&known(&access))
            .findings
            .iter()
            .map(|finding| finding.code)
            .collect();
        let places = codes
            .iter()
            .map(|code| Code::ALL.iter().position(|known| known == code));
        let places: Vec<_> = places.collect();
        assert!(
            places.is_sorted() && places.windows(2).all(|pair| pair[0] != pair[1]),
            "{codes:?}"
        );
    }
}
