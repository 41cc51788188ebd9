//! What news of the contact comes to.

use super::*;

#[test]
fn i21_accepted_and_active_keep_their_status_and_are_signed_out() {
    let out = Effects {
        sign_out: true,
        ..Effects::default()
    };
    for (cause, change) in CAUSES {
        for status in [Accepted, Active] {
            let before = access(status);
            let (after, effects) =
                transition(before.clone(), Act::Hear(vec![changed(change)]), noon()).unwrap();
            assert_eq!(effects, out, "{cause} {status}");
            assert_eq!((after.status, after.version), (status, before.version));
            assert!(!after.person.may_enter());
            assert_eq!(transition(after, Act::SignIn, noon()), Err(Refused::Impossible));
        }
        let heard = transition(access(Waiting), Act::Hear(vec![changed(change)]), noon()).unwrap();
        assert_eq!(heard.1, Effects::default(), "{cause}");
    }
}

#[test]
fn i21_access_returns_with_its_cause() {
    let out = after(
        access(Active),
        Act::Hear(vec![changed(|person| person.active = false)]),
    );
    let mut back = person();
    back.version = Version::FIRST.next().next();
    let (access, effects) = transition(out, Act::Hear(vec![back]), noon()).unwrap();
    assert_eq!(effects, Effects::default());
    assert!(access.person.may_enter());
    assert_eq!(after(access, Act::SignIn).status, Active);
}

#[test]
fn i6_another_address_asks_for_a_new_invitation_while_one_is_out() {
    for status in [Invited, Expired] {
        let before = access(status);
        let invitation = before.invitation.unwrap();
        let (heard, effects) = transition(before, Act::Hear(vec![changed(elsewhere)]), noon()).unwrap();
        assert!(effects.elsewhere, "{status}");
        assert_eq!(heard.invitation, Some(invitation));
        let offer = offer();
        let (moved, effects) = transition(heard, Act::Readdress(offer.clone()), noon()).unwrap();
        assert_eq!(effects.letter, Some(offer.invitation));
        assert_eq!(effects.ended, ended(invitation, InvitationState::Cancelled));
        assert!(effects.buries);
        assert_eq!(moved.address.as_deref(), Some("ada@birch.example"));
    }
    for status in [Waiting, Accepted, Active] {
        let before = access(status);
        let (heard, effects) =
            transition(before.clone(), Act::Hear(vec![changed(elsewhere)]), noon()).unwrap();
        let expected = Effects {
            confirms: status != Waiting,
            tells: status != Waiting,
            ..Effects::default()
        };
        assert_eq!(effects, expected, "{status}");
        // the address that signs in stays until the new one is confirmed
        assert_eq!(heard.address, before.address);
    }
}

#[test]
fn i6_only_the_address_that_waits_can_be_confirmed() {
    let address = || Act::Confirm("ada@birch.example".into());
    for status in [Waiting, Invited, Expired] {
        let heard = after(access(status), Act::Hear(vec![changed(elsewhere)]));
        assert_eq!(heard.unconfirmed(), None, "{status}");
        assert_eq!(transition(heard, address(), noon()), Err(Refused::Impossible));
    }
    for status in [Accepted, Active] {
        let heard = after(access(status), Act::Hear(vec![changed(elsewhere)]));
        assert_eq!(heard.unconfirmed(), Some("ada@birch.example"));
        let other = Act::Confirm("ada@example.com".into());
        assert_eq!(transition(heard.clone(), other, noon()), Err(Refused::Impossible));
        let confirmed = after(heard, address());
        assert_eq!(
            (confirmed.address.as_deref(), confirmed.status),
            (Some("ada@birch.example"), status)
        );
        assert_eq!(confirmed.unconfirmed(), None);
        assert_eq!(transition(confirmed, address(), noon()), Err(Refused::Impossible));
    }
}

#[test]
fn i6_what_waits_to_be_confirmed_dies_with_the_next_address_and_with_every_cause() {
    let heard = after(access(Active), Act::Hear(vec![changed(elsewhere)]));
    let next = |change: fn(&mut Person)| {
        let mut person = changed(elsewhere);
        person.version = person.version.next();
        change(&mut person);
        let (access, effects) = transition(heard.clone(), Act::Hear(vec![person]), noon()).unwrap();
        (effects.confirms, access.unconfirmed().map(str::to_owned))
    };
    assert_eq!(
        next(|person| person.first_name = "Augusta".into()),
        (false, Some("ada@birch.example".into()))
    );
    assert_eq!(
        next(|person| person.email_canonical = Some("ada@cedar.example".into())),
        (true, Some("ada@cedar.example".into()))
    );
    assert_eq!(
        next(|person| person.email_canonical = Some("ada@example.com".into())),
        (true, None)
    );
    assert_eq!(next(|person| person.email_duplicate = true), (true, None));
    for (cause, change) in CAUSES {
        assert_eq!(next(change), (true, None), "{cause}");
    }
}

