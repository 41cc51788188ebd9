//! Letters come in, mails go out, events follow.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use usher_events::{Lane, MessageOutcome};
use usher_notifications::sender::Pace;
use usher_notifications::transport::{Capture, MailTransport, Memory};
use usher_testkit::TestDatabase;
use usher_testkit::mail::{Answer, At, Rule, captured_mails};
use usher_types::{Clock, ContactId, MessageId, OrganizationId};

use crate::bench::{Bench, fixed, pace};

/// Many connections, and so long queues.
fn wide() -> Pace {
    Pace {
        connections: 16,
        ..pace()
    }
}

usher_testkit::dialects! {
    /// The whole way of one letter.
    async fn n1_a_letter_becomes_a_row_a_mail_and_an_event(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        assert_eq!(bench.row(&letter).await, ("QUEUED".to_owned(), 0, true));
        assert_eq!(bench.server.mails(), []);

        bench.sender().drain().await.unwrap();

        let mails = bench.server.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!((mails[0].from.as_str(), mails[0].to.as_str()), ("portal@usher.example", "ada@example.com"));
        assert_eq!(bench.row(&letter).await, ("SENT".to_owned(), 1, false));
        let events = bench.messages().await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].outcome, MessageOutcome::Sent);
        assert_eq!(events[0].message_id, letter.message_id);
        assert_eq!(events[0].contact_id, letter.contact_id);
        assert_eq!(events[0].invitation_id, Some(letter.invitation_id));
        assert_eq!((events[0].attempts, events[0].error.clone()), (1, None));
        assert_eq!(events[0].at, bench.clock.now());
    }

    /// Redelivered commands and letters that come in two of them are stored once.
    async fn n2_one_mail_for_one_cause_whatever_is_redelivered(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (mailing, letters) = (bench.mailing(), bench.letters(30));
        let first = bench.envelope(&mailing, &letters);
        bench.deliver_slice(&[first.clone(), bench.envelope(&mailing, &letters[10..20])]).await;
        bench.deliver_slice(std::slice::from_ref(&first)).await;
        bench.sender().drain().await.unwrap();
        bench.deliver(&mailing, &letters).await;
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 30);
        assert_eq!(bench.messages().await.len(), 30);
    }

    /// Single invitations bring a mailing each: more of them than the sender keeps in mind go out all the same.
    async fn n1_many_sendings_of_one_letter(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letters = bench.letters(600);
        let slice: Vec<_> = letters.chunks(1).map(|letter| bench.envelope(&bench.mailing(), letter)).collect();
        bench.deliver_slice(&slice).await;
        bench.sender_to(bench.smtp(wide().dialogue), wide()).drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 600);
        assert_eq!(bench.count("SELECT count(*) FROM message WHERE state = 'SENT'").await, 600);
    }

    /// A slice of many commands is stored and sent in full.
    async fn n1_a_slice_of_many_letters(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = bench.mailing();
        let letters = bench.letters(2500);
        let slice: Vec<_> = letters.chunks(200).map(|chunk| bench.envelope(&mailing, chunk)).collect();
        bench.deliver_slice(&slice).await;
        bench.sender().drain().await.unwrap();
        let mut recipients: Vec<_> = bench.server.mails().into_iter().map(|mail| mail.to).collect();
        recipients.sort();
        let mut expected: Vec<_> = letters.iter().map(|letter| letter.email.clone()).collect();
        expected.sort();
        assert_eq!(recipients, expected);
        assert_eq!(bench.server.seen().connections, crate::bench::CONNECTIONS);
        assert_eq!(bench.count("SELECT count(*) FROM message WHERE state = 'SENT' AND sealed_token IS NULL").await, 2500);
        assert_eq!(bench.messages().await.len(), 2500);
    }

    /// One letter is somebody's click and goes before a mass that came earlier; its event keeps the lane.
    async fn n1_interactive_goes_before_bulk(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        bench.deliver(&bench.mailing(), &bench.letters(10)).await;
        let permits = Arc::new(Semaphore::new(0));
        bench.server.rule(Rule::new(At::Content, Answer::TakeAndWait(Arc::clone(&permits))).times(1));
        let one = usher_notifications::sender::Pace { connections: 1, ..pace() };
        let (sender, stop) = (bench.sender_to(bench.smtp(one.dialogue), one), CancellationToken::new());
        let running = tokio::spawn({
            let (sender, stop) = (sender.clone(), stop.clone());
            async move { sender.run(stop).await }
        });
        bench.server.until(|seen| seen.mails == 1).await;
        let letter = bench.letter("click@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        let mut committed = bench.database.committed();
        sender.wake();
        while bench.row(&letter).await.0 != "SENDING" {
            committed.next().await;
        }
        permits.add_permits(1);
        bench.server.until(|seen| seen.mails == 11).await;
        stop.cancel();
        running.await.unwrap().unwrap();
        // The claim is committed a moment before the worker can see it: a mail or two may have gone in between.
        let place = bench.server.mails().iter().position(|mail| mail.to == "click@example.com").unwrap();
        assert!((1..=3).contains(&place), "place {place}");
        let lanes = "SELECT sum(events) FROM outbox WHERE lane = ";
        assert_eq!(bench.count(&format!("{lanes}'{}'", Lane::Interactive.as_str())).await, 1);
        assert_eq!(bench.count(&format!("{lanes}'{}'", Lane::Bulk.as_str())).await, 10);
    }

    /// Organizations take turns: a small one does not wait behind a big one.
    async fn n1_bulk_claims_go_round_robin_by_organization(db: TestDatabase) {
        let mut bench = Bench::new(&db).await;
        bench.deliver(&bench.mailing(), &bench.letters(200)).await;
        bench.organization = fixed::<OrganizationId>(0x02);
        let small = bench.letters(2);
        bench.deliver(&bench.mailing(), &small).await;
        let memory = Memory::default();
        let one = usher_notifications::sender::Pace { connections: 1, ..pace() };
        bench.sender_to(MailTransport::Memory(memory.clone()), one).drain().await.unwrap();
        let mails: Vec<_> = memory.mails().into_iter().map(|mail| String::from_utf8(mail).unwrap()).collect();
        assert_eq!(mails.len(), 202);
        // One claim of the big organization is 16 letters.
        for letter in &small {
            let id = letter.message_id.to_string();
            let place = mails.iter().position(|mail| mail.contains(&id)).unwrap();
            assert!(place < 40, "place {place}");
        }
    }

    /// Captured mails lie in the folder, complete, named by time and message.
    async fn n10_mails_are_captured(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let folder = tempfile::tempdir().unwrap();
        let mut letter = bench.letter("ada@example.com");
        letter.message_id = fixed::<MessageId>(0x10);
        letter.contact_id = Some(fixed::<ContactId>(0x11));
        let letter = bench.seal(letter);
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        let capture = MailTransport::Capture(Capture::new(folder.path().join("mail")));
        bench.sender_to(capture, pace()).drain().await.unwrap();
        let mails = captured_mails(&folder.path().join("mail"));
        let names: Vec<_> = mails.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["20260301T120000.000000Z-01950000-0000-7000-8000-000000000010"]);
        assert!(String::from_utf8_lossy(&mails[0].1).contains("Auto-Submitted: auto-generated"));
        assert_eq!(std::fs::read_dir(folder.path().join("mail")).unwrap().count(), 1);
        assert_eq!(bench.row(&letter).await, ("SENT".to_owned(), 1, false));
    }
}
