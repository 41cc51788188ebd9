//! Real concurrency, on both databases.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures::future::join_all;
use usher_events::{CancelMessages, InvitationFact, MailKind, MessageOutcome};
use usher_proto::invitations::v1::{ImpersonateContactRequest, StartBatchRequest};
use usher_testkit::dialects;

use crate::stage::{PASSWORD, Stage, codes, figures, request};

dialects! {
    async fn i7_two_accepting_make_one_account(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        let passwords: Vec<String> = (0..8).map(|number| format!("kestrel orchid lantern {number}")).collect();
        let replies = join_all(passwords.iter().map(|password| stage.accept(&token, password))).await;
        let winners: Vec<usize> = (0..8).filter(|&index| replies[index].accepted).collect();
        assert_eq!(winners.len(), 1);
        for (index, reply) in replies.iter().enumerate() {
            if index != winners[0] {
                assert_eq!(codes(&reply.refusals), ["LINK_INVALID"]);
            }
        }
        assert_eq!(stage.number("SELECT count(*) FROM credential WHERE kind = 'CONTACT'").await, 1);
        stage.signed_in(ada.email.as_deref().unwrap(), &passwords[winners[0]]).await;
        let accepted = stage.facts_of(&ada).await.iter().filter(|event| event.fact == InvitationFact::Accepted).count();
        assert_eq!(accepted, 1);
    }

    async fn i7_of_cancel_and_accept_the_first_wins(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for _ in 0..6 {
            let ada = stage.clients(1).remove(0);
            stage.act("SEND", &[&ada]).await;
            let token = stage.token_of(&ada).await;
            let (accepted, cancelled) =
                tokio::join!(stage.accept(&token, PASSWORD), stage.start(request("CANCEL", &[&ada])));
            let cancelled_it = cancelled.batch.is_some();
            assert_ne!(accepted.accepted, cancelled_it);
            if cancelled_it {
                assert_eq!(codes(&accepted.refusals), ["LINK_INVALID"]);
            } else {
                assert_eq!(codes(&cancelled.refusals), ["NOBODY_ELIGIBLE"]);
            }
            let last = stage.facts_of(&ada).await.pop().unwrap().fact;
            let expected = if cancelled_it { InvitationFact::Cancelled } else { InvitationFact::Accepted };
            assert_eq!(last, expected);
        }
    }

    async fn i6_of_resend_and_accept_the_first_wins(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for _ in 0..6 {
            let ada = stage.clients(1).remove(0);
            stage.act("SEND", &[&ada]).await;
            let token = stage.token_of(&ada).await;
            let (accepted, resent) =
                tokio::join!(stage.accept(&token, PASSWORD), stage.start(request("RESEND", &[&ada])));
            assert_ne!(accepted.accepted, resent.batch.is_some());
            let newest = stage.token_of(&ada).await;
            let email = ada.email.as_deref().unwrap();
            if accepted.accepted {
                assert_eq!(codes(&resent.refusals), ["NOBODY_ELIGIBLE"]);
                assert_eq!(newest, token);
                stage.signed_in(email, PASSWORD).await;
            } else {
                assert_eq!(codes(&accepted.refusals), ["LINK_SUPERSEDED"]);
                assert_eq!(stage.landing(&newest).await.state, "OPEN");
                assert_eq!(codes(&stage.sign_in(email, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
            }
        }
    }

    /// Whoever accepted first keeps the address that signs in until the new one is confirmed; else the link is dead.
    async fn i6_of_another_address_and_accept_the_first_wins(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for round in 0..6 {
            let mut ada = stage.clients(1).remove(0);
            let old = ada.email.clone().unwrap();
            let new = format!("ada{round}@birch.example");
            stage.act("SEND", &[&ada]).await;
            let token = stage.token_of(&ada).await;
            (ada.email, ada.email_canonical) = (Some(new.clone()), Some(new.clone()));
            let (accepted, ()) = tokio::join!(stage.accept(&token, PASSWORD), stage.tell(&mut ada));
            let (letter, _) = stage.letters().await.pop().unwrap();
            let to_confirm = stage.letters_of(MailKind::EmailChange).await;
            let asked = to_confirm.iter().any(|(letter, _)| letter.email == new);
            assert_eq!(asked, accepted.accepted);
            if accepted.accepted {
                assert_eq!((letter.email, letter.generation), (old.clone(), 1));
                stage.signed_in(&old, PASSWORD).await;
            } else {
                assert_eq!(codes(&accepted.refusals), ["LINK_INVALID"]);
                assert_eq!((letter.email, letter.generation), (new, 2));
                assert_eq!(codes(&stage.sign_in(&old, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
            }
        }
    }

    /// Hashing takes a while, and what happens meanwhile counts.
    async fn i7_what_happens_while_the_password_is_hashed_counts(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(3);
        stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let mut tokens = Vec::new();
        for contact in &people {
            tokens.push(stage.token_of(contact).await);
        }
        let choose = |index: usize| (tokens[index].as_str(), PASSWORD);
        let refused = |code: &str| Err(vec![code.to_owned()]);

        let off = stage.workshop.accept_while(choose(0), stage.portal(false)).await;
        assert_eq!(off, refused("LINK_INVALID"));
        stage.portal(true).await;
        let superseded = stage.workshop.accept_while(choose(0), stage.act("RESEND", &[&people[0]])).await;
        assert_eq!(superseded, refused("LINK_SUPERSEDED"));
        let cancelled = stage.workshop.accept_while(choose(1), stage.act("CANCEL", &[&people[1]])).await;
        assert_eq!(cancelled, refused("LINK_INVALID"));
        let life = async { stage.advance(TimeDelta::days(7)) };
        let expired = stage.workshop.accept_while(choose(2), life).await;
        assert_eq!(expired, refused("LINK_EXPIRED"));
        assert_eq!(stage.number("SELECT count(*) FROM credential WHERE kind = 'CONTACT'").await, 0);
    }

    /// A mail that went out while the password was hashed is not taken back; one that still waits is.
    async fn i21_accepting_takes_back_the_mail_that_has_not_gone_out(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(2);
        stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let letters = stage.letters().await;
        let gone = [letters[0].0.clone()];
        let sent = stage.mails(&gone, MessageOutcome::Sent);
        stage.workshop.accept_while((&letters[0].1, PASSWORD), sent).await.unwrap();
        stage.workshop.accept_while((&letters[1].1, PASSWORD), std::future::ready(())).await.unwrap();
        let spoken = stage.spoken().await;
        let withdrawn: Vec<_> = spoken
            .iter()
            .filter(|envelope| envelope.kind == "usher.work.cancel_messages.v1")
            .flat_map(|envelope| envelope.decode::<CancelMessages>().unwrap().withdrawn)
            .map(|withdrawn| withdrawn.invitation_id)
            .collect();
        assert_eq!(withdrawn, [letters[1].0.invitation_id]);
        for (letter, _) in &letters {
            let person = people.iter().find(|person| Some(person.id) == letter.contact_id).unwrap();
            let facts = stage.facts_of(person).await;
            assert_eq!(facts.last().unwrap().fact, InvitationFact::Accepted);
            assert_eq!(facts[0].batch_id, facts.last().unwrap().batch_id);
        }
    }

    async fn i4_twenty_callers_with_one_key_get_one_batch(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(20);
        let all: Vec<_> = people.iter().collect();
        let keyed = || StartBatchRequest { idempotency_key: Some("once".into()), ..request("SEND", &all) };
        let replies = join_all((0..20).map(|_| stage.start(keyed()))).await;
        let ids: BTreeSet<Vec<u8>> = replies
            .into_iter()
            .map(|reply| reply.batch.unwrap_or_else(|| panic!("{:?}", reply.refusals)).id.to_vec())
            .collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(stage.letters().await.len(), 20);
        assert_eq!(stage.number("SELECT count(*) FROM batch").await, 1);
    }

    async fn i4_two_batches_over_the_same_people_send_one_mail_each(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(90);
        // overlapping, and in different orders
        let first: Vec<_> = people[..60].iter().collect();
        let second: Vec<_> = people[30..].iter().rev().collect();
        let (one, two) =
            tokio::join!(stage.start(request("SEND", &first)), stage.start(request("SEND", &second)));
        let (one, two) = (one.batch.unwrap(), two.batch.unwrap());
        assert_eq!(one.queued + two.queued, 90);
        let skipped: i64 = [&one, &two].iter().map(|batch| figures(batch)[0]).sum();
        assert_eq!(skipped, 30);
        for group in one.skipped.iter().chain(&two.skipped) {
            assert_eq!(group.reason, "ALREADY_INVITED");
        }
        let letters = stage.letters().await;
        let contacts: BTreeSet<_> = letters.iter().map(|(letter, _)| letter.contact_id).collect();
        assert_eq!((letters.len(), contacts.len()), (90, 90));
    }

    async fn i4_big_batches_at_once_send_one_mail_each(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(1_500);
        let everyone = || StartBatchRequest {
            action: "SEND".into(),
            selection: Some(crate::stage::everyone()),
            ..StartBatchRequest::default()
        };
        let (one, two) = (stage.start(everyone()).await.batch.unwrap(), stage.start(everyone()).await.batch.unwrap());
        // a lease is waited for in real time; here it is as if it had run out
        for _ in 0..10 {
            let (first, second) = tokio::join!(stage.workshop.work(), stage.workshop.work());
            first.unwrap();
            second.unwrap();
            stage.run("UPDATE batch SET leased_until = NULL", []).await;
        }
        let one = figures(&stage.batch(&one.id).await);
        let two = figures(&stage.batch(&two.id).await);
        assert_eq!((one[0] + two[0], one[1] + two[1]), (1_500, 1_500));
        let letters = stage.letters().await;
        let contacts: BTreeSet<_> = letters.iter().map(|(letter, _)| letter.contact_id).collect();
        assert_eq!((letters.len(), contacts.len()), (1_500, 1_500));
    }

    /// Whoever gets in, or sends, beside the switch is found by it.
    async fn i3_nobody_slips_through_while_the_portal_is_switched_off(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for _ in 0..4 {
            let clients = stage.clients(2);
            stage.let_in(&clients[0], true).await;
            let email = clients[0].email.clone().unwrap();
            let look = ImpersonateContactRequest { contact_id: usher_proto::bytes_of(clients[0].id), reason: "why".into(), device: None };
            let (_, sent, _, _) = tokio::join!(
                stage.portal(false),
                stage.start(request("SEND", &[&clients[1]])),
                stage.sign_in(&email, PASSWORD),
                async { stage.sessions().impersonate_contact(stage.admin.on(look)).await.unwrap() },
            );
            assert_eq!(stage.number("SELECT count(*) FROM session WHERE kind = 'CONTACT' AND ended_at IS NULL").await, 0);
            match sent.batch {
                Some(batch) => assert_eq!(stage.batch(&batch.id).await.state, "PAUSED"),
                None => assert_eq!(codes(&sent.refusals), ["PORTAL_DISABLED"]),
            }
            stage.portal(true).await;
        }
    }

    async fn i11_parallel_guesses_do_not_outrun_the_count(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let replies = join_all((0..30).map(|_| stage.sign_in(crate::stage::ADMIN, "a wrong password"))).await;
        let guessed = replies.iter().filter(|reply| codes(&reply.refusals) == ["BAD_CREDENTIALS"]).count();
        // five are free, and as many as there are turns at hashing can be under way
        assert!((5..=9).contains(&guessed), "{guessed} guesses");
    }
}
