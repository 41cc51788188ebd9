//! The programs of `examples/graphql`: each with its client, against a real Usher.

use std::path::Path;

use serde_json::json;
use tokio::process::Command;
use usher_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Setting, System};

use crate::operations::CREATE_CONTACT;

/// Each with whom it invites, in the order of the list.
const PROGRAMS: [(&str, &str, &str); 5] = [
    ("apollo", "Ada", "Lovelace"),
    ("codegen", "Grace", "Murray"),
    ("python", "Ida", "Rhodes"),
    ("relay", "Mary", "Somerville"),
    ("urql", "Sofia", "Kowalewski"),
];

fn address(first_name: &str) -> String {
    format!("{}@example.com", first_name.to_lowercase())
}

/// What a program of the examples prints; as the administrator, by password or by token.
async fn run(system: &System, program: &str, email: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(root.join("scripts/example"));
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