#[test]
fn i6_the_address_that_signs_in_is_told_of_every_other_whatever_that_is_worth() {
    let malformed: fn(&mut Person) = |person| {
        person.email = Some("ada at birch".into());
        person.email_canonical = None;
    };
    let shared: fn(&mut Person) = |person| {
        elsewhere(person);
        person.email_duplicate = true;
    };
    let barred: fn(&mut Person) = |person| {
        elsewhere(person);
        person.active = false;
    };
    for change in [malformed, shared, barred] {
        let (_, effects) = transition(access(Active), Act::Hear(vec![changed(change)]), noon()).unwrap();
        assert!(effects.tells);
        let (_, effects) = transition(access(Waiting), Act::Hear(vec![changed(change)]), noon()).unwrap();
        assert!(!effects.tells);
    }
    let heard = after(access(Active), Act::Hear(vec![changed(elsewhere)]));
    let next = |change: fn(&mut Person)| {
        let mut person = changed(elsewhere);
        person.version = person.version.next();
        change(&mut person);
        let (_, effects) = transition(heard.clone(), Act::Hear(vec![person]), noon()).unwrap();
        effects.tells
    };
    assert!(!next(|person| person.first_name = "Augusta".into()));
    assert!(!next(|person| person.email = None));
    let third: fn(&mut Person) = |person| {
        person.email = Some("ada@cedar.example".into());
        person.email_canonical = Some("ada@cedar.example".into());
    };
    assert!(next(third));
    let back: fn(&mut Person) = |person| {
        person.email = Some("ada@example.com".into());
        person.email_canonical = Some("ada@example.com".into());
    };
    assert!(!next(back));
}

#[test]
fn i6_the_same_address_written_otherwise_asks_for_nothing() {
    let typed = changed(|person| person.email = Some("ADA@EXAMPLE.COM".into()));
    let (_, effects) = transition(access(Invited), Act::Hear(vec![typed]), noon()).unwrap();
    assert_eq!(effects, Effects::default());
}

#[test]
fn i6_a_new_address_that_takes_no_mail_ends_the_invitation() {
    let malformed: fn(&mut Person) = |person| {
        person.email = Some("ada at birch".into());
        person.email_canonical = None;
        person.email_state = EmailState::Invalid;
    };
    let shared: fn(&mut Person) = |person| {
        elsewhere(person);
        person.email_duplicate = true;
    };
    for change in [malformed, shared] {
        let before = access(Invited);
        let invitation = before.invitation.unwrap();
        let (heard, effects) = transition(before, Act::Hear(vec![changed(change)]), noon()).unwrap();
        assert_eq!(effects.ended, ended(invitation, InvitationState::Cancelled));
        assert!(effects.buries);
        assert_eq!(heard.status, Waiting);
    }
}

#[test]
fn e2_an_older_version_of_the_contact_changes_nothing() {
    let before = access(Invited);
    let mut old = person();
    old.active = false;
    let heard = transition(before.clone(), Act::Hear(vec![old]), noon()).unwrap();
    assert_eq!(heard, (before, Effects::default()));
}

#[test]
fn i6_a_change_that_is_taken_back_before_it_was_acted_on_asks_for_nothing() {
    let mut back = person();
    back.version = Version::FIRST.next().next();
    let news = vec![changed(elsewhere), back];
    let (_, effects) = transition(access(Invited), Act::Hear(news), noon()).unwrap();
    assert_eq!(effects, Effects::default());
}

#[test]
fn i21_what_has_ended_stays_ended_whatever_comes_after() {
    let before = access(Invited);
    let invitation = before.invitation.unwrap();
    let mut back = person();
    back.version = Version::FIRST.next().next();
    let news = vec![changed(|person| person.active = false), back];
    let (heard, effects) = transition(before, Act::Hear(news), noon()).unwrap();
    assert_eq!(effects.ended, ended(invitation, InvitationState::Cancelled));
    assert!(effects.buries);
    assert_eq!(heard.status, Waiting);
}

/// A batch may have learned of the new address before the news comes.
#[test]
fn i6_a_resend_to_another_address_kills_the_old_link_as_the_news_would() {
    let mut access = access(Invited);
    let invitation = access.invitation.unwrap();
    access.learn(changed(elsewhere));
    let (moved, effects) = transition(access, Act::Resend(offer()), noon()).unwrap();
    assert_eq!(effects.ended, ended(invitation, InvitationState::Cancelled));
    assert!(effects.buries);
    assert_eq!(moved.address.as_deref(), Some("ada@birch.example"));
}
