//! Mails that are named along with the text of the one before.

use std::sync::Arc;
use std::time::Duration;

use lettre::address::Address;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use usher_events::Letter;
use usher_notifications::sender::Pace;
use usher_notifications::transport::Parcel;
use usher_testkit::TestDatabase;
use usher_testkit::mail::{Answer, At, Rule};
use usher_types::MessageId;

use crate::bench::{Bench, fixed, noon, pace};

fn one() -> Pace {
    Pace {
        connections: 1,
        ..pace()
    }
}

/// A mass of four, of which the first is taken and not answered, and the second named. A permit lets the sender go on.
async fn second_named(bench: &Bench, pace: Pace) -> (Vec<Letter>, Arc<Semaphore>, JoinHandle<()>) {
    let letters = bench.letters(4);
    bench.deliver(&bench.mailing(), &letters).await;
    let permit = Arc::new(Semaphore::new(0));
    let waits = Answer::TakeAndWait(Arc::clone(&permit));
    bench.server.rule(Rule::new(At::Content, waits).times(1));
    let sender = bench.sender_to(bench.smtp(pace.dialogue), pace);
    let running = tokio::spawn(async move { sender.drain().await.unwrap() });
    let seen = bench.server.until(|seen| seen.mails == 1).await;
    assert_eq!(seen.named_ahead, 1);
    (letters, permit, running)
}

async fn recipients(bench: &Bench) -> Vec<String> {
    bench.server.mails().into_iter().map(|mail| mail.to).collect()
}

fn parcel(number: u128, to: &str) -> Parcel {
    Parcel {
        from: Address::new("portal", "usher.example").unwrap(),
        to: Address::new(to, "example.com").unwrap(),
        bytes: format!("Subject: for {to}\r\n\r\n{to}'s link\r\n").into_bytes(),
        message: fixed::<MessageId>(number),
        first_attempt_at: noon(),
    }
}

usher_testkit::dialects! {
    /// Whatever a caller announces instead of the mail that was named: no text goes into another's mailbox.
    async fn i9_another_mail_than_the_named_one_gets_a_connection_of_its_own(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mut line = bench.smtp(pace().dialogue).line();
        let [ada, bea, cleo] = [parcel(1, "ada"), parcel(2, "bea"), parcel(3, "cleo")];
        line.announce(&ada).await.unwrap();
        line.hand_over(&ada, Some(&bea)).await.unwrap();
        line.announce(&cleo).await.unwrap();
        line.hand_over(&cleo, Some(&bea)).await.unwrap();
        line.announce(&bea).await.unwrap();
        line.hand_over(&bea, None).await.unwrap();
        assert_eq!(recipients(&bench).await, ["ada@example.com", "cleo@example.com", "bea@example.com"]);
        for mail in bench.server.mails() {
            let (person, _) = mail.to.split_once('@').unwrap();
            assert!(mail.text().contains(&format!("\r\n{person}'s link\r\n")), "{}", mail.to);
        }
        let seen = bench.server.seen();
        assert_eq!((seen.connections, seen.named_ahead, seen.mails), (2, 2, 3));
    }

    /// Its invitation ends after it was named: only hanging up takes it back.
    async fn i21_a_named_mail_that_is_withdrawn_is_taken_back(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let suspicious = Pace { fresh: Duration::ZERO, ..one() };
        let (letters, permit, running) = second_named(&bench, suspicious).await;
        bench.withdraw(&letters[1]).await;
        permit.add_permits(1);
        running.await.unwrap();
        assert_eq!(bench.row(&letters[1]).await, ("CANCELLED".to_owned(), 0, false));
        let others = [0, 2, 3].map(|number: usize| letters[number].email.clone());
        assert_eq!(recipients(&bench).await, others);
        assert_eq!(bench.server.seen().connections, 2);
    }

    /// Its lease is over after it was named: somebody else may have it.
    async fn n2_a_named_mail_whose_lease_is_over_is_taken_back(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let spare = Duration::from_secs(2);
        let short = Pace { lease: pace().dialogue + spare, ..one() };
        let (letters, permit, running) = second_named(&bench, short).await;
        // the time itself is what matters
        sleep(spare).await;
        permit.add_permits(1);
        running.await.unwrap();
        assert_eq!(bench.row(&letters[0]).await, ("SENT".to_owned(), 1, false));
        assert_eq!(bench.row(&letters[1]).await, ("SENDING".to_owned(), 0, true));
        assert_eq!(recipients(&bench).await, [letters[0].email.clone()]);
        bench.run("UPDATE message SET lease_until = created_at WHERE lease_until IS NOT NULL").await;
        bench.sender_to(bench.smtp(pace().dialogue), one()).drain().await.unwrap();
        assert_eq!(recipients(&bench).await, letters.iter().map(|letter| letter.email.clone()).collect::<Vec<_>>());
        assert_eq!(bench.server.seen().connections, 2);
    }

    /// The connection ends at a mail's text: that mail is put off, and the one that was named goes over another connection.
    async fn n3_a_named_mail_outlives_its_connection(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let hasty = Pace { dialogue: Duration::from_millis(500), ..one() };
        for answer in [Answer::Reply("421 4.3.2 shutting down".to_owned()), Answer::Close, Answer::Silence] {
            let letters = bench.letters(3);
            bench.deliver(&bench.mailing(), &letters).await;
            let before = bench.server.seen();
            bench.server.be_kind();
            bench.server.rule(Rule::new(At::Content, answer.clone()).times(1));
            bench.sender_to(bench.smtp(hasty.dialogue), hasty).drain().await.unwrap();
            assert_eq!(bench.row(&letters[0]).await, ("DEFERRED".to_owned(), 1, true), "{answer:?}");
            for sent in &letters[1..] {
                assert_eq!(bench.row(sent).await, ("SENT".to_owned(), 1, false), "{answer:?}");
            }
            let seen = bench.server.seen();
            assert_eq!((seen.connections, seen.mails), (before.connections + 2, before.mails + 2), "{answer:?}");
            assert!(seen.named_ahead > before.named_ahead, "{answer:?}");
        }
    }
}
