//! Two services and a broker.

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use usher_database::{Database, Scope, SystemReason};
use usher_events::{Data, Envelope, Lane};
use usher_messaging::{
    Broker, BrokerError, DeadLetter, Handler, Pace, RabbitSettings, Subscription, Which, ask_replay,
    dead_letters, enqueue, run_at, undrained,
};
use usher_testkit::{BrokerPrefix, TestDatabase};
use usher_types::{ContactId, OrganizationId};
use uuid::Uuid;

/// The longest that anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `contacts` speaks, `notifications` listens.
pub struct Stage {
    pub contacts: Database,
    pub notifications: Database,
    place: Place,
    _databases: TestDatabase,
}

enum Place {
    Embedded { file: PathBuf, _folder: TempDir },
    Rabbit { prefix: BrokerPrefix },
}

pub fn rabbit_url() -> String {
    std::env::var("USHER_TEST_AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned())
}

/// A running service; stops in order, or is killed, at the latest when dropped.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), BrokerError>>,
}

impl Running {
    /// An orderly stop.
    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap().unwrap();
    }

    /// As by a power cut: nothing is finished or acknowledged.
    pub async fn kill(mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }
}

/// A failed test's service must not use queues that are being deleted.
impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stage {
    pub async fn embedded() -> Self {
        let databases = TestDatabase::sqlite().await;
        let folder = TempDir::new().unwrap();
        let place = Place::Embedded {
            file: folder.path().join("broker.db"),
            _folder: folder,
        };
        Self {
            contacts: databases.service("contacts").await,
            notifications: databases.service("notifications").await,
            place,
            _databases: databases,
        }
    }

    pub async fn rabbit() -> Self {
        let databases = TestDatabase::postgres().await;
        Self {
            contacts: databases.service("contacts").await,
            notifications: databases.service("notifications").await,
            place: Place::Rabbit {
                prefix: BrokerPrefix::new(&rabbit_url()).await,
            },
            _databases: databases,
        }
    }

    /// A new connection to the same broker.
    pub async fn broker(&self) -> Broker {
        match &self.place {
            Place::Embedded { file, .. } => Broker::embedded(file).await.unwrap(),
            Place::Rabbit { .. } => Broker::rabbit(&self.rabbit_settings(&rabbit_url())).unwrap(),
        }
    }

    /// The test's own exchanges and queues.
    pub fn rabbit_settings(&self, url: &str) -> RabbitSettings {
        let Place::Rabbit { prefix } = &self.place else {
            panic!("no RabbitMQ here")
        };
        RabbitSettings::new(url, prefix.as_str(), "test")
    }

    /// Starts the service that listens, once its queues exist.
    pub async fn listen(&self, broker: &Broker, subscriptions: &[Subscription]) -> Running {
        self.expect(subscriptions);
        broker.declare(subscriptions).await.unwrap();
        self.start_listening(broker, subscriptions)
    }

    /// What goes before every name.
    pub fn prefix(&self) -> &str {
        let Place::Rabbit { prefix } = &self.place else {
            panic!("no RabbitMQ here")
        };
        prefix.as_str()
    }

    /// Makes a queue as nobody of us would.
    pub async fn make_queue(&self, name: &str) {
        let name = format!("{}{name}", self.prefix()).into();
        let options = lapin::options::QueueDeclareOptions::durable();
        channel()
            .await
            .queue_declare(name, options, Default::default())
            .await
            .unwrap();
    }

    /// These are about to be made.
    pub fn expect(&self, subscriptions: &[Subscription]) {
        if let Place::Rabbit { prefix } = &self.place {
            prefix.expect(subscriptions.iter().map(Subscription::queue));
        }
    }

    /// Starts the service that listens.
    pub fn start_listening(&self, broker: &Broker, subscriptions: &[Subscription]) -> Running {
        self.expect(subscriptions);
        start(
            hasty(),
            broker,
            &self.notifications,
            "notifications",
            subscriptions.to_vec(),
        )
    }

    /// Starts the service that speaks.
    pub fn relay(&self, broker: &Broker) -> Running {
        start(hasty(), broker, &self.contacts, "contacts", Vec::new())
    }

    /// A relay that lets bulk messages gather for longer than any test lasts.
    pub fn gathering_relay(&self, broker: &Broker) -> Running {
        let pace = Pace {
            gather: Duration::from_secs(3600),
            ..hasty()
        };
        start(pace, broker, &self.contacts, "contacts", Vec::new())
    }

    /// A relay that has to be done with a window soon.
    pub fn relay_with_leases_of(&self, broker: &Broker, lease: Duration) -> Running {
        let pace = Pace { lease, ..hasty() };
        start(pace, broker, &self.contacts, "contacts", Vec::new())
    }

    pub async fn speak(&self, lane: Lane, envelopes: Vec<Envelope>) {
        let tx = self
            .contacts
            .write(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        enqueue(&tx, lane, envelopes).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Waits until everything spoken is published.
    pub async fn published(&self) {
        until(async || undrained(&self.contacts).await.unwrap().unpublished == 0).await;
    }

    /// Waits until a subscription has handled or buried all that was published for it.
    pub async fn quiet(&self, subscription: &Subscription) {
        let producers = [self.contacts.clone()];
        self.published().await;
        until(async || {
            subscription
                .undelivered(&producers, &self.notifications)
                .await
                .unwrap()
                == 0
        })
        .await;
    }

    /// Those that nobody has handled.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.letters(Which::default()).await
    }

    /// Those that were handled after all.
    pub async fn replayed(&self) -> Vec<DeadLetter> {
        let which = Which {
            replayed: true,
            ..Which::default()
        };
        self.letters(which).await
    }

    async fn letters(&self, which: Which) -> Vec<DeadLetter> {
        let tx = self
            .notifications
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        dead_letters(&tx, which, 100).await.unwrap()
    }

    /// Asks to have a letter handled once more; how many will be.
    pub async fn replay(&self, id: Uuid) -> usize {
        let which = Which {
            ids: Some(vec![id]),
            ..Which::default()
        };
        let scope = Scope::System(SystemReason::Test);
        let tx = self.notifications.write(scope).await.unwrap();
        let asked = ask_replay(&tx, which).await.unwrap();
        tx.commit().await.unwrap();
        asked.len()
    }

    /// The lanes of the outbox in the order of their publishing.
    pub async fn published_lanes(&self) -> Vec<String> {
        self.published().await;
        let tx = self
            .contacts
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let sql = "SELECT lane FROM outbox ORDER BY published_at, lane DESC";
        let rows = tx.query_all_raw(tx.statement(sql, [])).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Positions and data of what `contacts` has spoken.
    pub async fn outbox(&self) -> Vec<(i64, String)> {
        let tx = self
            .contacts
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let sql = "SELECT position, data FROM outbox ORDER BY position";
        let rows = tx.query_all_raw(tx.statement(sql, [])).await.unwrap();
        let read =
            |row: &sea_orm::QueryResult| (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        rows.iter().map(read).collect()
    }

    /// Makes it unpublished, as a relay leaves it that dies before it marks what the broker has.
    pub async fn unpublish(&self, rows: Vec<(i64, String)>) {
        let tx = self
            .contacts
            .write(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        for (position, data) in rows {
            let sql = "UPDATE outbox SET published_at = NULL, data = $2 WHERE position = $1";
            tx.execute_raw(tx.statement(sql, [position.into(), data.into()]))
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
    }

    /// Another process's connection to the broker, as far as the broker allows it.
    pub async fn broker_again(&self, broker: &Broker) -> Broker {
        match &self.place {
            Place::Embedded { .. } => broker.clone(),
            Place::Rabbit { .. } => self.broker().await,
        }
    }

    /// What another service hears, which binds a queue of its own to the public exchange.
    pub async fn overhear(&self, pattern: &str) -> lapin::Consumer {
        let Place::Rabbit { prefix } = &self.place else {
            panic!("no RabbitMQ here")
        };
        let channel = channel().await;
        let queue = lapin::options::QueueDeclareOptions {
            exclusive: true,
            ..Default::default()
        };
        let queue = channel
            .queue_declare("".into(), queue, Default::default())
            .await
            .unwrap()
            .name()
            .clone();
        let exchange = format!("{}usher.events", prefix.as_str()).into();
        let bound = channel.queue_bind(
            queue.clone(),
            exchange,
            pattern.into(),
            Default::default(),
            Default::default(),
        );
        bound.await.unwrap();
        channel
            .basic_consume(queue, "".into(), Default::default(), Default::default())
            .await
            .unwrap()
    }

    /// Puts something into a queue that nobody of us would write.
    pub async fn publish_raw(&self, queue: &str, body: &[u8]) {
        match &self.place {
            Place::Embedded { file, .. } => {
                let store = Database::open_file(file, 1).await.unwrap();
                let tx = store.write(Scope::System(SystemReason::Test)).await.unwrap();
                let text = String::from_utf8(body.to_vec()).unwrap();
                let sql = "INSERT INTO delivery (queue, message) VALUES ($1, $2)";
                tx.execute_raw(tx.statement(sql, [queue.into(), text.into()]))
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
                store.close().await;
            }
            Place::Rabbit { prefix } => {
                let queue = format!("{}{queue}", prefix.as_str()).into();
                let channel = channel().await;
                let confirm =
                    channel.basic_publish("".into(), queue, Default::default(), body, Default::default());
                confirm.await.unwrap().await.unwrap();
            }
        }
    }

    /// Publishes as another service does; what the broker says to it.
    pub async fn publish_inbound(
        &self,
        key: &str,
        properties: lapin::BasicProperties,
        body: &[u8],
    ) -> Result<lapin::Confirmation, lapin::Error> {
        let channel = channel().await;
        channel.confirm_select(Default::default()).await?;
        let options = lapin::options::BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let exchange = format!("{}usher.inbound", self.prefix()).into();
        channel
            .basic_publish(exchange, key.into(), options, body, properties)
            .await?
            .await
    }

    pub async fn count(&self, database: &Database, table: &str) -> i64 {
        let tx = database.read(Scope::System(SystemReason::Test)).await.unwrap();
        let sql = format!("SELECT count(*) FROM {table}");
        let row = tx.query_one_raw(tx.statement(sql, [])).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// Moves a column forty days into the past.
    pub async fn age(&self, database: &Database, table: &str, column: &str) {
        let tx = database.write(Scope::System(SystemReason::Test)).await.unwrap();
        let then = tx.dialect().now_plus(-40 * 24 * 3600 * 1000);
        tx.execute_unprepared(&format!("UPDATE {table} SET {column} = {then}"))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// How many events were handled.
    pub async fn inbox(&self, queue: &str) -> i64 {
        let tx = self
            .notifications
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let sql = "SELECT coalesce(sum(events), 0) FROM inbox WHERE queue = $1";
        let row = tx
            .query_one_raw(tx.statement(sql, [queue.into()]))
            .await
            .unwrap()
            .unwrap();
        row.try_get_by_index(0).unwrap()
    }
}

async fn channel() -> lapin::Channel {
    let connection = lapin::Connection::connect(&rabbit_url(), Default::default())
        .await
        .unwrap();
    connection.create_channel().await.unwrap()
}

/// Fast, with waits that a test can sit out.
fn hasty() -> Pace {
    Pace {
        gather: Duration::from_millis(5),
        retries: [Duration::from_millis(30); 4],
        poll: Duration::from_millis(50),
        outage: Duration::from_millis(20),
        lease: Duration::from_millis(500),
        window: 64,
        events: 200,
        slice: 50,
        drain: Duration::from_secs(5),
    }
}

fn start(
    pace: Pace,
    broker: &Broker,
    database: &Database,
    service: &'static str,
    subscriptions: Vec<Subscription>,
) -> Running {
    let stop = CancellationToken::new();
    let task = run_at(
        pace,
        broker.clone(),
        database.clone(),
        service,
        subscriptions,
        stop.clone(),
    );
    Running {
        stop,
        task: tokio::spawn(task),
    }
}

/// Asks until it is so.
pub async fn until(mut so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it never became so");
}

pub fn subscription(queue: &str, bindings: &[&str], handler: &Arc<impl Handler + 'static>) -> Subscription {
    Subscription::new(queue, bindings, Arc::clone(handler) as Arc<dyn Handler>)
}

pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// The `n`th event about a key.
pub fn event(key: Uuid, n: i64) -> Envelope {
    Envelope {
        id: ContactId::new(noon()).uuid(),
        source: "contacts".into(),
        kind: "usher.contact.updated.v1".into(),
        time: noon(),
        subject: key.to_string(),
        organization: Some(OrganizationId::from(Uuid::from_u128(7))),
        key,
        queue: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        publisher: None,
        data: Data::of(&serde_json::json!({"n": n, "name": "Zoë \"Z\" O'Neil"})),
    }
}

pub fn command(queue: &str, n: i64) -> Envelope {
    Envelope {
        kind: "usher.work.deliver.v1".into(),
        queue: Some(queue.into()),
        ..event(Uuid::from_u128(9), n)
    }
}

pub fn n(envelope: &Envelope) -> i64 {
    envelope.data.read::<serde_json::Value>().unwrap()["n"]
        .as_i64()
        .unwrap()
}
