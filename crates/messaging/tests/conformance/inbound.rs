//! What others publish into RabbitMQ, in whichever mode of CloudEvents, and how little of it is believed (E2).

use lapin::{
    BasicProperties, Confirmation,
    types::{AMQPValue, FieldTable},
};
use usher_events::{Data, Envelope};
use usher_testkit::block_on;
use uuid::Uuid;

use super::{
    document::Promise,
    recorder::{Record, recorder},
    stage::{Running, Stage, noon, subscription},
};

const KIND: &str = "usher.inbound.contact.upserted.v1";
const BODY: &[u8] = br#"{"external_id": "4711", "version": 1}"#;

struct Inbox {
    stage: Stage,
    record: Record,
    running: Running,
}

impl Inbox {
    async fn new() -> Self {
        let stage = Stage::rabbit().await;
        let broker = stage.broker().await;
        let (handler, record) = recorder(|_| Ok(()));
        let bound = ["usher.inbound.contact.*.v1"];
        let subscription = subscription("notifications.inbound", &bound, &handler);
        let running = stage.listen(&broker, &[subscription]).await;
        Self {
            stage,
            record,
            running,
        }
    }

    /// Publishes and gives what arrives.
    async fn hears(&mut self, key: &str, properties: BasicProperties, body: &[u8]) -> Envelope {
        let confirmed = self.stage.publish_inbound(key, properties, body).await.unwrap();
        assert!(matches!(confirmed, Confirmation::Ack(None)), "{confirmed:?}");
        self.record.next(1).await.remove(0)
    }

    /// Publishes what is unreadable and gives the reason.
    async fn buries(&mut self, properties: BasicProperties, body: &[u8]) -> String {
        let before = self.stage.dead_letters().await.len();
        self.stage
            .publish_inbound("contact.upserted.v1", properties, body)
            .await
            .unwrap();
        super::stage::until(async || self.stage.dead_letters().await.len() > before).await;
        self.stage.dead_letters().await.remove(0).reason
    }
}

fn headers(prefix: &str, more: &[(&str, &str)]) -> FieldTable {
    let always = [
        ("specversion", "1.0"),
        ("id", "one"),
        ("source", "/crm"),
        ("type", KIND),
    ];
    let mut headers = FieldTable::default();
    for (name, value) in always.iter().chain(more) {
        headers.insert(
            format!("{prefix}{name}").into(),
            AMQPValue::LongString((*value).into()),
        );
    }
    headers
}

fn binary(headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_headers(headers)
        .with_content_type("application/json".into())
        .with_user_id("guest".into())
}

fn structured(media_type: &str) -> BasicProperties {
    BasicProperties::default()
        .with_content_type(media_type.into())
        .with_user_id("guest".into())
}

#[test]
fn e2_every_mode_and_prefix_of_cloudevents_is_read_alike() {
    block_on(async {
        let mut inbox = Inbox::new().await;
        let more = [
            ("subject", "4711"),
            ("time", "2026-09-21T14:13:20Z"),
            (
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ),
        ];
        let mut heard = Vec::new();
        for (prefix, number) in [("cloudEvents_", "1"), ("cloudEvents:", "2")] {
            let mut headers = headers(prefix, &more);
            headers.insert(format!("{prefix}id").into(), AMQPValue::LongString(number.into()));
            heard.push(inbox.hears("contact.upserted.v1", binary(headers), BODY).await);
        }
        let event = serde_json::json!({
            "specversion": "1.0", "id": "3", "source": "/crm", "type": KIND, "subject": "4711", "time": "2026-09-21T14:13:20Z",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "datacontenttype": "application/json",
            "data": {"external_id": "4711", "version": 1},
        });
        let media_type = "Application/CloudEvents+JSON; charset=UTF-8";
        let body = event.to_string();
        heard.push(
            inbox
                .hears(
                    "contact.upserted.v1.bulk",
                    structured(media_type),
                    body.as_bytes(),
                )
                .await,
        );
        let ids: std::collections::HashSet<Uuid> = heard.iter().map(|envelope| envelope.id).collect();
        assert_eq!(ids.len(), 3);
        for envelope in heard {
            let expected = Envelope {
                id: envelope.id,
                source: "/crm".into(),
                kind: KIND.into(),
                time: noon(),
                subject: "4711".into(),
                organization: None,
                key: envelope.key,
                queue: None,
                traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
                publisher: Some("guest".into()),
                data: envelope.data.clone(),
            };
            assert_eq!(envelope, expected);
            let data: serde_json::Value = envelope.data.read().unwrap();
            assert_eq!(data, serde_json::json!({"external_id": "4711", "version": 1}));
        }
        inbox.running.stop().await;
    });
}

