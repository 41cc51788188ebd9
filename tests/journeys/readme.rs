//! README's first three operations, as a reader types them behind `make run`: nothing but the shell and curl.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use hyper::Method;
use tokio::process::Command;
use usher_tests::{Client, Process, eventually, free_port, keep_secret};

const README: &str = include_str!("../../README.md");
/// Where README's Usher listens.
const PLACE: &str = "localhost:8080";
/// What stands for anything in the answers that README promises, and for what its reader has to fill in.
const ANYTHING: &str = "…";
const PATIENCE: Duration = Duration::from_secs(60);

/// A block of the README: what is typed, and the answer that stands below it.
#[derive(Debug)]
struct Step {
    typed: String,
    promised: String,
}

impl Step {
    fn read(block: &str) -> Self {
        let (promised, typed): (Vec<&str>, Vec<&str>) =
            block.lines().partition(|line| line.starts_with("# "));
        let [promised] = promised[..] else {
            panic!("one answer below each operation: {block}")
        };
        Self {
            typed: typed.join("\n"),
            promised: promised.trim_start_matches("# ").to_owned(),
        }
    }

    /// With one thing filled in that README leaves to its reader.
    fn fill_in(self, blank: &str, value: &str) -> Self {
        assert_eq!(self.typed.matches(blank).count(), 1, "{blank} in {}", self.typed);
        Self {
            typed: self.typed.replace(blank, &blank.replace(ANYTHING, value)),
            ..self
        }
    }

    /// Runs it behind the variables of the shell that it is typed into; the answer, which is the promised one.
    async fn answer(&self, variables: &str, port: u16) -> String {
        assert_eq!(self.typed.matches(PLACE).count(), 1, "{}", self.typed);
        let typed = self.typed.replace(PLACE, &format!("localhost:{port}"));
        assert!(!typed.contains(ANYTHING), "not filled in: {typed}");
        let mut shell = Command::new("sh");
        let output = shell
            .arg("-c")
            .arg(format!("{variables}\n{typed}"))
            .output()
            .await;
        let output = output.expect("sh runs");
        assert!(output.status.success(), "{typed}\n{output:?}");
        let answer = String::from_utf8(output.stdout).expect("text");
        assert!(
            fits(&answer, &self.promised),
            "{typed}\nanswers  {answer}\npromised {}",
            self.promised
        );
        answer
    }
}

/// The operations of the README, in their order.
fn steps() -> [Step; 3] {
    let blocks = README.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let steps: Vec<Step> = blocks
        .filter(|block| block.contains("curl "))
        .map(Step::read)
        .collect();
    steps.try_into().expect("three operations")
}

/// Whether a text is the pattern, in which `…` stands for at least one character.
fn fits(text: &str, pattern: &str) -> bool {
    let Some((before, behind)) = pattern.split_once(ANYTHING) else {
        return text == pattern;
    };
    text.strip_prefix(before).is_some_and(|rest| {
        let goes_on = |(at, _)| fits(&rest[at..], behind);
        rest.char_indices().skip(1).any(goes_on) || (behind.is_empty() && !rest.is_empty())
    })
}

/// The text between the name of a field and the next quotation mark.
fn field(answer: &str, name: &str) -> String {
    let (_, rest) = answer.split_once(&format!("\"{name}\":\"")).expect(name);
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// `make run` in an empty folder, but for the port.
fn start(folder: &Path, port: u16) -> Process {
    let listen = format!("127.0.0.1:{port}");
    let settings = [
        ("USHER_LISTEN", listen),
        ("USHER_DATA_DIR", folder.join("data").display().to_string()),
    ];
    let settings: HashMap<String, String> = settings.map(|(key, value)| (key.to_owned(), value)).into();
    Process::start("usher", &[], &settings, folder)
}

/// What the first start has made up and printed.
async fn password(usher: &Process) -> String {
    let password = eventually("the first start prints a password", PATIENCE, || async {
        let told = usher.log();
        let (_, rest) = told.split_once("  Password       ")?;
        Some(rest.split_once(char::is_whitespace)?.0.to_owned())
    })
    .await;
    keep_secret(&password);
    password
}

#[tokio::test]
async fn with_nothing_but_the_lines_of_the_readme_curl_gets_the_answers_that_stand_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut usher = start(folder.path(), port);
    let password = password(&usher).await;
    let [sign_in, contact, invitation] = steps();

    let answer = sign_in
        .fill_in("\"password\": \"…\"", &password)
        .answer("", port)
        .await;
    let token = field(&answer, "accessToken");
    let answer = contact
        .fill_in("TOKEN=eyJ…", token.trim_start_matches("eyJ"))
        .answer("", port)
        .await;
    // the same shell goes on
    invitation
        .fill_in("\"ids\": [\"…\"]", &field(&answer, "id"))
        .answer(&format!("TOKEN={token}"), port)
        .await;

    let base = Client::new(&format!("http://127.0.0.1:{port}"));
    eventually(
        "the mail lies in data/mail, and at /dev/mail",
        PATIENCE,
        || async {
            let files = std::fs::read_dir(folder.path().join("data/mail")).ok()?;
            let shown = base.page(Method::GET, "/dev/mail").await.into_body();
            (files.count() == 1 && shown.contains("ada@example.com")).then_some(())
        },
    )
    .await;
    assert!(usher.stop().await.success());
}

#[test]
fn a_pattern_leaves_open_only_what_it_says() {
    assert!(fits(
        "{\"a\":\"eyJx\",\"b\":[]},\"c\":{}}",
        "{\"a\":\"eyJ…\",\"b\":[]},…}"
    ));
    for other in [
        "{\"a\":\"eyJ\",\"b\":[]},\"c\":{}}",
        "{\"a\":\"eyJx\",\"b\":[1]},\"c\":{}}",
        "{\"a\":\"eyJx\",\"b\":[]},\"c\":{}} ",
        "{\"a\":\"eyJx\",\"b\":[]},}",
    ] {
        assert!(!fits(other, "{\"a\":\"eyJ…\",\"b\":[]},…}"), "{other}");
    }
}
