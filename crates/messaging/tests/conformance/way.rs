//! The way of a message when all goes well, or a process ends.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::mpsc::unbounded_channel;
use usher_events::Lane;
use uuid::Uuid;

use super::{
    brokers,
    recorder::{Stuck, recorder},
    stage::{Stage, command, event, n, subscription, until},
};

const CONTACTS: &[&str] = &["usher.contact.*.v1"];

brokers! {
    async fn e1_a_message_arrives_as_it_was_spoken(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &handler)]).await;
        let relay = stage.relay(&broker);
        let spoken = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![spoken.clone()]).await;
        assert_eq!(record.next(1).await, [spoken]);
        relay.stop().await;
        listening.stop().await;
    }

    async fn e4_order_is_kept_for_each_key(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &handler)]).await;
        let relay = stage.relay(&broker);
        for round in 0..10 {
            let messages = (0..30).map(|key| event(Uuid::from_u128(key), round)).collect();
            stage.speak(Lane::Bulk, messages).await;
        }
        let mut orders = HashMap::<Uuid, Vec<i64>>::new();
        for envelope in record.next(300).await {
            orders.entry(envelope.key).or_default().push(n(&envelope));
        }
        assert_eq!(orders.len(), 30);
        assert!(orders.values().all(|order| *order == (0..10).collect::<Vec<_>>()), "{orders:?}");
        relay.stop().await;
        listening.stop().await;
    }

    async fn e4_what_somebody_waits_for_ends_the_gathering_of_bulk(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &handler)]).await;
        let relay = stage.gathering_relay(&broker);
        let [first, second, urgent] = [1, 2, 3].map(|key| event(Uuid::from_u128(key), 1));
        stage.speak(Lane::Bulk, vec![first.clone()]).await;
        assert_eq!(record.next(1).await, [first]);
        stage.speak(Lane::Bulk, vec![second.clone()]).await;
        stage.speak(Lane::Interactive, vec![urgent.clone()]).await;
        let mut arrived = record.next(2).await;
        arrived.sort_by_key(|envelope| envelope.key);
        assert_eq!(arrived, [second, urgent]);
        relay.stop().await;
        listening.stop().await;
    }

    async fn e3_what_a_killed_consumer_had_taken_comes_back(stage: Stage) {
        let broker = stage.broker().await;
        let (sender, mut taken) = unbounded_channel();
        let stuck = Arc::new(Stuck(sender));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &stuck)]).await;
        let relay = stage.relay(&broker);
        stage.speak(Lane::Interactive, (0..20).map(|key| event(Uuid::from_u128(key), 1)).collect()).await;
        stage.published().await;
        assert!(taken.recv().await.unwrap() > 0);
        listening.kill().await;

        let (handler, mut record) = recorder(|_| Ok(()));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &handler)]).await;
        let mut keys: Vec<_> = record.next(20).await.iter().map(|envelope| envelope.key.as_u128()).collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..20).collect::<Vec<_>>());
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
    }

    async fn e3_a_mass_that_a_killed_consumer_had_taken_comes_back(stage: Stage) {
        let broker = stage.broker().await;
        let (sender, mut taken) = unbounded_channel();
        let stuck = Arc::new(Stuck(sender));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &stuck)]).await;
        let relay = stage.relay(&broker);
        stage.speak(Lane::Bulk, (0..150).map(|key| event(Uuid::from_u128(key), 1)).collect()).await;
        stage.published().await;
        assert!(taken.recv().await.unwrap() > 0);
        listening.kill().await;

        let (handler, mut record) = recorder(|_| Ok(()));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &handler)]).await;
        let mut keys: Vec<_> = record.next(150).await.iter().map(|envelope| envelope.key.as_u128()).collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..150).collect::<Vec<_>>());
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
    }

    /// A relay that dies between the broker's confirm and its own mark publishes once more.
    async fn e3_a_mass_that_is_published_twice_is_handled_once(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        stage.speak(Lane::Bulk, (0..250).map(|key| event(Uuid::from_u128(key), 1)).collect()).await;
        let rows = stage.outbox().await;
        let relay = stage.relay(&broker);
        assert_eq!(record.next(250).await.len(), 250);
        stage.published().await;
        relay.stop().await;
        stage.unpublish(rows).await;
        let relay = stage.relay(&broker);
        stage.published().await;
        stage.speak(Lane::Interactive, vec![event(Uuid::from_u128(1), 2)]).await;
        assert_eq!(record.next(1).await.iter().map(n).collect::<Vec<_>>(), [2]);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
    }

    async fn e3_a_message_spoken_twice_is_handled_once(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, &[subscription]).await;
        let relay = stage.relay(&broker);
        let (twice, last) = (event(Uuid::from_u128(1), 1), event(Uuid::from_u128(1), 2));
        stage.speak(Lane::Interactive, vec![twice.clone()]).await;
        stage.speak(Lane::Interactive, vec![twice.clone(), last.clone()]).await;
        assert_eq!(record.next(2).await, [twice, last]);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
        assert_eq!(stage.inbox("notifications.contacts").await, 2);
    }

    async fn e1_every_bound_queue_gets_its_copy_and_no_other(stage: Stage) {
        let broker = stage.broker().await;
        let (first, mut first_record) = recorder(|_| Ok(()));
        let (second, mut second_record) = recorder(|_| Ok(()));
        let (other, mut other_record) = recorder(|_| Ok(()));
        let subscriptions = [
            subscription("notifications.first", CONTACTS, &first),
            subscription("notifications.second", &["usher.contact.updated.v1", "usher.account.*.v1"], &second),
            subscription("notifications.other", &["usher.account.*.v1"], &other),
        ];
        let listening = stage.listen(&broker, &subscriptions).await;
        let relay = stage.relay(&broker);
        let spoken = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![spoken.clone()]).await;
        assert_eq!(first_record.next(1).await, std::slice::from_ref(&spoken));
        assert_eq!(second_record.next(1).await, [spoken]);
        for subscription in &subscriptions {
            stage.quiet(subscription).await;
        }
        relay.stop().await;
        listening.stop().await;
        assert_eq!(other_record.rest(), []);
    }

    async fn e3_messages_outlive_the_broker_and_its_users(stage: Stage) {
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let broker = stage.broker().await;
        stage.listen(&broker, std::slice::from_ref(&subscription)).await.stop().await;
        let relay = stage.relay(&broker);
        let spoken = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![spoken.clone()]).await;
        stage.published().await;
        relay.stop().await;
        drop(broker);

        let broker = stage.broker().await;
        let listening = stage.listen(&broker, &[subscription]).await;
        assert_eq!(record.next(1).await, [spoken]);
        listening.stop().await;
    }

    async fn e3_an_event_without_a_listener_is_published_and_a_command_waits_for_its_queue(stage: Stage) {
        let broker = stage.broker().await;
        let relay = stage.relay(&broker);
        let waiting = command("notifications.deliver", 1);
        stage.speak(Lane::Bulk, vec![event(Uuid::from_u128(1), 1), waiting.clone()]).await;
        until(async || usher_messaging::undrained(&stage.contacts).await.unwrap().unpublished == 1).await;

        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.deliver", &[], &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        assert_eq!(record.next(1).await, [waiting]);
        stage.quiet(&subscription).await;
        relay.stop().await;
        listening.stop().await;
    }

    async fn e4_what_a_person_waits_for_is_published_before_a_mass(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        stage.speak(Lane::Bulk, (0..200).map(|key| event(Uuid::from_u128(key), 0)).collect()).await;
        stage.speak(Lane::Interactive, vec![event(Uuid::from_u128(1), 1)]).await;
        let listening = stage.listen(&broker, &[subscription]).await;
        let relay = stage.relay(&broker);
        record.next(201).await;
        let order = stage.published_lanes().await;
        assert_eq!(order.first().map(String::as_str), Some("interactive"));
        assert!(order.len() > 1 && order[1..].iter().all(|lane| lane == "bulk"), "{order:?}");
        relay.stop().await;
        listening.stop().await;
    }

    async fn e3_two_relays_share_the_work_and_a_killed_one_is_replaced(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &handler)]).await;
        let (one, two) = (stage.relay(&broker), stage.relay(&stage.broker_again(&broker).await));
        for round in 0..5 {
            stage.speak(Lane::Bulk, (0..100).map(|key| event(Uuid::from_u128(key), round)).collect()).await;
            if round == 2 {
                record.next(100).await;
            }
        }
        one.kill().await;
        let mut orders = HashMap::<Uuid, Vec<i64>>::new();
        for envelope in record.next(400).await {
            orders.entry(envelope.key).or_default().push(n(&envelope));
        }
        assert!(orders.values().all(|order| order.is_sorted()), "{orders:?}");
        stage.published().await;
        two.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
    }
}

