//! What others hear who are bound to RabbitMQ's exchange of events.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures::StreamExt;
use usher_events::{Data, Envelope, Lane};
use usher_testkit::block_on;
use uuid::Uuid;

use super::{
    recorder::recorder,
    stage::{Stage, event, subscription},
};

const CONTACTS: &[&str] = &["usher.contact.*.v1"];

#[test]
fn e1_others_hear_single_cloudevents() {
    block_on(async {
        let stage = Stage::rabbit().await;
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let listening = stage
            .listen(
                &broker,
                &[subscription("notifications.contacts", CONTACTS, &handler)],
            )
            .await;
        let mut foreign = stage.overhear("contact.*.v1.*").await;
        let relay = stage.relay(&broker);
        let spoken: Vec<_> = (0..3).map(|key| event(Uuid::from_u128(key), 1)).collect();
        stage.speak(Lane::Bulk, spoken.clone()).await;
        for expected in &spoken {
            let heard = foreign.next().await.unwrap().unwrap();
            assert_eq!(heard.routing_key.as_str(), "contact.updated.v1.bulk");
            assert_eq!(Data::parse(&heard.data).unwrap(), expected.data);
            let headers = heard.properties.headers().as_ref().unwrap().inner();
            let header = |name: &str| match headers.get(name) {
                Some(lapin::types::AMQPValue::LongString(text)) => text.to_string(),
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(header("cloudEvents_specversion"), "1.0");
            assert_eq!(header("cloudEvents_id"), expected.id.to_string());
            assert_eq!(header("cloudEvents_source"), "contacts");
            assert_eq!(header("cloudEvents_type"), "usher.contact.updated.v1");
            assert_eq!(header("cloudEvents_time"), "2026-09-21T14:13:20.000000Z");
            assert_eq!(header("cloudEvents_subject"), expected.key.to_string());
            assert_eq!(
                header("cloudEvents_traceparent"),
                expected.traceparent.clone().unwrap()
            );
            assert_eq!(
                heard.properties.content_type().as_ref().unwrap().as_str(),
                "application/json"
            );
        }
        assert_eq!(record.next(3).await, spoken);
        relay.stop().await;
        listening.stop().await;
    });
}

/// A pack's events may stand in another order than those of the pack before.
#[test]
fn e4_packs_of_several_kinds_keep_the_order_of_each_contact() {
    block_on(async {
        let stage = Stage::rabbit().await;
        let broker = stage.broker().await;
        broker.declare(&[]).await.unwrap();
        let mut foreign = stage.overhear("contact.*.v1.*").await;
        let updated = (0..30).map(|key| event(Uuid::from_u128(key), 1));
        let ended = (0..30).rev().map(|key| Envelope {
            kind: "usher.contact.deactivated.v1".into(),
            ..event(Uuid::from_u128(key), 2)
        });
        for said in [
            updated.collect(),
            ended.collect(),
            vec![event(Uuid::from_u128(29), 3)],
        ] {
            stage.speak(Lane::Bulk, said).await;
        }
        let relay = stage.relay(&broker);
        let mut orders = HashMap::<String, Vec<i64>>::new();
        for _ in 0..61 {
            let heard = foreign.next().await.unwrap().unwrap();
            let headers = heard.properties.headers().as_ref().unwrap().inner();
            let subject = format!("{:?}", headers.get("cloudEvents_subject"));
            let said: serde_json::Value = serde_json::from_slice(&heard.data).unwrap();
            orders
                .entry(subject)
                .or_default()
                .push(said["n"].as_i64().unwrap());
        }
        relay.stop().await;
        assert_eq!(orders.len(), 30);
        let expected = |order: &Vec<i64>| *order == [1, 2] || *order == [1, 2, 3];
        assert!(orders.values().all(expected), "{orders:?}");
    });
}

/// Somebody outside listens to each event of a mass that has piled up: one window of it at a time is published, or the leases
/// would be over before anything is marked.
#[test]
fn e3_a_mass_that_has_piled_up_is_published_in_windows() {
    block_on(async {
        let stage = Stage::rabbit().await;
        let broker = stage.broker().await;
        broker.declare(&[]).await.unwrap();
        let mut foreign = stage.overhear("contact.*.v1.*").await;
        for round in 0..60 {
            let mass = (0..100).map(|key| event(Uuid::from_u128(key), round)).collect();
            stage.speak(Lane::Bulk, mass).await;
        }
        let relay = stage.relay_with_leases_of(&broker, Duration::from_millis(300));
        stage.published().await;
        relay.stop().await;
        let mut heard = HashSet::new();
        while heard.len() < 6_000 {
            let one = foreign.next().await.unwrap().unwrap();
            heard.insert(one.properties.message_id().clone());
        }
    });
}
