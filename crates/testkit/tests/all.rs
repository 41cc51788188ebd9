//! The kit itself.

use chrono::{TimeZone, Utc};
use usher_database::{Scope, SystemReason};
use usher_events::{Envelope, Lane};
use usher_messaging::enqueue;
use usher_testkit::{TestDatabase, dialects, published};
use usher_types::{ContactId, OrganizationId};

fn envelope(n: i64) -> Envelope {
    let now = Utc.timestamp_micros(1_790_000_000_000_000 + n).unwrap();
    let key = ContactId::new(now);
    Envelope {
        id: ContactId::new(now).uuid(),
        source: "contacts".into(),
        kind: "usher.test.happened.v1".into(),
        time: now,
        subject: key.to_string(),
        organization: Some(OrganizationId::new(now)),
        key: key.uuid(),
        queue: (n % 2 == 0).then(|| "notifications.deliver".into()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        publisher: None,
        data: usher_events::Data::of(
            &serde_json::json!({"name": "Ada \"ü\" Lovelace", "n": n, "none": null}),
        ),
    }
}

dialects! {
    async fn e3_the_outbox_gives_back_what_was_spoken_in_order(db: TestDatabase) {
        let database = db.service("contacts").await;
        let envelopes: Vec<_> = (0..40).map(envelope).collect();
        let tx = database.write(Scope::System(SystemReason::Test)).await.unwrap();
        enqueue(&tx, Lane::Bulk, envelopes.clone()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(published(&database).await, envelopes);
    }

    async fn a_database_belongs_to_one_test(db: TestDatabase) {
        let database = db.service("contacts").await;
        assert_eq!(published(&database).await, []);
    }
}
