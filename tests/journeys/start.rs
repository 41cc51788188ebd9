//! How a start ends that cannot succeed, and how one goes on that has to wait (R5).

use std::collections::HashMap;
use std::path::Path;

use url::Url;
use usher_parts::QUEUES;
use usher_testkit::{BrokerPrefix, TestDatabase};
use usher_tests::{Gate, Postgres, Process, System, eventually, free_port, machine_amqp};

/// What is given in place of the right password.
const WRONG: &str = "not-the-password";

const SERVICES: [&str; 3] = ["usher-contacts", "usher-invitations", "usher-notifications"];

/// Settings for a process that lives in `folder`.
fn environment(folder: &Path, settings: &[(&str, &str)]) -> HashMap<String, String> {
    let listen = |name: &str| (format!("USHER_{name}"), format!("127.0.0.1:{}", free_port()));
    let own = [
        "LISTEN",
        "CONTACTS_LISTEN",
        "INVITATIONS_LISTEN",
        "NOTIFICATIONS_LISTEN",
    ]
    .map(listen);
    let given = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    own.into_iter()
        .chain([("USHER_DATA_DIR".to_owned(), folder.display().to_string())])
        .chain(given)
        .collect()
}

fn with_password(url: &str, password: &str) -> String {
    let mut url: Url = url.parse().expect("a URL");
    url.set_password(Some(password)).expect("a URL with a host");
    url.to_string()
}

/// Exit code 78, nothing on stdout, and on stderr the one line that says why.
pub(crate) async fn is_refused(name: &str, arguments: &[&str], settings: &[(&str, &str)], reason: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = environment(folder.path(), settings);
    let ended = Process::output(name, arguments, &environment, folder.path()).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    assert_eq!(
        (ended.status.code(), text(ended.stdout), text(ended.stderr)),
        (Some(78), String::new(), format!("{name}: {reason}\n"))
    );
}

#[tokio::test]
async fn r5_a_wrong_password_of_postgresql_stops_the_start() {
    let cluster = Postgres::start_with_password("the-password").await;
    let right = format!("{}/postgres", cluster.url());
    let wrong = with_password(&right, WRONG);
    let reason = "the database (USHER_DATABASE_URL): password authentication failed for user \"root\"";
    let amqp = machine_amqp();
    let settings = [
        ("USHER_DATABASE_URL", wrong.as_str()),
        ("USHER_AMQP_URL", amqp.as_str()),
    ];
    is_refused("usher", &[], &settings[..1], reason).await;
    is_refused("usher-migrate", &["up"], &settings[..1], reason).await;
    for service in SERVICES {
        is_refused(service, &[], &settings, reason).await;
    }

    // It was the password and nothing else.
    let folder = tempfile::tempdir().expect("a folder");
    let environment = environment(folder.path(), &[("USHER_DATABASE_URL", &right)]);
    let ended = Process::output("usher-migrate", &["up"], &environment, folder.path()).await;
    assert_eq!(ended.status.code(), Some(0));
}

#[tokio::test]
async fn r5_a_wrong_password_or_virtual_host_of_rabbitmq_stops_the_start() {
    let database = TestDatabase::postgres().await;
    let refusal = "the broker (USHER_AMQP_URL): the broker refuses: ";
    let login = format!(
        "{refusal}ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
    );
    let mut nowhere: Url = machine_amqp().parse().expect("a URL");
    nowhere.set_path("/nowhere");
    for (amqp, reason) in [
        (with_password(&machine_amqp(), WRONG), login),
        (
            nowhere.to_string(),
            format!("{refusal}NOT_ALLOWED - vhost nowhere not found"),
        ),
    ] {
        is_refused("usher", &[], &[("USHER_AMQP_URL", &amqp)], &reason).await;
        let settings = [
            ("USHER_DATABASE_URL", database.settings().url()),
            ("USHER_AMQP_URL", &amqp),
        ];
        for service in SERVICES {
            is_refused(service, &[], &settings, &reason).await;
        }
    }
}

#[tokio::test]
async fn r5_a_database_and_a_broker_that_do_not_answer_yet_are_waited_for_and_it_is_said() {
    let database = TestDatabase::postgres().await;
    let prefix = BrokerPrefix::new(&machine_amqp()).await;
    prefix.expect(QUEUES.iter().map(|(queue, _)| *queue));
    let mut to_database = Gate::shut(database.settings().url());
    let mut to_broker = Gate::shut(&machine_amqp());
    let mut system = System::launch_on(&[
        ("USHER_DATABASE_URL", &to_database.url()),
        ("USHER_AMQP_URL", &to_broker.url()),
        ("USHER_BROKER_PREFIX", prefix.as_str()),
    ]);
    let said = async |system: &System, what: &str| {
        let look = || async { system.logs().contains(what).then_some(()) };
        eventually(what, system.patience(), look).await;
    };
    said(&system, "waiting for the database (USHER_DATABASE_URL)").await;
    to_database.open().await;
    said(&system, "the database (USHER_DATABASE_URL) answers now").await;
    said(&system, "waiting for the broker (USHER_AMQP_URL)").await;
    to_broker.open().await;
    said(&system, "the broker (USHER_AMQP_URL) answers now").await;
    system.wait_until_ready().await;
    let log = system.logs();
    assert_eq!(log.matches("waiting for the database").count(), 1, "{log}");
    assert_eq!(log.matches("waiting for the broker").count(), 1, "{log}");
    system.stop().await;
}
