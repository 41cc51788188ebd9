//! Every act in every status.

use chrono::TimeDelta;
use usher_events::InvitationFact;
use usher_types::{EmailState, IneligibleReason as Reason, InvitationId, PortalStatus};

use super::*;

/// Whichever of both tables decides, the other agrees: no eligible act is impossible, and none that is impossible is eligible.
#[test]
fn i21_every_act_in_every_status() {
    use Refused::{Impossible, Ineligible};
    type Making = fn(&Access) -> Act;
    type Expected = [Result<PortalStatus, Refused>; 5];
    let barred = [Ok(Waiting), Ok(Waiting), Ok(Waiting), Ok(Accepted), Ok(Active)];
    let table: [(&str, Making, Expected); 16] = [
        (
            "send",
            |_| Act::Send(offer()),
            [
                Ok(Invited),
                Err(Ineligible(Reason::AlreadyInvited)),
                Err(Ineligible(Reason::AlreadyInvited)),
                Err(Ineligible(Reason::AlreadyActivated)),
                Err(Ineligible(Reason::AlreadyActivated)),
            ],
        ),
        (
            "resend",
            |_| Act::Resend(offer()),
            [
                Ok(Invited),
                Ok(Invited),
                Ok(Invited),
                Err(Ineligible(Reason::AlreadyActivated)),
                Err(Ineligible(Reason::AlreadyActivated)),
            ],
        ),
        (
            "readdress",
            |_| Act::Readdress(offer()),
            [
                Err(Impossible),
                Ok(Invited),
                Ok(Invited),
                Err(Ineligible(Reason::AlreadyActivated)),
                Err(Ineligible(Reason::AlreadyActivated)),
            ],
        ),
        (
            "cancel",
            |_| Act::Cancel,
            [
                Err(Ineligible(Reason::NotInvited)),
                Ok(Waiting),
                Ok(Waiting),
                Err(Ineligible(Reason::AlreadyActivated)),
                Err(Ineligible(Reason::AlreadyActivated)),
            ],
        ),
        (
            "expire",
            |_| Act::Expire,
            [
                Err(Impossible),
                Err(Impossible),
                Ok(Expired),
                Err(Impossible),
                Err(Impossible),
            ],
        ),
        (
            "accept",
            |access| Act::Accept(access.invitation.unwrap_or_else(|| InvitationId::new(noon()))),
            [
                Err(Impossible),
                Ok(Accepted),
                Err(Impossible),
                Err(Impossible),
                Err(Impossible),
            ],
        ),
        (
            "decline",
            |access| Act::Decline(access.invitation.unwrap_or_else(|| InvitationId::new(noon()))),
            [
                Err(Impossible),
                Ok(Waiting),
                Ok(Waiting),
                Err(Impossible),
                Err(Impossible),
            ],
        ),
        (
            "sign in",
            |_| Act::SignIn,
            [
                Err(Impossible),
                Err(Impossible),
                Err(Impossible),
                Ok(Active),
                Ok(Active),
            ],
        ),
        (
            "hear nothing that matters",
            |_| Act::Hear(vec![changed(|person| person.first_name = "Augusta".into())]),
            STATUSES.map(Ok),
        ),
        // a link to the new address is another act
        (
            "hear of another address",
            |_| Act::Hear(vec![changed(elsewhere)]),
            STATUSES.map(Ok),
        ),
        (
            "made inactive",
            |_| Act::Hear(vec![changed(|person| person.active = false)]),
            barred,
        ),
        (
            "made LEAD",
            |_| Act::Hear(vec![changed(|person| person.role = ContactRole::Lead)]),
            barred,
        ),
        (
            "login off everywhere",
            |_| Act::Hear(vec![changed(|person| person.links = 2)]),
            barred,
        ),
        (
            "login on",
            |_| {
                Act::Hear(vec![changed(|person| {
                    (person.links, person.links_with_login) = (2, 1)
                })])
            },
            STATUSES.map(Ok),
        ),
        (
            "address removed",
            |_| Act::Hear(vec![changed(|person| person.email = None)]),
            barred,
        ),
        ("erased", |_| Act::Hear(vec![changed(erase)]), barred),
    ];
    for (name, act, expected) in table {
        for (status, expected) in STATUSES.into_iter().zip(expected) {
            let before = access(status);
            let act = act(&before);
            let came_to = transition(before, act, noon()).map(|(after, _)| after.status_at(noon()));
            assert_eq!(came_to, expected, "{name} from {status}");
        }
    }
}

