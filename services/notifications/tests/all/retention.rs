//! Messages are kept for some days only (I9).

use chrono::TimeDelta;
use usher_notifications::app::Retention;
use usher_testkit::TestDatabase;
use usher_testkit::mail::{At, Rule};
use usher_types::Clock;

use crate::bench::Bench;

const LETTERS: &str = "SELECT count(*) FROM message";
const MAILINGS: &str = "SELECT count(*) FROM mailing";
const KEEP: TimeDelta = TimeDelta::days(180);

fn retention(bench: &Bench) -> Retention {
    Retention::in_windows(bench.database.clone(), bench.clock.clone(), KEEP, 3)
}

usher_testkit::dialects! {
    async fn i9_letters_go_after_their_days_with_all_that_belongs_to_them(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (old, young) = (bench.mailing(), bench.mailing());
        let letters = bench.letters(8);
        bench.deliver(&old, &letters).await;
        bench.withdraw(&letters[0]).await;
        bench.sender().drain().await.unwrap();
        let states = "SELECT count(*) FROM message WHERE state = 'SENT' OR state = 'CANCELLED'";
        assert_eq!(bench.count(states).await, 8);

        bench.clock.advance(KEEP);
        assert_eq!(retention(&bench).sweep().await.unwrap(), 0);
        bench.deliver(&young, &bench.letters(2)).await;
        bench.clock.advance(TimeDelta::seconds(1));
        assert_eq!(retention(&bench).sweep().await.unwrap(), 8);
        assert_eq!(bench.count(LETTERS).await, 2);
        assert_eq!(bench.count("SELECT count(*) FROM tombstone").await, 0);
        // A sending goes a day later, when no letter of its can be left.
        assert_eq!(bench.count(MAILINGS).await, 2);
        bench.clock.advance(TimeDelta::days(1));
        assert_eq!(retention(&bench).sweep().await.unwrap(), 0);
        let left = format!("SELECT count(*) FROM mailing WHERE id = {}", bench.literal(young.id));
        assert_eq!((bench.count(MAILINGS).await, bench.count(&left).await), (1, 1));
    }

    async fn i9_what_has_not_come_to_its_end_stays_however_old_it_is(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (held, waiting) = (bench.mailing(), bench.mailing());
        let letter = bench.letter("ada@example.com");
        bench.urgent(&[bench.hold(&held, true, 1)]).await;
        bench.deliver(&held, &bench.letters(2)).await;
        bench.deliver(&waiting, std::slice::from_ref(&letter)).await;
        bench.server.rule(Rule::reply(At::Content, "451 4.7.1 later"));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.row(&letter).await.0, "DEFERRED");

        bench.clock.advance(KEEP + TimeDelta::days(2));
        assert_eq!(retention(&bench).sweep().await.unwrap(), 0);
        assert_eq!(bench.count(LETTERS).await, 3);
        let left = format!("SELECT count(*) FROM mailing WHERE id = {}", bench.literal(held.id));
        assert_eq!(bench.count(&left).await, 1);

        // Let go after half a year, the letters find what they need.
        bench.urgent(&[bench.hold(&held, false, 2)]).await;
        bench.mover().drain().await.unwrap();
        assert_eq!(retention(&bench).sweep().await.unwrap(), 0);
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.count("SELECT count(*) FROM message WHERE state = 'FAILED'").await, 3);
        assert_eq!(retention(&bench).sweep().await.unwrap(), 3);
    }

    async fn i9_a_sending_stays_as_long_as_letters_of_it_come(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = bench.mailing();
        bench.deliver(&mailing, &bench.letters(1)).await;
        bench.sender().drain().await.unwrap();
        bench.clock.advance(KEEP);
        bench.deliver(&mailing, &bench.letters(1)).await;
        bench.clock.advance(TimeDelta::days(2));
        assert_eq!(retention(&bench).sweep().await.unwrap(), 1);
        assert_eq!(bench.count(MAILINGS).await, 1);
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.seen().mails, 2);
        // within a day nothing is written anew
        let before = bench.clock.now();
        bench.deliver(&mailing, &bench.letters(1)).await;
        bench.clock.advance(TimeDelta::hours(23));
        bench.deliver(&mailing, &bench.letters(1)).await;
        let moment = format!("SELECT count(*) FROM mailing WHERE created_at = '{}'", before.to_rfc3339());
        assert_eq!(bench.count(&moment).await, 1);
    }
}
