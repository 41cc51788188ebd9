//! The programs of `examples/graphql`: each with its client, against a real Usher.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;
use usher_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Parts, Setting, System};

use crate::operations::CREATE_CONTACT;

/// Each with whom it invites, in the order of the list.
const PROGRAMS: [(&str, &str, &str); 5] = [
    ("apollo", "Ada", "Lovelace"),
    ("codegen", "Grace", "Murray"),
    ("python", "Ida", "Rhodes"),
    ("relay", "Mary", "Somerville"),
    ("urql", "Sofia", "Kowalewski"),
];

/// What the compilers write at a build: the documents by their hashes, and a module that names the hash of each question.
const COMPILED: [(&str, &str); 2] = [
    ("codegen/gql/persisted-documents.json", "codegen/gql/graphql.ts"),
    (
        "relay/__generated__/persisted-documents.json",
        "relay/__generated__/mainContactsQuery.graphql.ts",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn compiled(file: &str) -> PathBuf {
    root().join("examples/graphql").join(file)
}

fn address(first_name: &str) -> String {
    format!("{}@example.com", first_name.to_lowercase())
}

/// What a program of the examples prints; as the administrator, by password or by token.
async fn run(system: &System, program: &str, email: &str) -> Vec<String> {
    let mut command = Command::new(root().join("scripts/example"));
    command.args([program, email]).env("USHER_URL", system.base());
    if program == "codegen" {
        let admin = system.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD, "MEMBER").await;
        command.env("USHER_TOKEN", admin.token().expect("a token"));
    } else {
        command
            .env("USHER_EMAIL", ADMIN_EMAIL)
            .env("USHER_PASSWORD", ADMIN_PASSWORD);
    }
    let output = command.output().await.expect("scripts/example runs");
    let said = |bytes| String::from_utf8(bytes).expect("text");
    assert!(output.status.success(), "{program}\n{}", said(output.stderr));
    said(output.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_client_pages_invites_and_watches_to_the_end() {
    let system = System::start(Setting::Embedded).await;
    for (_, first, last) in PROGRAMS {
        let contact =
            json!({ "role": "CLIENT", "firstName": first, "lastName": last, "email": address(first) });
        system
            .admin()
            .done(CREATE_CONTACT, json!({ "input": contact }))
            .await;
    }
    for (program, first, last) in PROGRAMS {
        let said = run(&system, program, &address(first)).await;
        // how often a batch moves before its end depends on how fast its mail goes out
        let said: Vec<&str> = said
            .iter()
            .map(String::as_str)
            .filter(|line| !line.starts_with("RUNNING: "))
            .collect();
        let expected = [
            "Page 1: Sofia Kowalewski, Ada Lovelace",
            "Page 2: Grace Murray, Ida Rhodes",
            "Page 3: Mary Somerville",
            &format!("Inviting {first} {last}, one of 5"),
            "DONE: 1 of 1 sent",
        ];
        assert_eq!(said, expected, "{program}");
        let mail = system.mailbox().only_mail_to(&address(first)).await;
        assert!(mail.link().contains("/activate/"), "{program}");
    }
    system.stop().await;
}

/// The id under which a manifest has its one question; it is the id that the program would send.
fn question(manifest: &str, module: &str) -> String {
    let read = |file| std::fs::read_to_string(compiled(file)).expect(file);
    let documents: HashMap<String, String> = serde_json::from_str(&read(manifest)).expect("a manifest");
    assert_eq!(documents.len(), 3, "a question, a change and a subscription");
    let mut questions = documents.iter().filter(|(_, text)| text.starts_with("query "));
    let (id, _) = questions.next().expect("a question");
    assert!(
        read(module).contains(&format!("\"{id}\"")),
        "{id} is not in {module}"
    );
    id.clone()
}

#[tokio::test]
async fn documents_are_trusted_by_the_files_that_the_compilers_write() {
    let built = Command::new(root().join("scripts/example"))
        .arg("prepare")
        .output()
        .await;
    let built = built.expect("scripts/example runs");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let files = COMPILED.map(|(manifest, _)| compiled(manifest).display().to_string());
    let files = files.join(", ");
    let settings = [("USHER_GATEWAY__TRUSTED_DOCUMENTS", files.as_str())];
    let system = System::start_with(Setting::Embedded, &Parts::Machine, &settings).await;
    for (manifest, module) in COMPILED {
        let asked = json!({ "documentId": question(manifest, module), "variables": { "after": null } });
        let (status, body) = system.admin().try_post(&asked).await.expect("an answer");
        let answer: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(status, 200, "{manifest}: {answer}");
        let none = json!({ "nodes": [], "pageInfo": { "hasNextPage": false, "endCursor": null } });
        assert_eq!(answer["data"]["contacts"], none, "{manifest}");
    }
    system.stop().await;
}