#[test]
fn i21_a_further_link_has_a_full_new_life_and_replaces_the_one_before() {
    for status in [Waiting, Invited, Expired] {
        let before = access(status);
        let offer = offer();
        let (after, effects) = transition(before.clone(), Act::Resend(offer.clone()), noon()).unwrap();
        assert_eq!(after.version, before.version.next());
        assert_eq!(after.generation, before.generation + 1);
        assert_eq!(after.invitation, Some(offer.invitation));
        assert_eq!(after.expires_at, Some(offer.expires_at));
        assert_eq!(
            (
                after.invited_at,
                after.invited_by.as_deref(),
                after.address.as_deref()
            ),
            (Some(noon()), Some("Grace"), Some("ada@example.com"))
        );
        let fact = match before.invitation {
            None => InvitationFact::Issued,
            Some(_) => InvitationFact::Resent,
        };
        let expected = Effects {
            letter: Some(offer.invitation),
            ended: before
                .invitation
                .and_then(|before| ended(before, InvitationState::Superseded)),
            announced: Some((fact, offer.invitation)),
            ..Effects::default()
        };
        assert_eq!(effects, expected, "{status}");
    }
}

#[test]
fn i21_cancelling_and_every_cause_end_an_open_invitation_and_keep_its_history() {
    let causes = CAUSES.map(|(name, change)| (name, Act::Hear(vec![changed(change)])));
    let acts = std::iter::once(("cancel", Act::Cancel)).chain(causes);
    for (cause, act) in acts {
        for status in [Invited, Expired] {
            let before = access(status);
            let invitation = before.invitation.unwrap();
            let (after, effects) = transition(before.clone(), act.clone(), noon()).unwrap();
            let expected = Effects {
                ended: ended(invitation, InvitationState::Cancelled),
                buries: true,
                announced: Some((InvitationFact::Cancelled, invitation)),
                ..Effects::default()
            };
            assert_eq!(effects, expected, "{cause} {status}");
            assert_eq!((after.status, after.version), (Waiting, before.version.next()));
            assert_eq!(
                (after.invitation, after.expires_at, after.address),
                (None, None, None)
            );
            assert_eq!(after.invited_at, Some(noon()));
            assert_eq!(after.invited_by.as_deref(), Some("Grace"));
        }
    }
}

#[test]
fn i7_only_the_newest_link_of_somebody_who_may_enter_can_be_accepted() {
    let other = Act::Accept(InvitationId::new(noon()));
    assert_eq!(
        transition(access(Invited), other, noon()),
        Err(Refused::Impossible)
    );
    for (cause, change) in CAUSES {
        let mut barred = access(Invited);
        let invitation = barred.invitation.unwrap();
        barred.learn(changed(change));
        let accepted = transition(barred, Act::Accept(invitation), noon());
        assert_eq!(accepted, Err(Refused::Impossible), "{cause}");
    }
}

#[test]
fn i1_the_first_sign_in_makes_active() {
    let (active, effects) = transition(access(Accepted), Act::SignIn, noon()).unwrap();
    assert!(effects.first_sign_in);
    assert_eq!(active.status, Active);
    let later = noon() + TimeDelta::hours(1);
    let (active, effects) = transition(active, Act::SignIn, later).unwrap();
    assert!(!effects.first_sign_in);
    assert_eq!(active.first_signed_in_at, Some(noon()));
    assert_eq!(active.last_signed_in_at, Some(later));
}

#[test]
fn i3_the_address_s_own_state_counts() {
    let table = [
        (EmailState::Valid, None),
        (EmailState::Bounced, Some(Reason::EmailBounced)),
        (EmailState::Suppressed, Some(Reason::EmailSuppressed)),
    ];
    for (address, expected) in table {
        let sent = transition(access(Waiting), Act::Send(Offer { address, ..offer() }), noon());
        assert_eq!(sent.err(), expected.map(Refused::Ineligible), "{address}");
    }
}

#[test]
fn i8_declining_ends_as_cancelling_does_and_says_why() {
    for status in [Invited, Expired] {
        let before = access(status);
        let invitation = before.invitation.unwrap();
        let (by_decline, declined) = transition(before.clone(), Act::Decline(invitation), noon()).unwrap();
        let (by_cancel, cancelled) = transition(before.clone(), Act::Cancel, noon()).unwrap();
        assert_eq!(by_decline, by_cancel);
        assert_eq!(declined.ended, ended(invitation, InvitationState::Declined));
        assert_eq!(declined.announced, Some((InvitationFact::Declined, invitation)));
        assert!(declined.buries && cancelled.buries);
        // an older link was superseded
        let older = InvitationId::new(noon());
        assert_eq!(
            transition(before, Act::Decline(older), noon()),
            Err(Refused::Impossible)
        );
    }
}