/// On SQLite the mass and the person share one writer, and take turns slice by slice.
#[test]
fn e4_a_person_does_not_wait_behind_a_stuck_mass_on_rabbit() {
    usher_testkit::block_on(async {
        let stage = Stage::rabbit().await;
        let broker = stage.broker().await;
        let (sender, mut taken) = unbounded_channel();
        let (handler, mut record) = recorder(|_| Ok(()));
        let mixed = Arc::new(Mixed {
            stuck: Stuck(sender),
            handler,
        });
        let listening = stage
            .listen(
                &broker,
                &[subscription("notifications.contacts", CONTACTS, &mixed)],
            )
            .await;
        let relay = stage.relay(&broker);
        stage
            .speak(
                Lane::Bulk,
                (0..100).map(|key| event(Uuid::from_u128(key), 0)).collect(),
            )
            .await;
        taken.recv().await.unwrap();
        let urgent = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![urgent.clone()]).await;
        assert_eq!(record.next(1).await, [urgent]);
        listening.kill().await;
        relay.kill().await;
    });
}

/// Stuck on the mass, quick on all else.
struct Mixed {
    stuck: Stuck,
    handler: Arc<super::recorder::Recorder>,
}

#[async_trait::async_trait]
impl usher_messaging::Handler for Mixed {
    async fn handle(
        &self,
        tx: &usher_database::Transaction,
        slice: &[usher_events::Envelope],
    ) -> Result<(), usher_messaging::HandlerError> {
        if n(&slice[0]) == 0 {
            self.stuck.handle(tx, slice).await
        } else {
            self.handler.handle(tx, slice).await
        }
    }
}
