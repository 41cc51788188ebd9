//! Encrypted ways to database and broker, on certificates of the test's own (R5).

use std::collections::HashMap;
use std::path::Path;

use serde_json::json;
use usher_testkit::tls::{Authority, TlsFront};
use usher_tests::{Postgres, Process, RabbitMq, System, machine_amqp};

use crate::operations::{CREATE_CONTACT, SEND};

const UNKNOWN: &str = "its certificate is signed by an authority that we do not know";
const OTHER_NAME: &str = "its certificate is not trusted: certificate not valid for name \"127.0.0.1\"; \
     certificate is only valid for DnsName(\"localhost\")";

/// Exit code, stdout and stderr of a command with these settings.
async fn ended(
    name: &str,
    arguments: &[&str],
    settings: &[(&str, &str)],
    folder: &Path,
) -> (i32, String, String) {
    let data = ("USHER_DATA_DIR".to_owned(), folder.display().to_string());
    let given = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let environment: HashMap<String, String> = given.chain([data]).collect();
    let ended = Process::output(name, arguments, &environment, folder).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        ended.status.code().expect("an end"),
        text(ended.stdout),
        text(ended.stderr),
    )
}

fn file(folder: &Path, name: &str, authority: &Authority) -> String {
    let path = folder.join(name);
    std::fs::write(&path, authority.pem()).expect("a file");
    path.display().to_string()
}

#[tokio::test]
async fn r5_the_database_has_to_show_a_certificate_of_its_own_name_and_a_known_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let cluster = Postgres::start_with_certificate(&authority.identity("localhost")).await;
    let by_number = format!("{}/postgres", cluster.url());
    let by_name = by_number.replace("127.0.0.1", "localhost");
    let right = file(folder.path(), "right.pem", &authority);
    let wrong = file(folder.path(), "wrong.pem", &Authority::new());
    for (url, trusted, reason) in [(&by_name, &wrong, UNKNOWN), (&by_number, &right, OTHER_NAME)] {
        let settings = [
            ("USHER_DATABASE_URL", url.as_str()),
            ("USHER_TLS__DATABASE_CA", trusted.as_str()),
        ];
        let refused = ended("usher-migrate", &["up"], &settings, folder.path()).await;
        let reason = format!("the database (USHER_DATABASE_URL): the database cannot be trusted: {reason}");
        assert_eq!(refused, (78, String::new(), format!("usher-migrate: {reason}\n")));
    }
    let settings = [
        ("USHER_DATABASE_URL", by_name.as_str()),
        ("USHER_TLS__DATABASE_CA", right.as_str()),
    ];
    assert_eq!(
        ended("usher-migrate", &["up"], &settings, folder.path()).await,
        (0, String::new(), String::new())
    );
    let (code, told, _) = ended("usher", &["doctor"], &settings, folder.path()).await;
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("ok    encryption   encrypted, and the server's certificate is verified\n"),
        "{told}"
    );

    // Without an authority nobody is refused, and the doctor says what that means.
    let (code, told, _) = ended("usher", &["doctor"], &settings[..1], folder.path()).await;
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains(
            "warn  encryption   encrypted, but anybody could pose as the database: name its authority in [tls] database_ca\n"
        ),
        "{told}"
    );
}

