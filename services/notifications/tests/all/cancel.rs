//! Invitations that end (I21).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use usher_events::{Letter, MessageOutcome};
use usher_notifications::sender::Pace;
use usher_testkit::TestDatabase;
use usher_testkit::mail::{Answer, At, Rule};

use crate::bench::{Bench, pace};

/// Sends the letter, whose invitation ends while the server has not yet heard for whom it is.
async fn send_while_withdrawing(bench: &Bench, letter: &Letter, pace: Pace) {
    let permits = Arc::new(Semaphore::new(0));
    bench
        .server
        .rule(Rule::new(At::Sender, Answer::TakeAndWait(Arc::clone(&permits))));
    let sender = bench.sender_to(bench.smtp(pace.dialogue), pace);
    let running = tokio::spawn(async move { sender.drain().await });
    bench.server.until(|seen| seen.connections == 1).await;
    bench.withdraw(letter).await;
    assert_eq!(bench.row(letter).await, ("SENDING".to_owned(), 0, false));
    permits.add_permits(1);
    running.await.unwrap().unwrap();
}

usher_testkit::dialects! {
    /// What waits is cancelled, what is sent stays.
    async fn i21_withdrawing_cancels_what_waits(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let sent = bench.letter("sent@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&sent)).await;
        bench.sender().drain().await.unwrap();
        let deferred = bench.letter("later@example.com");
        bench.server.rule(Rule::reply(At::Recipient, "450 later").times(1));
        bench.deliver(&bench.mailing(), std::slice::from_ref(&deferred)).await;
        bench.sender().drain().await.unwrap();
        let queued = bench.letter("queued@example.com");
        let member = bench.seal(Letter { contact_id: None, ..bench.letter("member@example.com") });
        for letter in [&queued, &member] {
            bench.deliver(&bench.mailing(), std::slice::from_ref(letter)).await;
        }
        for letter in [&sent, &deferred, &queued, &member] {
            bench.withdraw(letter).await;
        }
        assert_eq!(bench.row(&sent).await, ("SENT".to_owned(), 1, false));
        assert_eq!(bench.row(&deferred).await, ("CANCELLED".to_owned(), 1, false));
        assert_eq!(bench.row(&queued).await, ("CANCELLED".to_owned(), 0, false));
        assert_eq!(bench.row(&member).await, ("CANCELLED".to_owned(), 0, false));
        bench.clock.advance(chrono::TimeDelta::hours(1));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 1);
        let cancelled: Vec<_> = bench
            .messages()
            .await
            .into_iter()
            .filter(|event| event.outcome == MessageOutcome::Cancelled)
            .map(|event| (event.message_id, event.attempts))
            .collect();
        assert_eq!(cancelled, [(deferred.message_id, 1), (queued.message_id, 0), (member.message_id, 0)]);
    }

    /// An address that is not the contact's gets no more mail; that is said once, and a bounce does not take it back.
    async fn n6_a_suppressed_address_is_announced_once(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        let command = usher_events::Suppress {
            organization_id: bench.organization,
            email_canonical: letter.email_canonical.clone(),
            contact_id: letter.contact_id,
            invitation_id: letter.invitation_id,
            reason: usher_events::SuppressionReason::Declined,
        };
        // one mail to it is on its way meanwhile
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        let permits = Arc::new(Semaphore::new(0));
        bench.server.rule(Rule::new(At::Sender, Answer::TakeAndWait(Arc::clone(&permits))));
        bench.server.rule(Rule::reply(At::Recipient, "550 5.1.1 no such user").times(1));
        let sender = bench.sender_to(bench.smtp(pace().dialogue), pace());
        let running = tokio::spawn(async move { sender.drain().await });
        bench.server.until(|seen| seen.connections == 1).await;
        for _ in 0..2 {
            let now = usher_types::Clock::now(bench.clock.as_ref());
            bench.urgent(&[usher_events::Envelope::command("invitations", now, &command)]).await;
        }
        permits.add_permits(1);
        running.await.unwrap().unwrap();
        let states: Vec<_> = bench.addresses().await.into_iter().map(|event| (event.state, event.contact_id)).collect();
        assert_eq!(states, [(usher_types::EmailState::Suppressed, letter.contact_id)]);
        assert_eq!(bench.count("SELECT count(*) FROM suppression WHERE reason = 'DECLINED'").await, 1);
    }

    /// Whatever was to go there stays, of this organization alone: what waits, what is deferred, what comes later.
    async fn n6_i8_nothing_is_sent_to_a_suppressed_address(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let deferred = bench.letter("Ada@example.com");
        bench.server.rule(Rule::reply(At::Recipient, "450 later").times(1));
        bench.deliver(&bench.mailing(), std::slice::from_ref(&deferred)).await;
        bench.sender().drain().await.unwrap();
        let waiting = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&waiting)).await;
        let suppress = |organization_id| usher_events::Suppress {
            organization_id,
            email_canonical: "ada@example.com".into(),
            contact_id: None,
            invitation_id: waiting.invitation_id,
            reason: usher_events::SuppressionReason::Declined,
        };
        let now = usher_types::Clock::now(bench.clock.as_ref());
        bench.urgent(&[usher_events::Envelope::command("invitations", now, &suppress(bench.organization))]).await;
        let later = bench.letter("ada@example.com");
        let other = bench.letter("ida@example.com");
        bench.deliver(&bench.mailing(), &[later.clone(), other.clone()]).await;
        bench.clock.advance(chrono::TimeDelta::hours(1));
        bench.sender().drain().await.unwrap();
        for (letter, attempts) in [(&deferred, 1), (&waiting, 0), (&later, 0)] {
            assert_eq!(bench.row(letter).await, ("SUPPRESSED".to_owned(), attempts, false));
        }
        assert_eq!(bench.row(&other).await.0, "SENT");
        assert_eq!(bench.server.mails().len(), 1);
        let suppressed = bench.messages().await.into_iter().filter(|event| event.outcome == MessageOutcome::Suppressed);
        let mut suppressed: Vec<_> = suppressed.map(|event| (event.message_id, event.error)).collect();
        suppressed.sort();
        let reason = Some("the address gets no more mail".to_owned());
        let mut expected = [&deferred, &waiting, &later].map(|letter| (letter.message_id, reason.clone()));
        expected.sort();
        assert_eq!(suppressed, expected);
    }

    /// A reminder that waits is taken back with its invitation, whose own mail has gone out long ago.
    async fn i16_a_reminder_is_taken_back_with_its_invitation(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let first = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&first)).await;
        bench.sender().drain().await.unwrap();
        let message_id = usher_types::MessageId::new(usher_types::Clock::now(bench.clock.as_ref()));
        let reminder = bench.seal(Letter { message_id, ..first.clone() });
        bench.deliver(&bench.mailing(), std::slice::from_ref(&reminder)).await;
        assert_eq!(bench.row(&reminder).await, ("QUEUED".to_owned(), 0, true));
        bench.withdraw(&first).await;
        assert_eq!(bench.row(&first).await, ("SENT".to_owned(), 1, false));
        assert_eq!(bench.row(&reminder).await, ("CANCELLED".to_owned(), 0, false));
    }

    /// A letter that comes after its invitation was withdrawn is born CANCELLED.
    async fn i21_a_late_letter_is_born_cancelled(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.withdraw(&letter).await;
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        assert_eq!(bench.row(&letter).await, ("CANCELLED".to_owned(), 0, false));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails(), []);
        let events = bench.messages().await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].outcome, MessageOutcome::Cancelled);
    }

    /// Both at once: whoever commits last, the claim finds the mark.
    async fn i21_a_letter_stored_beside_its_withdrawal_is_not_sent(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        // As if the withdrawal had not seen the letter.
        bench.run(&format!(
            "INSERT INTO tombstone (organization_id, invitation_id, created_at) SELECT organization_id, invitation_id, created_at \
             FROM message WHERE recipient = '{}'", letter.email
        )).await;
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("CANCELLED".to_owned(), 0, false));
        assert_eq!(bench.server.mails(), []);
        assert_eq!(bench.messages().await.len(), 1);
    }

    /// Claimed long ago, as behind a slow server: it is looked at again before it is handed over.
    async fn i21_a_letter_that_has_waited_for_its_turn_is_not_handed_over(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        let suspicious = Pace { fresh: Duration::ZERO, ..pace() };
        send_while_withdrawing(&bench, &letter, suspicious).await;
        assert_eq!(bench.row(&letter).await, ("CANCELLED".to_owned(), 0, false));
        assert_eq!(bench.server.mails(), []);
        let outcomes: Vec<_> = bench.messages().await.iter().map(|event| (event.outcome, event.attempts)).collect();
        assert_eq!(outcomes, [(MessageOutcome::Cancelled, 0)]);
    }

    /// Under way when its invitation ends: the seal goes at once, and what the server puts off is over, not tried again.
    async fn i21_a_letter_under_way_is_cancelled_when_it_is_put_off(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        bench.server.rule(Rule::reply(At::Recipient, "450 later"));
        send_while_withdrawing(&bench, &letter, pace()).await;
        assert_eq!(bench.row(&letter).await, ("CANCELLED".to_owned(), 1, false));
        let outcomes: Vec<_> = bench.messages().await.iter().map(|event| (event.outcome, event.attempts)).collect();
        assert_eq!(outcomes, [(MessageOutcome::Cancelled, 1)]);
        bench.server.be_kind();
        bench.clock.advance(chrono::TimeDelta::hours(1));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails(), []);
    }

    /// It may arrive, and is then told as sent: its link is dead.
    async fn i9_a_letter_under_way_loses_its_seal_when_its_invitation_ends(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        send_while_withdrawing(&bench, &letter, pace()).await;
        assert_eq!(bench.row(&letter).await, ("SENT".to_owned(), 1, false));
        assert_eq!(bench.server.mails().len(), 1);
    }

    /// Nobody sends what a dead or stopped process had claimed, if it was withdrawn meanwhile.
    async fn i21_a_letter_that_is_given_back_without_its_seal_is_cancelled(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        bench.server.rule(Rule::new(At::Recipient, Answer::Silence));
        let sender = bench.sender();
        let running = tokio::spawn(async move { sender.drain().await });
        bench.server.until(|seen| seen.recipients == 1).await;
        bench.withdraw(&letter).await;
        running.abort();
        running.await.unwrap_err();
        bench.server.be_kind();
        let sender = bench.sender();
        sender.take_over().await.unwrap();
        sender.drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("CANCELLED".to_owned(), 0, false));
        assert_eq!(bench.server.mails(), []);
    }

    /// A resend replaces what waits, in whichever order they come.
    async fn i6_an_older_generation_is_not_sent(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let first = bench.letter("ada@example.com");
        let second = bench.seal(Letter {
            contact_id: first.contact_id,
            generation: 2,
            ..bench.letter("ada@new.example")
        });
        let third = bench.seal(Letter {
            contact_id: first.contact_id,
            generation: 3,
            ..bench.letter("ada@newest.example")
        });
        bench.deliver(&bench.mailing(), std::slice::from_ref(&first)).await;
        bench.deliver(&bench.mailing(), std::slice::from_ref(&third)).await;
        bench.deliver(&bench.mailing(), std::slice::from_ref(&second)).await;
        assert_eq!(bench.row(&first).await, ("CANCELLED".to_owned(), 0, false));
        assert_eq!(bench.row(&second).await, ("CANCELLED".to_owned(), 0, false));
        bench.sender().drain().await.unwrap();
        let recipients: Vec<_> = bench.server.mails().into_iter().map(|mail| mail.to).collect();
        assert_eq!(recipients, ["ada@newest.example"]);
    }
}
