//! Sendings that are held and let go (I4).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use usher_events::{Letter, Mailing};
use usher_notifications::sender::Pace;
use usher_testkit::TestDatabase;
use usher_testkit::mail::{Answer, At, Rule};

use crate::bench::{Bench, pace};

/// Hears a word about the sending, and moves its letters.
async fn say(bench: &Bench, mailing: &Mailing, held: bool, version: i64) {
    bench.urgent(&[bench.hold(mailing, held, version)]).await;
    bench.mover().drain().await.unwrap();
}

async fn lanes(bench: &Bench) -> [i64; 2] {
    [
        bench
            .count("SELECT count(*) FROM message WHERE pending AND lane = 'held'")
            .await,
        bench
            .count("SELECT count(*) FROM message WHERE pending AND lane <> 'held'")
            .await,
    ]
}

fn addresses(letters: &[Letter]) -> Vec<String> {
    let mut addresses: Vec<_> = letters
        .iter()
        .map(|letter| letter.email_canonical.clone())
        .collect();
    addresses.sort();
    addresses
}

fn recipients(bench: &Bench) -> Vec<String> {
    let mut recipients: Vec<_> = bench.server.mails().into_iter().map(|mail| mail.to).collect();
    recipients.sort();
    recipients
}

usher_testkit::dialects! {
    /// More letters than fit into one slice; another sending goes on.
    async fn i4_what_is_held_is_not_sent_until_it_is_let_go(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (held, free) = (bench.mailing(), bench.mailing());
        let (letters, others) = (bench.letters(20), [bench.letter("other@example.com"), bench.letter("one@example.com")]);
        bench.deliver(&held, &letters[..10]).await;
        // a single letter stands in the other lane
        bench.deliver(&held, &letters[10..11]).await;
        bench.deliver(&free, &others).await;
        say(&bench, &held, true, 1).await;
        assert_eq!(lanes(&bench).await, [11, 2]);
        // letters that come later wait with the others
        bench.deliver(&held, &letters[11..]).await;
        assert_eq!(lanes(&bench).await, [20, 2]);
        bench.sender().drain().await.unwrap();
        assert_eq!(recipients(&bench), addresses(&others));

        say(&bench, &held, false, 2).await;
        assert_eq!(lanes(&bench).await, [0, 20]);
        bench.sender().drain().await.unwrap();
        let mut all = addresses(&letters);
        all.extend(addresses(&others));
        all.sort();
        assert_eq!(recipients(&bench), all);
    }

    /// The word may come before anything else of the sending.
    async fn i4_a_hold_that_comes_first_counts(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = bench.mailing();
        say(&bench, &mailing, true, 1).await;
        bench.deliver(&mailing, &bench.letters(2)).await;
        bench.sender().drain().await.unwrap();
        assert_eq!((lanes(&bench).await, bench.server.mails().len()), ([2, 0], 0));
    }

    /// In whatever order they come, and however often, in one slice or in several.
    async fn i4_the_newest_word_about_a_sending_counts(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (one, two) = (bench.mailing(), bench.mailing());
        bench.deliver(&one, &bench.letters(4)).await;
        for (held, version) in [(true, 3), (false, 2), (true, 1), (true, 3)] {
            say(&bench, &one, held, version).await;
            assert_eq!(lanes(&bench).await, [4, 0], "{version}");
        }
        let slice = [(false, 6), (true, 5), (false, 4)].map(|(held, version)| bench.hold(&one, held, version));
        bench.urgent(&slice).await;
        bench.mover().drain().await.unwrap();
        assert_eq!(lanes(&bench).await, [0, 4]);
        // a word about another organization's sending changes nothing
        say(&bench, &two, true, 1).await;
        bench.deliver(&two, &bench.letters(2)).await;
        let foreign = Bench { organization: usher_types::OrganizationId::new(crate::bench::noon()), ..bench };
        say(&foreign, &two, false, 2).await;
        assert_eq!(lanes(&foreign).await, [2, 4]);
    }

    /// Its mail is taken back like any other, before and after it is let go.
    async fn i21_what_is_held_can_be_withdrawn(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = bench.mailing();
        let letters = bench.letters(3);
        bench.deliver(&mailing, &letters[..2]).await;
        say(&bench, &mailing, true, 1).await;
        bench.withdraw(&letters[0]).await;
        // a letter that comes later, of an invitation that has ended
        bench.withdraw(&letters[2]).await;
        bench.deliver(&mailing, &letters[2..]).await;
        assert_eq!(bench.row(&letters[0]).await, ("CANCELLED".to_owned(), 0, false));
        assert_eq!(bench.row(&letters[2]).await, ("CANCELLED".to_owned(), 0, false));
        let newer = bench.seal(Letter { generation: 2, contact_id: letters[1].contact_id, ..bench.letter("new@example.com") });
        bench.deliver(&bench.mailing(), std::slice::from_ref(&newer)).await;
        assert_eq!(bench.row(&letters[1]).await, ("CANCELLED".to_owned(), 0, false));
        say(&bench, &mailing, false, 2).await;
        bench.sender().drain().await.unwrap();
        assert_eq!(recipients(&bench), ["new@example.com"]);
    }

    /// A mail that its server puts off is tried again only when the sending is let go.
    async fn i4_what_was_under_way_and_is_put_off_is_held(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (mailing, letter) = (bench.mailing(), bench.letter("ada@example.com"));
        bench.deliver(&mailing, std::slice::from_ref(&letter)).await;
        bench.server.rule(Rule::reply(At::Recipient, "450 later"));
        hold_while_sending(&bench, &mailing, pace()).await;
        assert_eq!(bench.row(&letter).await, ("DEFERRED".to_owned(), 1, true));
        bench.server.be_kind();
        bench.clock.advance(chrono::TimeDelta::hours(1));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails(), []);
        say(&bench, &mailing, false, 2).await;
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 1);
    }

    /// Claimed long ago, as behind a slow server: it is given back instead of handed over.
    async fn i4_a_letter_that_has_waited_for_its_turn_is_held_too(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (mailing, letter) = (bench.mailing(), bench.letter("ada@example.com"));
        bench.deliver(&mailing, std::slice::from_ref(&letter)).await;
        hold_while_sending(&bench, &mailing, Pace { fresh: Duration::ZERO, ..pace() }).await;
        assert_eq!(bench.row(&letter).await, ("QUEUED".to_owned(), 0, true));
        assert_eq!((bench.server.mails().len(), bench.messages().await.len()), (0, 0));
        bench.server.be_kind();
        say(&bench, &mailing, false, 2).await;
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 1);
    }
}

/// Sends what is due, and holds the sending while the server has not yet heard for whom the mail is.
async fn hold_while_sending(bench: &Bench, mailing: &Mailing, pace: Pace) {
    let permits = Arc::new(Semaphore::new(0));
    bench
        .server
        .rule(Rule::new(At::Sender, Answer::TakeAndWait(Arc::clone(&permits))));
    let sender = bench.sender_to(bench.smtp(pace.dialogue), pace);
    let running = tokio::spawn(async move { sender.drain().await });
    bench.server.until(|seen| seen.connections == 1).await;
    say(bench, mailing, true, 1).await;
    permits.add_permits(1);
    running.await.unwrap().unwrap();
}
