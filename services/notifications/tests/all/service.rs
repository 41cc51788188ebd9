//! The service as a process runs it: broker, consumers, sender.

use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinHandle;
use usher_auth::Service;
use usher_database::{Scope, SystemReason};
use usher_events::Lane;
use usher_messaging::{Broker, enqueue, undrained};
use usher_parts::Parts;
use usher_service::transport::memory;
use usher_service::{Lifecycle, Peers, Settings, StartError};
use usher_testkit::TestDatabase;
use usher_testkit::mail::{At, Rule, SmtpServer};
use usher_types::SystemTokens;

use crate::bench::Bench;

usher_testkit::dialects! {
    /// A command in an outbox becomes a mail and an event that is published.
    async fn e3_from_the_outbox_to_the_mail_server(db: TestDatabase) {
        let mut bench = Bench::new(&db).await;
        let folder = tempfile::tempdir().unwrap();
        let url = bench.server.url();
        let (lifecycle, running) = run(&mut bench, folder.path(), &url).await;

        let mailing = bench.mailing();
        let command = bench.envelope(&mailing, &bench.letters(60));
        let tx = bench.database.write(Scope::System(SystemReason::Test)).await.unwrap();
        enqueue(&tx, Lane::Bulk, vec![command]).await.unwrap();
        tx.commit().await.unwrap();

        bench.server.until(|seen| seen.mails == 60).await;
        let mut committed = bench.database.committed();
        while bench.count("SELECT count(*) FROM message WHERE state <> 'SENT'").await > 0
            || undrained(&bench.database).await.unwrap().unpublished > 0
        {
            committed.next().await;
        }
        assert_eq!(bench.count("SELECT sum(events) FROM outbox WHERE kind = 'usher.message.sent.v1'").await, 60);
        lifecycle.stop();
        running.await.unwrap().unwrap();
        lifecycle.finish().await.unwrap();
        assert_eq!(bench.server.mails().len(), 60);
    }

    /// Starting again without a change is pointless where user or password are wrong; what else a server says may pass.
    async fn r5_a_wrong_mail_password_ends_the_start(db: TestDatabase) {
        let mut bench = Bench::new(&db).await;
        bench.server = SmtpServer::offering(&["AUTH PLAIN"]).await;
        let folder = tempfile::tempdir().unwrap();
        let url = bench.server.url().replace("smtp://", "smtp://user:secret@") + "?tls=none";
        bench.server.rule(Rule::reply(At::SignIn, "535 5.7.8 wrong").times(1));
        let (_, refused) = run(&mut bench, folder.path(), &url).await;
        let error = refused.await.unwrap().unwrap_err();
        assert!(matches!(error, StartError::Settings(_)));
        assert_eq!(error.to_string(), "USHER_SMTP_URL: the mail server refuses this user or password");

        bench.server.rule(Rule::reply(At::SignIn, "454 4.7.0 later").times(1));
        let folder = tempfile::tempdir().unwrap();
        let (lifecycle, running) = run(&mut bench, folder.path(), &url).await;
        bench.server.until(|seen| seen.connections == 2).await;
        lifecycle.stop();
        running.await.unwrap().unwrap();
    }
}

/// The service with this mail server.
async fn run(
    bench: &mut Bench,
    folder: &Path,
    smtp_url: &str,
) -> (Lifecycle, JoinHandle<Result<(), StartError>>) {
    let data_dir = folder.display().to_string();
    let settings = Settings::with([("data_dir", data_dir.as_str()), ("smtp_url", smtp_url)]).unwrap();
    let broker = Broker::embedded(folder.join("broker.db")).await.unwrap();
    let (listener, address) = memory();
    let peers = Peers::at(&settings, [address.clone(), address.clone(), address]).unwrap();
    let parts = Parts::assemble(
        Service::Notifications,
        &settings,
        bench.database.clone(),
        broker,
        peers,
        (bench.clock.clone(), Arc::new(SystemTokens)),
    )
    .unwrap();
    bench.keys = parts.keys.seal().unwrap();
    let lifecycle = Lifecycle::default();
    let life = lifecycle.clone();
    let running = tokio::spawn(usher_notifications::run(settings, parts, listener, life));
    (lifecycle, running)
}
