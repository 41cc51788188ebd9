//! Several replicas over one database (I4).

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;
use usher_invitations::Workshop;
use usher_proto::invitations::v1::{StartBatchRequest, WatchBatchRequest};
use usher_testkit::{TestDatabase, block_on};

use crate::stage::{Stage, everyone, figures};

/// Three of them, of which one dies in the middle of the batch: each contact gets one mail, no chunk is written twice.
#[test]
fn i4_three_replicas_mail_each_contact_once() {
    block_on(async {
        let db = TestDatabase::postgres().await;
        let stage = Stage::new(&db).await;
        stage.clients(5_000);
        let start = StartBatchRequest {
            action: "SEND".into(),
            selection: Some(everyone()),
            ..StartBatchRequest::default()
        };
        let batch = stage.start(start).await.batch.unwrap();
        let stop = CancellationToken::new();
        let run = |workshop: Workshop| {
            let stop = stop.clone();
            tokio::spawn(async move { workshop.run_batches(stop).await })
        };

        stage.contacts.hang_after(Some(2));
        let killed = run(stage.sister(&db).await);
        stage.contacts.hung().await;
        killed.abort();
        assert!(killed.await.unwrap_err().is_cancelled());
        // the second chunk was being written while the third was fetched: it is there as a whole or not at all
        let queued = stage.batch(&batch.id).await.queued;
        assert!([1_000, 2_000].contains(&queued), "{queued}");
        stage.contacts.hang_after(None);
        // as if its lease had run out
        stage.run("UPDATE batch SET leased_until = NULL", []).await;

        let others = [run(stage.sister(&db).await), run(stage.sister(&db).await)];
        let watch = WatchBatchRequest { id: batch.id.clone() };
        let mut stream = stage
            .api()
            .watch_batch(stage.admin.on(watch))
            .await
            .unwrap()
            .into_inner();
        while stream.message().await.unwrap().unwrap().queued < 5_000 {}
        stop.cancel();
        for other in others {
            other.await.unwrap();
        }
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 5_000, 0, 0, 0, 0]);
        let letters = stage.letters().await;
        let contacts: BTreeSet<_> = letters.iter().map(|(letter, _)| letter.contact_id).collect();
        assert_eq!((letters.len(), contacts.len()), (5_000, 5_000));
        assert_eq!(stage.number("SELECT count(*) FROM invitation").await, 5_000);
        assert_eq!(stage.number("SELECT max(generation) FROM invitation").await, 1);
    });
}
