//! `usher doctor`: what is there and what is missing, a line a check, on real parts.

use std::collections::HashMap;
use std::path::Path;

use usher_auth::Keyring;
use usher_testkit::mail::{At, Rule, SmtpServer};
use usher_tests::{NameServer, Postgres, Process, free_port, machine_amqp};

const PASSWORD: &str = "the-password";
const SPF: (&str, &str) = ("firm.example", "v=spf1 mx -all");
const DKIM: (&str, &str) = ("s1._domainkey.firm.example", "v=DKIM1; k=rsa; p=MIIB");
const DMARC: (&str, &str) = ("_dmarc.firm.example", "v=DMARC1; p=reject");

/// Exit code, the lines of stdout, and stderr.
struct Told {
    code: Option<i32>,
    lines: Vec<String>,
    reason: String,
}

impl Told {
    /// The line about this, without what goes before it.
    fn about(&self, what: &str) -> (&str, &str) {
        let line = self
            .lines
            .iter()
            .find(|line| line.get(6..).is_some_and(|line| line.starts_with(what)));
        let line = line.unwrap_or_else(|| panic!("no line about {what}: {:#?}", self.lines));
        (line[..4].trim_end(), line[6 + 11..].trim_start())
    }
}

async fn doctor(folder: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> Told {
    let settings = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let data = folder.join("data").display().to_string();
    let environment: HashMap<String, String> = [("USHER_DATA_DIR".to_owned(), data)]
        .into_iter()
        .chain(settings)
        .collect();
    let arguments: Vec<&str> = ["doctor"].iter().chain(arguments).copied().collect();
    let ended = Process::output("usher", &arguments, &environment, folder).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let (stdout, stderr) = (text(ended.stdout), text(ended.stderr));
    assert!(
        !stdout.contains(PASSWORD) && !stderr.contains(PASSWORD),
        "{stdout}{stderr}"
    );
    Told {
        code: ended.status.code(),
        lines: stdout.lines().map(str::to_owned).collect(),
        reason: stderr,
    }
}

#[tokio::test]
async fn r5_on_a_machine_of_its_own_nothing_is_needed_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = doctor(folder.path(), &[], &[]).await;
    let database = folder.path().join("data/contacts.db");
    assert_eq!(
        told.lines,
        [
            "ok    settings     development, http://127.0.0.1:8080",
            "ok    keys         made in the data folder at the first start, as this is development",
            &format!(
                "ok    database     {} is made at the first start",
                database.display()
            ),
            "ok    broker       in this process, a file in the data folder",
            "ok    mail server  none; mails are files in the data folder, as this is development",
            "ok    names        usher.localhost is this machine alone, so nobody is asked about it",
        ]
    );
    assert_eq!((told.code, told.reason.as_str()), (Some(0), ""));
    // what was asked and does not apply is said
    let arguments = ["--replicas", "2", "--dkim-selector", "s1"];
    let told = doctor(folder.path(), &[], &arguments).await;
    assert_eq!(
        told.about("connections"),
        (
            "warn",
            "files are for one process: --replicas says nothing about them"
        )
    );
    assert_eq!(
        told.about("names"),
        (
            "warn",
            "usher.localhost is this machine alone, so nobody is asked about it: --dkim-selector says nothing about it"
        )
    );
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn r5_a_doctor_finds_a_healthy_installation_healthy() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Postgres::start_with_password(PASSWORD).await;
    let database = format!("{}/postgres", cluster.url());
    let migrate = HashMap::from([("USHER_DATABASE_URL".to_owned(), database.clone())]);
    let migrated = Process::output("usher-migrate", &["up"], &migrate, folder.path()).await;
    assert_eq!(migrated.status.code(), Some(0));
    let smtp = SmtpServer::offering(&["AUTH PLAIN"]).await;
    let names = NameServer::start(&[SPF, DKIM, DMARC]).await;
    let mail = smtp.url().replace("smtp://", &format!("smtp://user:{PASSWORD}@")) + "?tls=none";
    let key = Keyring::generate_text("k1");
    let amqp = machine_amqp();
    let told = doctor(
        folder.path(),
        &[
            ("USHER_MODE", "production"),
            ("USHER_PUBLIC_URL", "https://portal.firm.example"),
            ("USHER_DATABASE_URL", &database),
            ("USHER_AMQP_URL", &amqp),
            ("USHER_SMTP_URL", &mail),
            ("USHER_MAIL__FROM", "portal@firm.example"),
            ("USHER_SERVICE_KEYS", &key),
            ("USHER_SEAL_KEYS", &key),
            ("USHER_FIELD_KEYS", &key),
            ("USHER_SIGNING_KEYS", &key),
        ],
        &[
            "--dkim-selector",
            "s1",
            "--name-server",
            &names.address().to_string(),
        ],
    )
    .await;
    assert_eq!(
        (told.code, told.reason.as_str()),
        (Some(0), ""),
        "{:#?}",
        told.lines
    );
    let (verdict, text) = told.about("database");
    assert_eq!(verdict, "ok");
    assert!(
        text.starts_with("PostgreSQL ") && text.ends_with(", all schemas as this version knows them"),
        "{text}"
    );
    assert_eq!(told.about("clock").0, "ok");
    let server = smtp.url().replace("smtp://", "server ");
    let mail = format!(
        "{server} takes user and password, but mails go to it unencrypted: where it is not on this machine, \
         add ?tls=required to USHER_SMTP_URL"
    );
    for (what, verdict, text) in [
        ("settings", "ok", "production, https://portal.firm.example"),
        ("keys", "ok", "service, seal, field and signing keys can be read"),
        (
            "encryption",
            "ok",
            "not encrypted; the database is on this machine",
        ),
        (
            "connections",
            "ok",
            "one process of each service, one more during an upgrade, take up to 61 of 100",
        ),
        ("broker", "ok", "RabbitMQ takes user, password and virtual host"),
        ("mail server", "warn", &mail),
        ("SPF", "ok", "firm.example: v=spf1 mx -all"),
        ("DKIM", "ok", "s1._domainkey.firm.example has a key"),
        ("DMARC", "ok", "_dmarc.firm.example: v=DMARC1; p=reject"),
    ] {
        assert_eq!(told.about(what), (verdict, text));
    }
    assert_eq!(told.lines.len(), 11);
    assert_eq!(smtp.sign_ins().len(), 1);
    assert_eq!(smtp.mails(), []);
}

