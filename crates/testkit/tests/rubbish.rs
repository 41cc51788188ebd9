//! Nothing stays on the servers, however a test ends.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stand outside of test functions"
)]

use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::{Connection, ErrorKind, ExchangeKind};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};
use usher_database::Transaction;
use usher_events::Envelope;
use usher_messaging::{Broker, Handler, HandlerError, RabbitSettings, Subscription};
use usher_testkit::{BrokerPrefix, TestDatabase, block_on};
use uuid::Uuid;

fn amqp() -> String {
    std::env::var("USHER_TEST_AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned())
}

async fn postgres() -> PgConnection {
    let url = std::env::var("USHER_TEST_POSTGRES_URL");
    let url = url.unwrap_or_else(|_| "postgres://root@127.0.0.1:5432/postgres".to_owned());
    PgConnection::connect(&url).await.unwrap()
}

/// Runs one of the ignored tests in a process of its own; what it says of itself.
fn in_a_process(test: &str) -> Vec<String> {
    let arguments = ["--exact", test, "--ignored", "--nocapture"];
    let output = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_once("made "))
        .map(|(_, made)| made.to_owned())
        .collect()
}

fn say_made(what: &str) {
    let line = format!("\nmade {what}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Asks until it is so: another test's process may be the one that cleans up.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(20), asking);
    asked.await.expect("it never became so");
}

struct Nobody;

#[async_trait::async_trait]
impl Handler for Nobody {
    async fn handle(&self, _: &Transaction, _: &[Envelope]) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// A prefix with queues of two subscriptions below it.
async fn prefix_in_use() -> BrokerPrefix {
    let prefix = BrokerPrefix::new(&amqp()).await;
    prefix.expect(["kit.events", "kit.work"]);
    let subscriptions = [("kit.events", &["usher.contact.*.v1"][..]), ("kit.work", &[])]
        .map(|(queue, bindings)| Subscription::new(queue, bindings, Arc::new(Nobody)));
    let broker = Broker::rabbit(&RabbitSettings::new(amqp(), prefix.as_str(), "test")).unwrap();
    broker.declare(&subscriptions).await.unwrap();
    prefix
}

/// Which of the queues and exchanges below a prefix are there.
async fn present(prefix: &str) -> Vec<String> {
    let connection = Connection::connect(&amqp(), Default::default()).await.unwrap();
    let mut found = Vec::new();
    for queue in ["kit.events", "kit.work"] {
        for kind in ["interactive", "bulk", "dead"] {
            let name = format!("{prefix}{queue}.{kind}");
            let channel = connection.create_channel().await.unwrap();
            let options = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::durable()
            };
            let asked = channel
                .queue_declare(name.as_str().into(), options, Default::default())
                .await;
            found.extend(is_there(asked).then_some(name));
        }
    }
    for exchange in ["events", "packs", "work", "dead"] {
        let name = format!("{prefix}usher.{exchange}");
        let channel = connection.create_channel().await.unwrap();
        let options = ExchangeDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let asked = channel
            .exchange_declare(
                name.as_str().into(),
                ExchangeKind::Topic,
                options,
                Default::default(),
            )
            .await;
        found.extend(is_there(asked).then_some(name));
    }
    found
}

fn is_there<T>(asked: Result<T, lapin::Error>) -> bool {
    match asked.map_err(|error| error.kind().clone()) {
        Ok(_) => true,
        Err(ErrorKind::ProtocolError(protocol)) => {
            assert_eq!(protocol.get_id(), 404, "{protocol}");
            false
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_prefix_takes_its_queues_and_exchanges_along() {
    block_on(async {
        let prefix = prefix_in_use().await;
        let name = prefix.as_str().to_owned();
        assert_eq!(present(&name).await.len(), 10);
        drop(prefix);
        assert_eq!(present(&name).await, Vec::<String>::new());
    });
}

#[test]
fn a_panic_deletes_queues_too() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let failing = std::thread::spawn(move || {
        block_on(async {
            let prefix = prefix_in_use().await;
            sender.send(prefix.as_str().to_owned()).unwrap();
            panic!("this test fails on purpose");
        });
    });
    assert!(failing.join().is_err());
    block_on(async {
        assert_eq!(present(&receiver.recv().unwrap()).await, Vec::<String>::new());
    });
}

#[test]
#[ignore = "is run in a process of its own, which ends in the middle"]
fn leaves_queues() {
    block_on(async {
        let prefix = prefix_in_use().await;
        assert_eq!(present(prefix.as_str()).await.len(), 10);
        say_made(prefix.as_str());
        std::process::exit(1);
    });
}

#[test]
fn queues_of_a_killed_process_are_deleted_by_the_next() {
    let left = in_a_process("leaves_queues");
    assert_eq!(left.len(), 1);
    block_on(async {
        let _next = BrokerPrefix::new(&amqp()).await;
        until(async || present(&left[0]).await.is_empty()).await;
    });
}

async fn exists(connection: &mut PgConnection, database: &str) -> bool {
    let sql = "SELECT 1 FROM pg_database WHERE datname = $1";
    let found = sqlx::query(sql).bind(database).fetch_optional(connection).await;
    found.unwrap().is_some()
}

async fn run(connection: &mut PgConnection, sql: String) {
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

#[test]
#[ignore = "is run in a process of its own, which ends in the middle"]
fn leaves_a_database() {
    block_on(async {
        let database = TestDatabase::postgres().await;
        let (_, name) = database.settings().url().rsplit_once('/').unwrap();
        say_made(name);
        std::process::exit(1);
    });
}

#[test]
#[ignore = "is run in a process of its own"]
fn makes_a_database() {
    block_on(async {
        let database = TestDatabase::postgres().await;
        database.service("contacts").await.close().await;
        let (_, name) = database.settings().url().rsplit_once('/').unwrap();
        say_made(name);
    });
}

#[test]
fn databases_of_killed_processes_are_dropped_by_the_next_and_others_are_not() {
    block_on(async {
        let living = TestDatabase::postgres().await;
        let left = in_a_process("leaves_a_database");
        let gone = in_a_process("makes_a_database");
        let mut connection = postgres().await;
        assert_eq!((left.len(), gone.len()), (1, 1));
        for name in left.iter().chain(&gone) {
            until(async || !exists(&mut connection, name).await).await;
        }
        let (_, name) = living.settings().url().rsplit_once('/').unwrap();
        assert!(exists(&mut connection, name).await);
    });
}

/// An empty template that says when it was used.
async fn template(connection: &mut PgConnection, used: &str) -> String {
    let name = format!("usher_template_{}", &Uuid::new_v4().simple().to_string()[..16]);
    run(connection, format!("CREATE DATABASE {name} IS_TEMPLATE true")).await;
    run(connection, format!("COMMENT ON DATABASE {name} IS '{used}'")).await;
    name
}

#[test]
fn templates_that_nobody_uses_any_more_are_dropped() {
    block_on(async {
        let mut connection = postgres().await;
        let old = template(&mut connection, "1000000000").await;
        let young = template(&mut connection, "9000000000").await;
        assert_eq!(in_a_process("makes_a_database").len(), 1);
        until(async || !exists(&mut connection, &old).await).await;
        let kept = exists(&mut connection, &young).await;
        run(
            &mut connection,
            format!("ALTER DATABASE {young} IS_TEMPLATE false"),
        )
        .await;
        run(&mut connection, format!("DROP DATABASE {young}")).await;
        assert!(kept);
    });
}
