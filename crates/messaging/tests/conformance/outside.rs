//! What others hear who are bound to RabbitMQ's exchange of events.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures::StreamExt;
use lapin::{BasicProperties, types::ShortString};
use serde_json::json;
use usher_events::{Data, Envelope, Lane};
use usher_testkit::block_on;
use uuid::Uuid;

use super::{
    document::{Promise, headers},
    recorder::recorder,
    stage::{Stage, event, noon, subscription},
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
            assert_eq!(heard.exchange.as_str(), format!("{}usher.events", stage.prefix()));
            assert_eq!(
                heard.routing_key.as_str(),
                Promise::of(&expected.kind).routing_key("bulk")
            );
            assert_eq!(Data::parse(&heard.data).unwrap(), expected.data);
            keeps_its_promise(&heard.properties, expected);
        }
        assert_eq!(record.next(3).await, spoken);
        relay.stop().await;
        listening.stop().await;
    });
}

/// Headers and properties are those of the envelope, and those of which the document tells readers.
fn keeps_its_promise(properties: &BasicProperties, said: &Envelope) {
    let promise = Promise::of(&said.kind);
    let headers = headers(properties);
    let expected = json!({
        "cloudEvents_specversion": "1.0",
        "cloudEvents_id": said.id,
        "cloudEvents_source": "contacts",
        "cloudEvents_type": "usher.contact.updated.v1",
        "cloudEvents_time": "2026-09-21T14:13:20.000000Z",
        "cloudEvents_subject": said.subject,
        "cloudEvents_partitionkey": said.key,
        "cloudEvents_organization": said.organization,
        "cloudEvents_traceparent": said.traceparent,
    });
    assert_eq!(headers, expected);
    assert_eq!(promise.wrong(&headers), Vec::<String>::new());
    // only where somebody traces is there a trace; everything else readers may count on
    for name in expected.as_object().unwrap().keys() {
        let mut less = headers.clone();
        less.as_object_mut().unwrap().remove(name);
        let may_be_missing = promise.wrong(&less).is_empty();
        assert_eq!(may_be_missing, name == "cloudEvents_traceparent", "{name}");
        assert!(promise.headers()["properties"][name].is_object(), "{name}");
    }
    let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string);
    let written = json!({
        "content_type": text(properties.content_type()),
        "type": text(properties.kind()),
        "delivery_mode": properties.delivery_mode(),
    });
    assert_eq!(written, promise.properties());
    assert_eq!(text(properties.message_id()), Some(said.id.to_string()));
    assert_eq!(text(properties.app_id()).as_deref(), Some("contacts"));
    assert_eq!(
        properties.timestamp().map(i128::from),
        Some(noon().timestamp().into())
    );
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
