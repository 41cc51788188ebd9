//! RabbitMQ that is away, wrong or gives up.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::mpsc::unbounded_channel,
    task::JoinHandle,
};
use usher_events::Lane;
use usher_messaging::{Broker, BrokerError, RabbitSettings, deliver, sweep};
use usher_testkit::block_on;
use uuid::Uuid;

use super::{
    brokers,
    recorder::{Stuck, recorder},
    stage::{Stage, event, rabbit_url, subscription, until},
};

const CONTACTS: &[&str] = &["usher.contact.*.v1"];

/// A wire to the broker that can be cut.
struct Wire {
    port: u16,
    whole: Arc<Mutex<bool>>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
    accepting: JoinHandle<()>,
}

impl Wire {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (whole, connections) = (Arc::new(Mutex::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (open, kept) = (Arc::clone(&whole), Arc::clone(&connections));
        let accepting = tokio::spawn(async move {
            loop {
                let (mut inner, _) = listener.accept().await.unwrap();
                if *open.lock().unwrap() {
                    kept.lock().unwrap().push(tokio::spawn(async move {
                        let mut outer = TcpStream::connect(authority(&rabbit_url())).await.unwrap();
                        let _ = copy_bidirectional(&mut inner, &mut outer).await;
                    }));
                }
            }
        });
        Self {
            port,
            whole,
            connections,
            accepting,
        }
    }

    fn cut(&self) {
        *self.whole.lock().unwrap() = false;
        self.connections
            .lock()
            .unwrap()
            .drain(..)
            .for_each(|connection| connection.abort());
    }

    fn mend(&self) {
        *self.whole.lock().unwrap() = true;
    }

    fn broker(&self, stage: &Stage) -> Broker {
        let url = rabbit_url();
        let url = url.replace(authority(&url), &format!("127.0.0.1:{}", self.port));
        Broker::rabbit(&stage.rabbit_settings(&url)).unwrap()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Host and port of an AMQP URL.
fn authority(url: &str) -> &str {
    let rest = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap()
}

#[test]
fn e3_a_broker_that_goes_away_and_comes_back_loses_and_doubles_nothing() {
    block_on(async {
        let stage = Stage::rabbit().await;
        let wire = Wire::new().await;
        let broker = wire.broker(&stage);
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        let relay = stage.relay(&broker);
        for round in 0..3 {
            stage
                .speak(
                    Lane::Bulk,
                    (0..50)
                        .map(|key| event(Uuid::from_u128(key), 2 * round))
                        .collect(),
                )
                .await;
            record.next(20).await;
            wire.cut();
            stage
                .speak(
                    Lane::Interactive,
                    (0..50)
                        .map(|key| event(Uuid::from_u128(key), 2 * round + 1))
                        .collect(),
                )
                .await;
            wire.mend();
            record.next(80).await;
        }
        stage.quiet(&subscription).await;
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
        assert_eq!(stage.inbox("notifications.contacts").await, 300);
        assert_eq!(stage.dead_letters().await, []);
    });
}

#[test]
fn r5_a_broker_that_does_not_answer_yet_is_waited_for() {
    block_on(async {
        let stage = Stage::rabbit().await;
        let wire = Wire::new().await;
        wire.cut();
        let broker = wire.broker(&stage);
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        assert!(
            broker
                .declare(std::slice::from_ref(&subscription))
                .await
                .unwrap_err()
                .is_temporary()
        );
        // Declares on its own once the broker answers.
        let listening = stage.start_listening(&broker, std::slice::from_ref(&subscription));
        wire.mend();
        until(async || {
            stage
                .broker()
                .await
                .declare(std::slice::from_ref(&subscription))
                .await
                .is_ok()
        })
        .await;
        let relay = stage.relay(&broker);
        let spoken = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![spoken.clone()]).await;
        assert_eq!(record.next(1).await, [spoken]);
        relay.stop().await;
        listening.stop().await;
    });
}

async fn refused(url: &str) -> BrokerError {
    let broker = Broker::rabbit(&RabbitSettings::new(url, "test-", "test")).unwrap();
    broker.declare(&[]).await.unwrap_err()
}

#[test]
fn r5_wrong_passwords_and_hosts_are_settings_and_silence_is_not() {
    block_on(async {
        let url = rabbit_url();
        let authority = authority(&url);
        let wrong = refused(&format!("amqp://guest:wrong@{authority}/%2f")).await;
        assert!(matches!(wrong, BrokerError::Settings(_)), "{wrong}");
        let nowhere = refused(&url.replace("/%2f", "/nowhere")).await;
        assert!(matches!(nowhere, BrokerError::Settings(_)), "{nowhere}");
        assert!(refused("amqp://guest:guest@127.0.0.1:1/%2f").await.is_temporary());
        let unreadable =
            Broker::rabbit(&RabbitSettings::new("http://guest:secret@nowhere", "", "test")).unwrap_err();
        assert_eq!(unreadable.to_string(), "the AMQP URL cannot be read");
    });
}

brokers! {
    async fn e3_a_message_that_kills_its_consumer_again_and_again_is_given_up(stage: Stage) {
        let broker = stage.broker().await;
        let relay = stage.relay(&broker);
        for round in 0..5 {
            let (sender, mut taken) = unbounded_channel();
            let stuck = Arc::new(Stuck(sender));
            let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &stuck)]).await;
            if round == 0 {
                stage.speak(Lane::Interactive, vec![event(Uuid::from_u128(1), 1)]).await;
            }
            assert_eq!(taken.recv().await, Some(1));
            listening.kill().await;
        }
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        stage.quiet(&subscription).await;
        assert_eq!(stage.dead_letters().await[0].reason, "came back unhandled 5 times");
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
    }

    /// Nobody heard that it was handled.
    async fn e3_what_was_handled_and_comes_back_too_often_is_not_dead(stage: Stage) {
        let broker = stage.broker().await;
        let relay = stage.relay(&broker);
        let mass = [1, 2].map(|key| event(Uuid::from_u128(key), 1));
        for round in 0..5 {
            let (sender, mut taken) = unbounded_channel();
            let stuck = Arc::new(Stuck(sender));
            let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &stuck)]).await;
            if round == 0 {
                stage.speak(Lane::Bulk, mass.to_vec()).await;
            }
            assert_eq!(taken.recv().await, Some(2));
            listening.kill().await;
        }
        let (handler, mut record) = recorder(|_| Ok(()));
        deliver(&stage.notifications, "notifications.contacts", handler.as_ref(), &mass[..1]).await.unwrap();
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        stage.quiet(&subscription).await;
        let dead: Vec<_> = stage.dead_letters().await.iter().map(|dead| dead.id).collect();
        assert_eq!(dead, [mass[1].id]);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), mass[..1]);
    }

    async fn e3_an_orderly_stop_works_off_what_has_arrived(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| {
            std::thread::sleep(Duration::from_millis(1));
            Ok(())
        });
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let relay = stage.relay(&broker);
        stage.listen(&broker, std::slice::from_ref(&subscription)).await.stop().await;
        stage.speak(Lane::Bulk, (0..300).map(|key| event(Uuid::from_u128(key), 1)).collect()).await;
        stage.published().await;
        // More often than a message may come back.
        for _ in 0..8 {
            let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
            listening.stop().await;
        }
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        assert_eq!(record.next(300).await.len(), 300);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(stage.dead_letters().await, []);
    }

    async fn what_is_young_is_not_swept(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        let relay = stage.relay(&broker);
        stage.speak(Lane::Bulk, vec![event(Uuid::from_u128(1), 1)]).await;
        record.next(1).await;
        stage.published().await;
        relay.stop().await;
        listening.stop().await;
        for database in [&stage.contacts, &stage.notifications] {
            sweep(database).await.unwrap();
        }
        assert_eq!(stage.count(&stage.contacts, "outbox").await, 1);
        assert_eq!(stage.inbox("notifications.contacts").await, 1);
        // Two days later by the rows' own times.
        stage.age(&stage.contacts, "outbox", "published_at").await;
        stage.age(&stage.notifications, "inbox", "at").await;
        for database in [&stage.contacts, &stage.notifications] {
            sweep(database).await.unwrap();
        }
        assert_eq!(stage.count(&stage.contacts, "outbox").await, 0);
        assert_eq!(stage.inbox("notifications.contacts").await, 0);
    }
}
