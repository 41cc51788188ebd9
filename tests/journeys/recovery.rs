//! Ways back in.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use usher_tests::{Client, Setting, System, on_both_settings};

use crate::operations::{ACCEPT, CREATE_CONTACT, PASSWORD, status_becomes};

const OTHER: &str = "Walnut-Saddle-Compass-71";

const FORGOT: &str = "mutation Forgot($input: RequestPasswordResetInput!) {
  requestPasswordReset(input: $input) { userErrors { code } }
}";
const RESET: &str = "mutation Reset($input: AcceptInvitationInput!) {
  resetPassword(input: $input) { accepted userErrors { code } }
}";
const START: &str = "mutation Start($input: ContactIdInput!) {
  sendPasswordReset(input: $input) { userErrors { code } }
}";

/// A contact who has signed in, with that session.
async fn someone(system: &System, email: &str) -> (Value, Client) {
    let input = json!({ "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": email, "invite": true });
    let created = system
        .admin()
        .done(CREATE_CONTACT, json!({ "input": input }))
        .await;
    let token = system.mailbox().only_mail_to(email).await.link_token();
    let accept = json!({ "input": { "token": token, "password": PASSWORD } });
    system.nobody().done(ACCEPT, accept).await;
    let session = system.sign_in(email, PASSWORD, "CONTACT").await;
    (created["contact"].clone(), session)
}

/// Every service refuses the session: what it asks reaches each of them.
async fn is_over_within_a_second(session: &Client) {
    let since = Instant::now();
    let questions = [
        "query { organization { id } }",
        "query { viewer { ... on PortalUser { contact { displayName } accounts { name } } } }",
    ];
    for question in questions {
        while session.send(question, json!({})).await.status != 401 {
            assert!(
                since.elapsed() < Duration::from_secs(1),
                "{question} is still answered"
            );
            tokio::task::yield_now().await;
        }
    }
}

on_both_settings! {
    /// Forgotten, mailed, chosen anew, signed out everywhere, told.
    async fn i12_a_forgotten_password(system: &System) {
        let (contact, session) = someone(system, "ada@example.com").await;
        let nobody = system.nobody();
        for email in ["Ada@example.com", "nobody@example.com"] {
            nobody.done(FORGOT, json!({ "input": { "email": email } })).await;
        }
        let mail = system.mailbox().mails_to("ada@example.com", 2).await.pop().unwrap();
        let token = mail.token_of("reset");
        let input = |token: &str, password: &str| json!({ "input": { "token": token, "password": password } });
        let short = nobody.payload(RESET, input(&token, "too short")).await;
        assert_eq!(short["userErrors"], json!([{ "code": "PASSWORD_TOO_SHORT" }]));
        assert_eq!(nobody.done(RESET, input(&token, OTHER)).await["accepted"], true);
        is_over_within_a_second(&session).await;
        assert_eq!(nobody.payload(RESET, input(&token, OTHER)).await["userErrors"], json!([{ "code": "LINK_INVALID" }]));
        system.sign_in("ada@example.com", OTHER, "CONTACT").await;
        let notice = system.mailbox().mails_to("ada@example.com", 3).await.pop().unwrap();
        assert!(notice.subject.contains("was changed"), "{}", notice.subject);
        status_becomes(system, &contact["id"], "ACTIVE").await;
        assert!(system.mailbox().to("nobody@example.com").is_empty());
    }

    /// A member starts it; the contact chooses.
    async fn i12_a_member_starts_a_reset(system: &System) {
        let (contact, _) = someone(system, "grace@example.com").await;
        let input = json!({ "input": { "contactId": contact["id"] } });
        let started = system.admin().done(START, input).await;
        assert_eq!(started, json!({ "userErrors": [] }));
        let mail = system.mailbox().mails_to("grace@example.com", 2).await.pop().unwrap();
        let input = json!({ "input": { "token": mail.token_of("reset"), "password": OTHER } });
        system.nobody().done(RESET, input).await;
        system.sign_in("grace@example.com", OTHER, "CONTACT").await;
    }
}
