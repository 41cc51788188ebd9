//! Other services: they publish contacts and hear what becomes of them, in three languages, on queues that operators have made.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use usher_tests::{Parts, Postgres, RabbitMq, Setting, System, binary, eventually};

/// The first run of an example may install what it needs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Of all users of the broker.
const PASSWORD: &str = "sesame";

/// What the guide tells operators to load on a fresh node, and users for the others. Nobody may configure what is Usher's.
fn definitions() -> Value {
    let file = include_str!("../../docs/rabbitmq-definitions.json");
    let mut all: Value = serde_json::from_str(file).expect("definitions");
    let guide = include_str!("../../docs/events.md");
    let (_, besides) = guide.split_once("```json\n").expect("what is to be added");
    let besides = besides
        .split("```")
        .next()
        .unwrap_or_default()
        .replace('…', PASSWORD);
    let besides: Value = serde_json::from_str(&besides).expect("definitions");
    for (name, added) in besides.as_object().expect("an object") {
        all[name] = added.clone();
    }
    let mut add = |name: &str, more: Value| all[name].as_array_mut().expect("a list").push(more);
    let own = "^example-.*$";
    for (user, configure, write, read) in [
        (
            "crm",
            own,
            r"^(usher\.inbound|example-.*)$",
            r"^(usher\.events|example-.*)$",
        ),
        ("stranger", "^$", r"^usher\.inbound$", "^$"),
    ] {
        add("users", json!({ "name": user, "password": PASSWORD, "tags": "" }));
        add(
            "permissions",
            json!({ "user": user, "vhost": "/", "configure": configure, "write": write, "read": read }),
        );
    }
    all
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scripts")
        .join(name)
}

/// An example as its readers run it.
fn example(language: &str, program: &str) -> Command {
    let mut command = match language {
        "rust" => Command::new(binary(&format!("examples/events-{program}"))),
        "node" => {
            let mut command = Command::new(script("node"));
            command.arg(format!("examples/events/node/{program}.mjs"));
            command
        }
        _ => {
            // pika comes with the tools of the chart's tests
            let mut command = Command::new(script("chart"));
            command.args(["python", &format!("examples/events/python/{program}.py")]);
            command
        }
    };
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// A consumer that listens.
async fn listening(language: &str, amqp: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = example(language, "consume");
    command
        .args([amqp, "", &format!("example-{language}"), "1"])
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the consumer starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its lines")).lines();
    assert_eq!(line(&mut lines).await, "listening", "{language}");
    (child, lines)
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let next = timeout(PATIENCE, lines.next_line())
        .await
        .expect("a line in time");
    next.expect("a line").unwrap_or_default()
}

async fn publish(language: &str, amqp: &str, id: &str, version: &str) {
    let mut command = example(language, "publish");
    command.args([amqp, "", id, version, &format!("{language}@example.com")]);
    let output = timeout(PATIENCE, command.output())
        .await
        .expect("in time")
        .expect("the publisher runs");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{language}: {log}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        format!("published {id}")
    );
}

async fn reasons(system: &System) -> Vec<Value> {
    let query = "query { deadLetters(first: 10) { component queue reason } }";
    let letters = system.admin().payload(query, json!({})).await;
    letters.as_array().expect("a list").clone()
}

#[tokio::test]
async fn e2_e1_examples_publish_and_listen_where_operators_have_made_the_queues() {
    let definitions = definitions();
    let (postgres, rabbitmq) = tokio::join!(Postgres::start(), RabbitMq::start_with(&definitions));
    let parts = Parts::Own {
        postgres: postgres.url(),
        amqp: rabbitmq.url_of("usher", PASSWORD),
    };
    let settings = [
        ("USHER_BROKER__TOPOLOGY", "expect"),
        ("USHER_INBOUND__PUBLISHERS", "crm:firm"),
    ];
    let system = System::start_with(Setting::Distributed, &parts, &settings).await;
    let crm = rabbitmq.url_of("crm", PASSWORD);
    let languages = ["python", "node", "rust"];
    for language in languages {
        let (mut consumer, mut lines) = listening(language, &crm).await;
        publish(language, &crm, &format!("id-{language}"), "1").await;
        let heard = format!("usher.contact.created.v1 id-{language} {language}@example.com");
        assert_eq!(line(&mut lines).await, heard);
        let ended = timeout(PATIENCE, consumer.wait())
            .await
            .expect("in time")
            .expect("an end");
        assert!(ended.success(), "{language}: {ended}");
    }
    let query = "query { contacts(first: 10) { nodes { email externalId } } }";
    let mut known = system.admin().payload(query, json!({})).await["nodes"]
        .as_array()
        .expect("a list")
        .clone();
    known.sort_by_key(|contact| contact["email"].to_string());
    let expected = |language| json!({ "email": format!("{language}@example.com"), "externalId": format!("id-{language}") });
    assert_eq!(known, ["node", "python", "rust"].map(expected));

    // what a known publisher does wrong is the organization's to see, what a stranger does the operator's
    publish("rust", &crm, "wrong", "0").await;
    publish("rust", &rabbitmq.url_of("stranger", PASSWORD), "strange", "1").await;
    let seen = eventually("the letter is given up", system.patience(), || async {
        Some(reasons(&system).await).filter(|letters| !letters.is_empty())
    })
    .await;
    let reason = "version: It is at least 1.";
    assert_eq!(
        seen,
        [json!({ "component": "CONTACTS", "queue": "contacts.inbound", "reason": reason })]
    );
    let both = eventually("both are given up", system.patience(), || async {
        let listed = system
            .command(&["dead-letters", "list", "--queue", "contacts.inbound"])
            .await;
        Some(listed).filter(|listed| listed.lines().count() >= 2)
    })
    .await;
    assert!(
        both.contains("the broker's user stranger speaks for no organization"),
        "{both}"
    );
    system.stop().await;
}