#[test]
fn e2_nothing_is_believed_of_what_a_message_says_of_its_sender() {
    block_on(async {
        let mut inbox = Inbox::new().await;
        let id = Uuid::from_u128(7).to_string();
        let more = [
            ("organization", id.as_str()),
            ("publisher", "admin"),
            ("queue", "notifications.inbound"),
            ("partitionkey", id.as_str()),
        ];
        let claimed = inbox
            .hears(
                "contact.upserted.v1",
                binary(headers("cloudEvents_", &more)),
                BODY,
            )
            .await;
        assert_eq!((claimed.organization, claimed.queue.as_deref()), (None, None));
        assert_eq!(claimed.publisher.as_deref(), Some("guest"));
        assert_ne!(claimed.key, Uuid::from_u128(7));
        let anonymous = BasicProperties::default().with_headers(headers("cloudEvents_", &[]));
        let anonymous = inbox.hears("contact.upserted.v1", anonymous, BODY).await;
        assert_eq!(anonymous.publisher, None);
        // the same source and id of somebody else are another event
        assert_ne!(anonymous.id, claimed.id);
        // the broker itself refuses another's name
        let other = binary(headers("cloudEvents_", &[])).with_user_id("admin".into());
        let refused = inbox
            .stage
            .publish_inbound("contact.upserted.v1", other, BODY)
            .await;
        assert!(refused.is_err(), "{refused:?}");
        // a pack is our own services' way alone
        let forged = Envelope {
            publisher: Some("admin".into()),
            data: Data::of(&()),
            ..claimed
        };
        let pack = serde_json::json!([{ "events": [forged] }]).to_string();
        let reason = inbox
            .buries(structured("application/vnd.usher.pack+json"), pack.as_bytes())
            .await;
        assert_eq!(reason, "unreadable: without the attribute specversion");
        inbox.running.stop().await;
    });
}

#[test]
fn e2_what_no_queue_is_bound_to_arrives_all_the_same() {
    block_on(async {
        let mut inbox = Inbox::new().await;
        for key in [
            "",
            "nonsense",
            "contact.upserted.v2",
            "a.b.c.d.e",
            "contact.upserted.v1.interactive",
        ] {
            let mut headers = headers("cloudEvents_", &[]);
            headers.insert(
                "cloudEvents_id".into(),
                AMQPValue::LongString(format!("id {key}").into()),
            );
            assert_eq!(inbox.hears(key, binary(headers), BODY).await.kind, KIND, "{key}");
        }
        inbox.running.stop().await;
    });
}

#[test]
fn e2_what_is_no_cloudevent_is_a_dead_letter_that_says_why() {
    block_on(async {
        let mut inbox = Inbox::new().await;
        let without = |name: &str| {
            let mut all = FieldTable::default();
            for (key, value) in headers("cloudEvents_", &[]).inner() {
                if key.as_str() != format!("cloudEvents_{name}") {
                    all.insert(key.clone(), value.clone());
                }
            }
            binary(all)
        };
        let promise = Promise::of(KIND);
        let required = promise.required().into_iter();
        let required: Vec<&str> = required
            .filter_map(|name| name.strip_prefix("cloudEvents_"))
            .collect();
        assert_eq!(required, ["specversion", "id", "source", "type"]);
        for name in required {
            let reason = inbox.buries(without(name), BODY).await;
            assert_eq!(reason, format!("unreadable: without the attribute {name}"));
        }
        let of = |properties, body: &'static [u8]| (properties, body);
        for ((properties, body), reason) in [
            (
                of(binary(headers("cloudEvents_", &[("specversion", "0.3")])), BODY),
                "unreadable: specversion is not 1.0",
            ),
            (
                of(binary(headers("cloudEvents_", &[("time", "today")])), BODY),
                "unreadable: time is not RFC 3339",
            ),
            (
                of(structured("application/cloudevents-batch+json"), b"[]"),
                "unreadable: application/cloudevents-batch+json is not taken: one event a message, as JSON",
            ),
            (
                of(
                    structured("application/cloudevents+json"),
                    b"{\"data_base64\": \"e30=\"}",
                ),
                "unreadable: data_base64 is not taken: the data is JSON",
            ),
        ] {
            assert_eq!(inbox.buries(properties, body).await, reason);
        }
        let reason = inbox
            .buries(binary(headers("cloudEvents_", &[])), b"no JSON")
            .await;
        assert!(
            reason.starts_with("unreadable: the body is not JSON: "),
            "{reason}"
        );
        let reason = inbox.buries(binary(headers("cloudEvents_", &[])), b"\0").await;
        assert!(
            reason.starts_with("unreadable: the body is not JSON: "),
            "{reason}"
        );
        let large = vec![b' '; 1024 * 1024 + 1];
        let reason = inbox.buries(binary(headers("cloudEvents_", &[])), &large).await;
        assert_eq!(reason, "unreadable: larger than 1 MiB");
        let letters = inbox.stage.dead_letters().await;
        assert_eq!(letters.len(), 11);
        assert!(letters.iter().all(|letter| letter.envelope.is_none()));
        inbox.running.stop().await;
    });
}
