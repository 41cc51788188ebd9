//! The first start in production (R1, R5): who its administrator is must be said, and nothing secret is printed.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of test functions"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

/// Everything that production needs but for the administrator.
const PRODUCTION: [(&str, &str); 7] = [
    ("USHER_MODE", "production"),
    (
        "USHER_SERVICE_KEYS",
        "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ),
    (
        "USHER_SEAL_KEYS",
        "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ),
    (
        "USHER_FIELD_KEYS",
        "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ),
    (
        "USHER_SIGNING_KEYS",
        "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ),
    ("USHER_MAIL__FROM", "portal@firm.example"),
    // nothing listens there: mail waits
    ("USHER_SMTP_URL", "smtp://127.0.0.1:1"),
];

fn usher(data_dir: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .env_clear()
        .envs(PRODUCTION)
        .env("USHER_DATA_DIR", data_dir)
        .env("USHER_LISTEN", "127.0.0.1:0")
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    command
}

/// The code of a start that fails, its last line, and all that it printed.
fn refused(data_dir: &Path, variables: &[(&str, &str)]) -> (i32, String, String) {
    let output = usher(data_dir, variables).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap_or_default().to_owned();
    (
        output.status.code().unwrap(),
        last,
        String::from_utf8(output.stdout).unwrap(),
    )
}

/// What is printed after the line that names the data folder: the service is ready then and is stopped.
fn announced(data_dir: &Path, variables: &[(&str, &str)]) -> String {
    let mut child = usher(data_dir, variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("  Data") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it ended");
    }
    let id = child.id().to_string();
    let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(told.success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    rest
}

#[test]
fn r5_production_does_not_make_its_administrator_up() {
    let folder = tempfile::tempdir().unwrap();
    let line = "usher: USHER_ADMIN_EMAIL is not given; the first start in production needs it, and USHER_ADMIN_PASSWORD \
                unless the administrator is to be invited by mail";
    let nobody = refused(folder.path(), &[]);
    assert_eq!(nobody, (78, line.to_owned(), String::new()));
    let owner = ("USHER_ADMIN_EMAIL", "owner@firm.example");
    let weak = refused(folder.path(), &[owner, ("USHER_ADMIN_PASSWORD", "hunter2")]);
    let line = "usher: USHER_ADMIN_PASSWORD is refused: a password has at least 15 characters";
    assert_eq!(weak, (78, line.to_owned(), String::new()));

    let invited = announced(folder.path(), &[owner]);
    assert_eq!(
        invited,
        "  Administrator  owner@firm.example   (invited by mail)\n"
    );
    // afterwards nobody has to be named any more
    assert_eq!(announced(folder.path(), &[]), "");
}