#[tokio::test]
async fn r5_the_broker_has_to_show_a_certificate_of_its_own_name_and_a_known_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let plain: url::Url = machine_amqp().parse().expect("a URL");
    let server = format!(
        "{}:{}",
        plain.host_str().expect("a host"),
        plain.port().expect("a port")
    );
    let front = TlsFront::of(&server, &authority.identity("localhost")).await;
    let at = |host: &str| {
        let mut url: url::Url = machine_amqp()
            .replacen("amqp://", "amqps://", 1)
            .parse()
            .expect("a URL");
        url.set_host(Some(host)).expect("a host");
        url.set_port(Some(front.port())).expect("a port");
        url.to_string()
    };
    let right = file(folder.path(), "right.pem", &authority);
    let wrong = file(folder.path(), "wrong.pem", &Authority::new());
    let good = "ok    broker       RabbitMQ takes user, password and virtual host".to_owned();
    let refused = |reason: &str| {
        format!(
            "fail  broker       the broker cannot be trusted: {reason}: look at USHER_AMQP_URL and at the broker"
        )
    };
    for (url, trusted, line) in [
        (at("localhost"), Some(&right), good),
        (at("localhost"), None, refused(UNKNOWN)),
        (at("localhost"), Some(&wrong), refused(UNKNOWN)),
        (at("127.0.0.1"), Some(&right), refused(OTHER_NAME)),
        (
            machine_amqp(),
            Some(&right),
            "fail  broker       USHER_AMQP_URL: [tls] has an amqp_ca, but the AMQP URL does not begin with amqps://".to_owned(),
        ),
    ] {
        let mut settings = vec![("USHER_AMQP_URL", url.as_str())];
        settings.extend(trusted.map(|trusted| ("USHER_TLS__AMQP_CA", trusted.as_str())));
        let (_, told, _) = ended("usher", &["doctor"], &settings, folder.path()).await;
        let broker = told.lines().find(|told| told.get(6..12) == Some("broker"));
        assert_eq!(broker, Some(line.as_str()));
    }
    // It ends a start, too.
    let url = at("localhost");
    let settings = [
        ("USHER_AMQP_URL", url.as_str()),
        ("USHER_TLS__AMQP_CA", wrong.as_str()),
        ("USHER_LISTEN", "127.0.0.1:0"),
    ];
    let refused = ended("usher", &[], &settings, folder.path()).await;
    let reason = format!("usher: the broker (USHER_AMQP_URL): the broker cannot be trusted: {UNKNOWN}\n");
    assert_eq!(refused, (78, String::new(), reason));
}

/// Not in front of it, as above, but RabbitMQ's own listener.
#[tokio::test]
async fn r5_rabbitmq_itself_encrypts_what_goes_between_services() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let node = RabbitMq::start_with_certificate(&authority.identity("localhost")).await;
    let right = file(folder.path(), "right.pem", &authority);
    let wrong = file(folder.path(), "wrong.pem", &Authority::new());
    let url = node.encrypted_url("localhost");
    let settings = [
        ("USHER_AMQP_URL", url.as_str()),
        ("USHER_TLS__AMQP_CA", wrong.as_str()),
        ("USHER_LISTEN", "127.0.0.1:0"),
    ];
    let (code, _, told) = ended("usher", &[], &settings, folder.path()).await;
    let reason = format!("usher: the broker (USHER_AMQP_URL): the broker cannot be trusted: {UNKNOWN}\n");
    assert_eq!((code, told), (78, reason));

    let mut system = System::launch_on(&[("USHER_AMQP_URL", &url), ("USHER_TLS__AMQP_CA", &right)]);
    system.wait_until_ready().await;
    let admin = system.sign_in_again().await;
    let input =
        json!({ "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com" });
    admin.done(CREATE_CONTACT, json!({ "input": input })).await;
    admin
        .done(SEND, json!({ "input": { "contacts": { "filter": {} } } }))
        .await;
    system.mailbox().only_mail_to("ada@example.com").await;
    system.stop().await;
}

#[tokio::test]
async fn r5_a_file_of_authorities_that_is_none_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    let empty = empty.display().to_string();
    for (variable, name, value, reason) in [
        (
            "USHER_TLS__DATABASE_CA",
            "database_ca",
            empty.as_str(),
            "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
        ),
        (
            "USHER_TLS__DATABASE_CA",
            "database_ca",
            "/nowhere.pem",
            "No such file or directory (os error 2)",
        ),
    ] {
        let (code, _, told) = ended("usher", &[], &[(variable, value)], folder.path()).await;
        assert_eq!(
            (code, told),
            (78, format!("usher: [tls]: {name}: {value}: {reason}\n"))
        );
    }
}
