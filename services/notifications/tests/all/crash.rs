//! What is killed in the middle (N2).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbErr};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use usher_database::{Dialect, Scope, SystemReason};
use usher_testkit::TestDatabase;
use usher_testkit::mail::{Answer, At, Rule};

use crate::bench::{Bench, CONNECTIONS};

/// Tells when something was written to the log.
#[derive(Clone, Debug, Default)]
struct Said(Arc<Notify>);

impl Subscriber for Said {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("usher_notifications")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.notify_one();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A sender that has said that something is wrong and still runs, and its stop.
async fn begin_in_trouble(bench: &Bench) -> (JoinHandle<Result<(), DbErr>>, CancellationToken) {
    let (sender, stop, said) = (bench.sender(), CancellationToken::new(), Said::default());
    let mut running = tokio::spawn({
        let stop = stop.clone();
        async move { sender.run(stop).await }.with_subscriber(said.clone())
    });
    tokio::select! {
        () = said.0.notified() => {}
        ended = &mut running => panic!("{ended:?}"),
    }
    (running, stop)
}

usher_testkit::dialects! {
    /// Killed while each connection waits for its answer: exactly those mails are repeated, byte for byte.
    async fn n2_a_crash_repeats_at_most_the_one_mail_of_each_connection(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letters = bench.letters(100);
        bench.deliver(&bench.mailing(), &letters).await;
        let some = Arc::new(Semaphore::new(30));
        bench.server.rule(Rule::new(At::Content, Answer::TakeAndWait(Arc::clone(&some))).times(30 + CONNECTIONS));
        let sender = bench.sender();
        let running = tokio::spawn(async move { sender.run(CancellationToken::new()).await });
        bench.server.until(|seen| seen.mails == 30 + CONNECTIONS).await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        bench.clock.advance(chrono::TimeDelta::hours(1));
        // The leases of the dead run out.
        bench.run("UPDATE message SET lease_until = created_at WHERE lease_until IS NOT NULL").await;
        bench.sender().drain().await.unwrap();

        let mut by_recipient: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
        for mail in bench.server.mails() {
            by_recipient.entry(mail.to).or_default().push(mail.bytes);
        }
        assert_eq!(by_recipient.len(), 100);
        let repeated: Vec<_> = by_recipient.values().filter(|mails| mails.len() > 1).collect();
        assert_eq!(repeated.len(), CONNECTIONS);
        assert!(repeated.iter().all(|mails| mails.len() == 2 && mails[0] == mails[1]));
        assert_eq!(bench.count("SELECT count(*) FROM message WHERE state = 'SENT'").await, 100);
        assert_eq!(bench.messages().await.len(), 100);
    }

    /// While notes cannot be committed, no connection hands over a second mail.
    async fn n2_the_next_mail_waits_for_the_note_of_the_one_before(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        bench.deliver(&bench.mailing(), &bench.letters(40)).await;
        let permits = Arc::new(Semaphore::new(0));
        bench.server.rule(Rule::new(At::Content, Answer::TakeAndWait(Arc::clone(&permits))).times(CONNECTIONS));
        let sender = bench.sender();
        let running = tokio::spawn(async move { sender.drain().await });
        bench.server.until(|seen| seen.mails == CONNECTIONS).await;
        let tx = bench.database.write(Scope::System(SystemReason::Test)).await.unwrap();
        if tx.dialect() == Dialect::Postgres {
            tx.execute_unprepared("SELECT id FROM message FOR UPDATE").await.unwrap();
        }
        permits.add_permits(CONNECTIONS);
        // The server waits for the second text of each connection. That nothing comes has no sign to wait for.
        bench.server.until(|seen| seen.invited >= 2 * CONNECTIONS).await;
        let more = bench.server.until(|seen| seen.mails > CONNECTIONS);
        assert!(timeout(Duration::from_millis(300), more).await.is_err());
        tx.rollback().await.unwrap();
        running.await.unwrap().unwrap();
        assert_eq!(bench.server.mails().len(), 40);
        assert_eq!(bench.count("SELECT count(*) FROM message WHERE state = 'SENT'").await, 40);
    }

    /// A database that is away when the sender starts does not end it.
    async fn r5_a_database_that_is_away_at_the_start_is_waited_for(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        bench.deliver(&bench.mailing(), &bench.letters(3)).await;
        let mut taken = Vec::new();
        while let Ok(tx) = bench.database.read(Scope::System(SystemReason::Test)).await {
            taken.push(tx);
        }
        let drained = bench.sender();
        let (drained, (stopped, stop), (running, end)) =
            tokio::join!(drained.drain(), begin_in_trouble(&bench), begin_in_trouble(&bench));
        assert!(drained.is_err());
        stop.cancel();
        stopped.await.unwrap().unwrap();
        drop(taken);
        bench.server.until(|seen| seen.mails == 3).await;
        end.cancel();
        running.await.unwrap().unwrap();
    }

    /// A stop finishes the mails under way and gives the others back at once.
    async fn r3_a_stop_loses_nothing_and_repeats_nothing(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        bench.deliver(&bench.mailing(), &bench.letters(100)).await;
        let permits = Arc::new(Semaphore::new(20));
        bench.server.rule(Rule::new(At::Content, Answer::TakeAndWait(Arc::clone(&permits))));
        let (sender, stop) = (bench.sender(), CancellationToken::new());
        let running = tokio::spawn({
            let stop = stop.clone();
            async move { sender.run(stop).await }
        });
        bench.server.until(|seen| seen.mails == 20 + CONNECTIONS).await;
        stop.cancel();
        bench.server.be_kind();
        permits.add_permits(CONNECTIONS);
        running.await.unwrap().unwrap();
        assert_eq!(bench.count("SELECT count(*) FROM message WHERE lease_owner IS NOT NULL").await, 0);
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 100);
    }

    /// What a dead process had claimed is taken over at once where nobody else can be alive.
    async fn n2_a_restart_takes_over_what_was_claimed(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        bench.deliver(&bench.mailing(), &bench.letters(3)).await;
        bench.server.rule(Rule::new(At::Recipient, Answer::Silence));
        let sender = bench.sender();
        let running = tokio::spawn(async move { sender.run(CancellationToken::new()).await });
        bench.server.until(|seen| seen.recipients > 0).await;
        running.abort();
        running.await.unwrap_err();
        bench.server.be_kind();
        let sender = bench.sender();
        sender.drain().await.unwrap();
        assert_eq!(bench.server.mails(), []);
        sender.take_over().await.unwrap();
        sender.drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 3);
    }
}
