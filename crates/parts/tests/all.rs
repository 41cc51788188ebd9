//! Opening the parts on files; on the real parts the journeys do it.

use tokio_util::sync::CancellationToken;
use usher_auth::Service;
use usher_parts::{Parts, connect_broker, connect_database, migrate};
use usher_service::{Lifecycle, Process, Settings, StartError};

fn settings(folder: &tempfile::TempDir, more: &[(&str, &str)]) -> Settings {
    let data_dir = folder.path().display().to_string();
    let pairs = [("data_dir", data_dir.as_str())]
        .into_iter()
        .chain(more.iter().copied());
    Settings::with(pairs).unwrap_or_else(|error| unreachable!("{error}"))
}

fn refused<T>(outcome: Result<T, StartError>) -> String {
    match outcome {
        Err(StartError::Settings(reason)) => reason,
        Err(other) => unreachable!("{other:?}"),
        Ok(_) => unreachable!("it was taken"),
    }
}

#[tokio::test]
async fn r1_files_are_made_where_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, &[]);
    let stop = CancellationToken::new();
    migrate(&settings, &stop).await.unwrap();
    for service in [Service::Contacts, Service::Invitations, Service::Notifications] {
        connect_database(&settings, service, &stop)
            .await
            .unwrap()
            .close()
            .await;
        assert!(folder.path().join(format!("{}.db", service.as_str())).exists());
    }
    connect_broker(&settings, "usher", &stop).await.unwrap();
    assert!(folder.path().join("broker.db").exists());
}

#[tokio::test]
async fn r3_a_service_waits_for_its_migrations() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, &[]);
    let stop = CancellationToken::new();
    let waiting = connect_database(&settings, Service::Contacts, &stop);
    let migrating = migrate(&settings, &stop);
    let (connected, migrated) = tokio::join!(waiting, migrating);
    migrated.unwrap();
    connected.unwrap().close().await;
}

#[tokio::test]
async fn r5_wrong_addresses_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let mysql = settings(&folder, &[("database_url", "mysql://root:hunter2@db/usher")]);
    assert_eq!(
        refused(migrate(&mysql, &stop).await),
        "the database (USHER_DATABASE_URL): the database URL starts with sqlite:// or postgres://"
    );
    let rabbit = settings(&folder, &[("amqp_url", "http://guest:hunter2@mq")]);
    assert_eq!(
        refused(connect_broker(&rabbit, "usher", &stop).await),
        "USHER_AMQP_URL: the AMQP URL cannot be read"
    );
    let process = Process {
        settings: settings(&folder, &[]),
        lifecycle: Lifecycle::default(),
    };
    assert_eq!(
        refused(Parts::open(Service::Contacts, &process).await),
        "USHER_AMQP_URL is not given: services that are processes of their own need RabbitMQ"
    );
}

/// Operators load it; what programs declare comes from the same place.
#[test]
fn r2_the_definitions_are_what_usher_topology_prints() {
    let folder = tempfile::tempdir().unwrap();
    let printed = usher_parts::topology(&settings(&folder, &[])).unwrap();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rabbitmq-definitions.json");
    let committed = std::fs::read_to_string(file).unwrap();
    assert_eq!(
        committed, printed,
        "usher topology > docs/rabbitmq-definitions.json"
    );
    let more = [
        ("amqp_url", "amqp://user:hunter2@mq/crm"),
        ("broker_prefix", "acme."),
    ];
    let own = usher_parts::topology(&settings(&folder, &more)).unwrap();
    assert!(
        own.contains("\"name\": \"acme.contacts.inbound.bulk\"") && own.contains("\"vhost\": \"crm\""),
        "{own}"
    );
    assert!(!own.contains("hunter2") && !own.contains("\"vhost\": \"/\""));
}

/// The services are not ours to call from here, so their source is read.
#[test]
fn e3_the_queues_known_to_all_are_those_that_services_listen_to() {
    let services = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services");
    for (service, file, queue) in [
        ("contacts", "mod.rs", "contacts.events"),
        ("contacts", "inbound/mod.rs", "contacts.inbound"),
        ("invitations", "mod.rs", "invitations.events"),
    ] {
        let source =
            std::fs::read_to_string(services.join(service).join("src/consumers").join(file)).unwrap();
        assert!(
            source.contains(&format!("\"{queue}\"")),
            "{service} names another queue"
        );
        let list = source
            .split("const BINDINGS")
            .nth(1)
            .unwrap()
            .split(';')
            .nth(1)
            .unwrap();
        let bound: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        let known = usher_parts::QUEUES
            .iter()
            .find(|(name, _)| *name == queue)
            .unwrap()
            .1;
        assert_eq!(bound, known, "{service}");
    }
}