#[tokio::test]
async fn r5_a_doctor_says_of_each_part_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Postgres::start_with_password("another").await;
    let database = format!("{}/postgres", cluster.url()).replace("another", PASSWORD);
    let amqp = format!("amqp://guest:{PASSWORD}@127.0.0.1:{}", free_port());
    let smtp = SmtpServer::offering(&["AUTH PLAIN"]).await;
    smtp.rule(Rule::reply(At::SignIn, "535 5.7.8 no such user"));
    let mail = smtp.url().replace("smtp://", &format!("smtp://user:{PASSWORD}@")) + "?tls=none";
    let names = NameServer::start(&[]).await;
    let told = doctor(
        folder.path(),
        &[
            ("USHER_DATABASE_URL", &database),
            ("USHER_AMQP_URL", &amqp),
            ("USHER_SMTP_URL", &mail),
            ("USHER_MAIL__FROM", "portal@eu.firm.example"),
            ("USHER_SEAL_KEYS", "not-a-key"),
            ("USHER_SERVICE_KEYS", "not-a-key"),
            ("USHER_FIELD_KEYS", "not-a-key"),
            ("USHER_SIGNING_KEYS", "not-a-key"),
            ("USHER_GATEWAY__QUERY_DEPTH", "deep"),
            ("USHER_MODE", "production"),
        ],
        &[
            "--dkim-selector",
            "s1",
            "--name-server",
            &names.address().to_string(),
        ],
    )
    .await;
    let failed: Vec<&str> = told.lines.iter().map(|line| &line[..4]).collect();
    assert_eq!(failed, ["fail"; 8], "{:#?}", told.lines);
    assert_eq!(
        (told.code, told.reason.as_str()),
        (Some(1), "usher: 8 of 8 checks failed\n")
    );
    let server = smtp.url().replace("smtp://", "server ");
    for (what, text) in [
        (
            "database",
            "password authentication failed for user \"root\": look at USHER_DATABASE_URL and at the server",
        ),
        (
            "mail server",
            &format!("{server}: 535 5.7.8 no such user: look at USHER_SMTP_URL and at the server"),
        ),
        (
            "keys",
            "USHER_SERVICE_KEYS: write keys as id:base64,id:base64 with 32 bytes each, the first of which is used",
        ),
        (
            "SPF",
            "eu.firm.example has none: publish a text record there that names your mail servers, such as \"v=spf1 mx -all\"",
        ),
        (
            "DKIM",
            "s1._domainkey.eu.firm.example has no key: publish the one that your mail server shows, \
             or name its selector (--dkim-selector)",
        ),
        (
            "DMARC",
            "eu.firm.example has none, and large providers refuse masses without: publish a text record at \
             _dmarc.eu.firm.example, \"v=DMARC1; p=none\" to begin with",
        ),
    ] {
        assert_eq!(told.about(what), ("fail", text));
    }
    let (_, broker) = told.about("broker");
    assert!(
        broker.starts_with("the broker does not answer: ")
            && broker.ends_with(": look at USHER_AMQP_URL and at the broker"),
        "{broker}"
    );
    assert!(
        told.about("settings").1.contains("query_depth"),
        "{:#?}",
        told.lines
    );
}

#[tokio::test]
async fn r3_a_doctor_sees_schemas_that_are_not_migrated_and_asks_above_for_a_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Postgres::start().await;
    let database = format!("{}/postgres", cluster.url());
    let names = NameServer::start(&[("eu.firm.example", SPF.1), DMARC]).await;
    let told = doctor(
        folder.path(),
        &[
            ("USHER_DATABASE_URL", &database),
            ("USHER_MAIL__FROM", "portal@eu.firm.example"),
        ],
        &["--name-server", &names.address().to_string()],
    )
    .await;
    let (verdict, text) = told.about("database");
    assert_eq!(verdict, "fail");
    assert!(text.ends_with(": run usher-migrate up"), "{text}");
    assert_eq!(
        told.about("DMARC"),
        ("ok", "_dmarc.firm.example: v=DMARC1; p=reject")
    );
    assert_eq!(
        told.about("DKIM"),
        (
            "warn",
            "not looked at: name the selector with which your mail server signs (--dkim-selector)"
        )
    );
    assert_eq!(
        (told.code, told.reason.as_str()),
        (Some(1), "usher: 1 of 8 checks failed\n")
    );
}
