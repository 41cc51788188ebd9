//! The service as a process runs it: broker, consumers, sender.

use std::sync::Arc;

use usher_auth::Service;
use usher_database::{Scope, SystemReason};
use usher_events::Lane;
use usher_messaging::{Broker, enqueue, undrained};
use usher_parts::Parts;
use usher_service::transport::memory;
use usher_service::{Lifecycle, Peers, Settings};
use usher_testkit::TestDatabase;
use usher_types::SystemTokens;

use crate::bench::Bench;

usher_testkit::dialects! {
    /// A command in an outbox becomes a mail and an event that is published.
    async fn e3_from_the_outbox_to_the_mail_server(db: TestDatabase) {
        let mut bench = Bench::new(&db).await;
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, url) = (folder.path().display().to_string(), bench.server.url());
        let settings = Settings::with([("data_dir", data_dir.as_str()), ("smtp_url", url.as_str())]).unwrap();
        let broker = Broker::embedded(folder.path().join("broker.db")).await.unwrap();
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
        let running = tokio::spawn(usher_notifications::run(settings, parts, listener, lifecycle.clone()));

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
        assert_eq!(bench.count("SELECT count(*) FROM outbox WHERE kind = 'usher.message.sent.v1'").await, 60);
        lifecycle.stop();
        running.await.unwrap().unwrap();
        lifecycle.finish().await.unwrap();
        assert_eq!(bench.server.mails().len(), 60);
    }
}
