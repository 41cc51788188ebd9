//! Starts that end at once (R5, R1).

use std::net::TcpListener;
use std::process::{Command, Output};

use crate::usher;

/// What no line may quote.
const SECRET: &str = "hunter2";

/// The code and the last line on stderr of a start that fails.
pub fn refusal(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    (
        status.code().unwrap(),
        text.lines().last().unwrap_or_default().to_owned(),
    )
}

/// A variable, a wrong value, and what is said of it.
const WRONG: &[(&str, &str, &str)] = &[
    ("USHER_LISTN", "x", "USHER_LISTN: there is no such setting"),
    (
        "USHER_LISTEN",
        "nowhere",
        "invalid socket address syntax for key `listen`",
    ),
    (
        "USHER_PUBLIC_URL",
        "ftp://portal.example",
        "public_url: must be an http or https address without a query",
    ),
    (
        "USHER_DATA_DIR",
        "/proc/nothing",
        "data_dir /proc/nothing: No such file or directory (os error 2)",
    ),
    (
        "USHER_CONFIG",
        "/nowhere/usher.toml",
        "settings file /nowhere/usher.toml: No such file or directory (os error 2)",
    ),
    (
        "USHER_DATABASE_URL",
        "mysql://root:hunter2@db/x",
        "the database (USHER_DATABASE_URL): the database URL starts with sqlite:// or postgres://",
    ),
    (
        "USHER_DATABASE_URL",
        "postgres://root:hunter2@db:port/x",
        "the database (USHER_DATABASE_URL): the PostgreSQL URL cannot be read",
    ),
    (
        "USHER_DATABASE__CONNECTIONS",
        "0",
        "[database]: connections is at least 1",
    ),
    (
        "USHER_AMQP_URL",
        "http://guest:hunter2@mq",
        "USHER_AMQP_URL: the AMQP URL cannot be read",
    ),
    (
        "USHER_BROKER_PREFIX",
        "a b",
        "broker_prefix: at most 100 letters, digits, dots, dashes and underscores",
    ),
    (
        "USHER_SMTP_URL",
        "http://user:hunter2@mail.example",
        "USHER_SMTP_URL: begins with smtp:// or smtps://",
    ),
    (
        "USHER_SMTP_URL",
        "smtp://hunter2@mail.example",
        "USHER_SMTP_URL: names a user without a password",
    ),
    (
        "USHER_MAIL__FROM",
        "nobody",
        "[mail]: from: the address is not one that mail can be sent to",
    ),
    (
        "USHER_SEAL_KEYS",
        "hunter2",
        "USHER_SEAL_KEYS: write keys as id:base64,id:base64 with 32 bytes each, the first of which is used",
    ),
    (
        "USHER_ADMIN_EMAIL",
        "nobody",
        "the first organization: the administrator's address is none",
    ),
    (
        "USHER_TELEMETRY__FILTER",
        "[",
        "[telemetry]: filter: invalid filter directive",
    ),
    (
        "USHER_GRPC__DEADLINE_SECONDS",
        "0",
        "[grpc]: times are at least one second",
    ),
    (
        "USHER_MODE",
        "production",
        "USHER_SERVICE_KEYS is not given; production needs it: id:base64 of 32 random bytes",
    ),
];

#[test]
fn r5_wrong_settings_stop_the_start_with_78() {
    for (variable, value, reason) in WRONG {
        let folder = tempfile::tempdir().unwrap();
        let ended = refusal(&mut usher(folder.path(), &[(variable, value)]));
        assert_eq!(ended, (78, format!("usher: {reason}")), "{variable}");
    }
}

#[test]
fn r1_a_port_in_use_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, line) = refusal(usher(folder.path(), &[]).env("USHER_LISTEN", &address));
    let port = taken.local_addr().unwrap().port();
    assert_eq!(code, 69);
    assert_eq!(
        line,
        format!(
            "usher: port {port} is in use on 127.0.0.1: another program listens there; stop it or set USHER_LISTEN"
        )
    );
}
