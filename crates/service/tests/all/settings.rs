//! R5: three layers, and one clear line for what is wrong.

use std::io::Write;

use secrecy::ExposeSecret;
use serde::Deserialize;
use usher_service::{Mode, Settings, Sources, StartError};

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grpc {
    deadline_seconds: u64,
    connect_seconds: u64,
    resolve_seconds: u64,
}

fn refused(sources: Sources) -> String {
    match Settings::load(sources) {
        Err(StartError::Settings(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn r5_the_defaults_are_complete() {
    let settings = Settings::load(Sources::default()).unwrap();
    assert_eq!(settings.common.mode, Mode::Development);
    assert_eq!(settings.common.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.common.public_url(), "http://127.0.0.1:8080");
    assert!(settings.common.database_url.is_none());
    assert!(settings.common.admin_password.is_none());
    let grpc: Grpc = settings.section("grpc").unwrap();
    assert_eq!(
        grpc,
        Grpc {
            deadline_seconds: 10,
            connect_seconds: 2,
            resolve_seconds: 5
        }
    );
}

#[test]
fn r5_environment_over_file_over_defaults() {
    let file = file("listen = \"127.0.0.1:9000\"\n[grpc]\ndeadline_seconds = 3\nconnect_seconds = 4\n");
    let sources = Sources::default()
        .file(file.path())
        .variable("USHER_GRPC__CONNECT_SECONDS", "7");
    let settings = Settings::load(sources).unwrap();
    assert_eq!(settings.common.listen.port(), 9000);
    let grpc: Grpc = settings.section("grpc").unwrap();
    assert_eq!(
        grpc,
        Grpc {
            deadline_seconds: 3,
            connect_seconds: 7,
            resolve_seconds: 5
        }
    );
}

#[test]
fn r5_a_password_of_digits_stays_text() {
    let sources = Sources::default().variable("USHER_ADMIN_PASSWORD", "0012");
    let settings = Settings::load(sources).unwrap();
    assert_eq!(
        settings.common.admin_password.as_ref().unwrap().expose_secret(),
        "0012"
    );
}

#[test]
fn r5_unknown_keys_are_refused_wherever_they_stand() {
    let sources = Sources::default().variable("USHER_LISTN", "x");
    assert_eq!(refused(sources), "USHER_LISTN: there is no such setting");
    let sources = Sources::default().variable("USHER_GRPC__DEADLINE", "x");
    assert_eq!(refused(sources), "USHER_GRPC__DEADLINE: there is no such setting");
    let file = file("[grpc]\ndeadline = 3\n");
    let path = file.path().display().to_string();
    let sources = Sources::default().file(file.path());
    assert_eq!(
        refused(sources),
        format!("{path}: there is no setting grpc.deadline")
    );
}

#[test]
fn r5_a_missing_file_says_so() {
    let reason = refused(Sources::default().file("/nowhere/usher.toml"));
    assert_eq!(
        reason,
        "settings file /nowhere/usher.toml: No such file or directory (os error 2)"
    );
}

#[test]
fn r5_a_wrong_form_names_the_key() {
    let reason = refused(Sources::default().variable("USHER_MODE", "staging"));
    assert!(reason.contains("mode") && reason.contains("staging"), "{reason}");
    let settings = Settings::with([("grpc.deadline_seconds", "soon")]).unwrap();
    let Err(StartError::Settings(reason)) = settings.section::<Grpc>("grpc") else {
        panic!("not refused");
    };
    assert!(
        reason.starts_with("[grpc]: ") && reason.contains("deadline_seconds"),
        "{reason}"
    );
}

#[test]
fn r5_variables_of_tests_and_other_programs_are_left_alone() {
    let sources = Sources::default()
        .variable("USHER_CONFIG", "")
        .variable("USHER_TEST_POSTGRES", "x")
        .variable("OTHER_LISTEN", "x");
    assert!(Settings::load(sources).is_ok());
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let settings = Settings::with([
        ("database_url", "postgres://usher:hunter2@db/usher"),
        ("admin_password", "hunter2"),
        ("seal_keys", "a:hunter2"),
    ])
    .unwrap();
    assert!(!format!("{:?}", settings.common).contains("hunter2"));
}

#[test]
fn the_public_address_has_no_slash_at_its_end_and_opens_on_this_machine() {
    let settings = Settings::with([("public_url", "https://portal.example/")]).unwrap();
    assert_eq!(settings.common.public_url(), "https://portal.example");
    let settings = Settings::with([("listen", "0.0.0.0:8080")]).unwrap();
    assert_eq!(settings.common.public_url(), "http://localhost:8080");
    assert_eq!(
        refused(Sources::default().set("public_url", "ftp://portal.example")),
        "public_url: must be an http or https address without a query"
    );
}

#[test]
fn r1_without_a_database_there_are_files() {
    let settings = Settings::with([("data_dir", "/var/lib/usher")]).unwrap();
    assert_eq!(
        settings.common.database().expose_secret(),
        "sqlite:///var/lib/usher"
    );
    assert!(settings.common.uses_data_dir());
    let real = [("database_url", "postgres://db/usher"), ("amqp_url", "amqp://mq")];
    assert!(!Settings::with(real).unwrap().common.uses_data_dir());
    assert!(Settings::with([real[0]]).unwrap().common.uses_data_dir());
    assert!(Settings::with([real[1]]).unwrap().common.uses_data_dir());
}
