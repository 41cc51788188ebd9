//! The binary from outside: how it starts, what it says, with which code it ends.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stand outside of test functions"
)]

mod refusals;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::refusals::refusal;

/// `usher` with nothing in its environment but these.
fn usher(data_dir: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command
        .env_clear()
        .env("USHER_DATA_DIR", data_dir)
        .env("USHER_LISTEN", "127.0.0.1:0")
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    command
}

/// A running `usher` that has said it is ready. Killed when dropped.
struct Running {
    child: Child,
    lines: Vec<String>,
    _stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Running {
    fn start(data_dir: &Path, variables: &[(&str, &str)]) -> Self {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = usher(data_dir, variables);
        let mut child = command
            .env("USHER_LISTEN", &listen)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = Vec::new();
        while !lines
            .last()
            .is_some_and(|line: &String| line.starts_with("  Data"))
        {
            let mut line = String::new();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it ended: {lines:?}");
            lines.push(line.trim_end().to_owned());
        }
        Self {
            child,
            lines,
            _stdout: stdout,
            port,
        }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ctrl-C; the exit code.
    fn interrupt(mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code().unwrap()
    }

    fn credentials(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        for _ in 0..2 {
            let mut line = String::new();
            self._stdout.read_line(&mut line).unwrap();
            found.push(line.trim_end().to_owned());
        }
        found
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn r1_everything_runs_in_one_process_and_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut first = Running::start(folder.path(), &[]);
    // the promise is a second after an idle machine's build; a busy one gets some air
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let port = first.port;
    let ready = &first.lines[0];
    assert!(
        ready.starts_with("Usher is ready after ") && ready.ends_with(&format!(": http://127.0.0.1:{port}"))
    );
    let credentials = first.credentials();
    assert_eq!(credentials[0], "  Administrator  admin@usher.localhost");
    let password = credentials[1]
        .strip_prefix("  Password       ")
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert_eq!(password.len(), 20);
    assert!(first.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(first.get("/.well-known/jwks.json").contains("\"kid\""));

    let (code, line) = refusal(&mut usher(folder.path(), &[]));
    assert_eq!(code, 69);
    assert!(
        line.starts_with("usher: the data folder ") && line.contains(" is in use by another process"),
        "{line}"
    );
    assert_eq!(first.interrupt(), 0);

    // the second start makes nothing and tells no password
    let mut second = Running::start(folder.path(), &[]);
    let id = second.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    let mut rest = String::new();
    second._stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert_eq!(second.child.wait().unwrap().code(), Some(0));
}

#[test]
fn r6_further_organizations_are_made_beside_a_running_usher() {
    let folder = tempfile::tempdir().unwrap();
    // what is served there already is no hindrance
    let private = format!("127.0.0.1:{}", free_port());
    let private = ("USHER_PRIVATE_LISTEN", private.as_str());
    let running = Running::start(
        folder.path(),
        &[("USHER_ADMIN_PASSWORD", "correct horse battery"), private],
    );
    let add = |slug: &str, email: &str| {
        let arguments = [
            "organization",
            "add",
            "--slug",
            slug,
            "--name",
            "Acme Advisors",
            "--admin-email",
            email,
        ];
        usher(folder.path(), &[private]).args(arguments).output().unwrap()
    };
    let made = add("acme", "owner@acme.example");
    assert_eq!(made.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(made.stdout).unwrap(),
        "organization acme is made; its administrator is invited by mail\n"
    );
    let mails = folder.path().join("mail");
    wait_until(|| {
        files(&mails)
            .iter()
            .any(|mail| mail.contains("owner@acme.example"))
    });
    for (slug, email, line) in [
        (
            "acme",
            "owner@acme.example",
            "usher: there is an organization with this slug already",
        ),
        ("other", "nobody", "usher: the administrator's address is none"),
    ] {
        let refused = add(slug, email);
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(
            String::from_utf8(refused.stderr).unwrap().lines().last(),
            Some(line)
        );
    }
    assert_eq!(running.interrupt(), 0);
}

/// Another process does the work, so there is nothing to drain here; it is asked until the work is done.
fn wait_until(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never happened");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect()
}

#[test]
fn the_version_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_usher"))
        .arg("--version")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("usher {}\n", env!("CARGO_PKG_VERSION"))
    );
}
