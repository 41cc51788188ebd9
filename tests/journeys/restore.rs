//! A database comes back from a backup, and all services agree again (operations.md).

use serde_json::{Value, json};
use usher_tests::{Setting, System, eventually};

use crate::operations::{ACCEPT, CREATE_CONTACT, PASSWORD, SEND, batch_is_done, status_becomes};

const RENAME: &str = "mutation Rename($input: UpdateContactInput!) {
  updateContact(input: $input) { contact { firstName } userErrors { code message field } }
}";
const SERVICES: [&str; 4] = [
    "usher-gateway",
    "usher-notifications",
    "usher-contacts",
    "usher-invitations",
];

/// What contacts and invitations say differently of one another's people, a line each.
const DISAGREEMENT: &str = "SELECT c.id FROM contacts.contact c
    JOIN contacts.contact_portal p ON p.contact_id = c.id
    FULL JOIN invitations.portal_access a ON a.contact_id = c.id
    WHERE (c.id IS NULL AND a.active)
       OR (c.id IS NOT NULL AND (a.contact_id IS NULL
       OR (c.version, c.first_name, c.last_name, c.role, c.email_canonical, c.active)
          IS DISTINCT FROM (a.contact_version, a.first_name, a.last_name, a.role, a.email_canonical, a.active)
       OR (p.version, p.status, p.invited_at, p.accepted_at)
          IS DISTINCT FROM (a.version, a.status, a.invited_at, a.accepted_at)))";

async fn added(system: &System, name: &str) -> Value {
    let input = json!({ "role": "CLIENT", "firstName": name, "lastName": "Lovelace", "email": format!("{name}@example.com"),
        "accounts": [{ "newCompany": format!("{name} and sons"), "login": true }] });
    let made = system
        .admin()
        .done(CREATE_CONTACT, json!({ "input": input }))
        .await;
    made["contact"]["id"].clone()
}

async fn invited(system: &System, contact: &Value) {
    let input = json!({ "input": { "contacts": { "ids": [contact] } } });
    let sent = system.admin().done(SEND, input).await;
    batch_is_done(system, &sent["batch"]["id"]).await;
    status_becomes(system, contact, "INVITED").await;
}

async fn agree(system: &System) {
    eventually("contacts and invitations agree", system.patience(), || async {
        let said = system.unpublished().await == 0;
        (said && system.asks(DISAGREEMENT).await.is_empty()).then_some(())
    })
    .await;
}

/// Backs up, goes on, puts `service` back, and has all say once more what they know.
async fn restored(service: &str) -> (System, [Value; 3]) {
    let mut system = System::start(Setting::Distributed).await;
    let ada = added(&system, "ada").await;
    let bea = added(&system, "bea").await;
    invited(&system, &ada).await;
    invited(&system, &bea).await;
    system.back_up(service).await;

    let token = system
        .mailbox()
        .only_mail_to("ada@example.com")
        .await
        .link_token();
    let accept = json!({ "input": { "token": token, "password": PASSWORD } });
    system.nobody().done(ACCEPT, accept).await;
    status_becomes(&system, &ada, "ACCEPTED").await;
    let rename = json!({ "input": { "id": bea, "firstName": "Beatrice" } });
    system.admin().done(RENAME, rename).await;
    let cleo = added(&system, "cleo").await;
    invited(&system, &cleo).await;
    agree(&system).await;

    for name in SERVICES {
        system.halt(name).await;
    }
    system.restore(service).await;
    assert_ne!(system.asks(DISAGREEMENT).await, "", "the backup is older");
    for name in SERVICES.into_iter().rev() {
        system.launch_again(name);
    }
    system.wait_until_ready().await;
    let told = system.command(&["resync"]).await;
    assert!(told.ends_with(" are gone\n"), "{told}");
    agree(&system).await;
    (system, [ada, bea, cleo])
}

#[tokio::test]
async fn r3_after_contacts_came_back_from_a_backup_all_agree() {
    let (system, [ada, bea, cleo]) = restored("contacts").await;
    // what invitations knows is told again, what contacts has forgotten is gone everywhere
    let names =
        "SELECT status || ' ' || first_name FROM invitations.portal_access ORDER BY first_name COLLATE \"C\"";
    assert_eq!(
        system.asks(names).await,
        "ACCEPTED ada\nINVITED bea\nWAITING cleo\n"
    );
    let admin = system.sign_in_again().await;
    let contact = "query C($id: ID!) { contact(id: $id) { firstName portal { status } } }";
    let seen = async |id: &Value| admin.payload(contact, json!({ "id": id })).await;
    assert_eq!(
        seen(&ada).await,
        json!({ "firstName": "ada", "portal": { "status": "ACCEPTED" } })
    );
    assert_eq!(
        seen(&bea).await,
        json!({ "firstName": "bea", "portal": { "status": "INVITED" } })
    );
    assert_eq!(seen(&cleo).await, Value::Null);
    // the address is free again
    added(&system, "cleo").await;
    system.stop().await;
}

#[tokio::test]
async fn r3_after_invitations_came_back_from_a_backup_all_agree() {
    let (system, [ada, bea, cleo]) = restored("invitations").await;
    // what invitations has forgotten has not happened, and whom contacts has made meanwhile is known again
    let names =
        "SELECT status || ' ' || first_name FROM invitations.portal_access ORDER BY first_name COLLATE \"C\"";
    assert_eq!(
        system.asks(names).await,
        "INVITED Beatrice\nINVITED ada\nWAITING cleo\n"
    );
    for (contact, status) in [(&ada, "INVITED"), (&bea, "INVITED"), (&cleo, "WAITING")] {
        status_becomes(&system, contact, status).await;
    }
    // the link in the mail still opens, since it is the one that was backed up
    let token = system
        .mailbox()
        .only_mail_to("ada@example.com")
        .await
        .link_token();
    let accept = json!({ "input": { "token": token, "password": PASSWORD } });
    system.nobody().done(ACCEPT, accept).await;
    status_becomes(&system, &ada, "ACCEPTED").await;
    system.stop().await;
}
