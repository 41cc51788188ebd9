//! Accounts are opened to people, some of whom are in already.

use serde_json::json;
use usher_tests::{Setting, System, on_both_settings};

use crate::operations::{ACCEPT, CREATE_CONTACT, PASSWORD, batch_is_done};

const CREATE_ACCOUNT: &str = "mutation Create($input: CreateAccountInput!) {
    createAccount(input: $input) { account { id } userErrors { code } } }";
const TOGGLES_PREVIEW: &str = "query Preview($accounts: [ID!]!, $except: [ID!]) {
    portalTogglesPreview(accountIds: $accounts, exceptContactIds: $except) { total eligible eligibleContacts { nodes { firstName } } } }";
const TOGGLES: &str = "mutation Toggles($input: SetPortalTogglesInput!) {
    setPortalToggles(input: $input) { batch { id total queued sent } userErrors { code } } }";

on_both_settings! {
    /// Who waits is invited and who is in is told of the further account, each by one mail; both switch between their accounts.
    async fn i13_a_further_account_is_opened_and_told_of(system: &System) {
        let admin = system.admin();
        let create = |first: &str, accounts: serde_json::Value| json!({ "input": {
            "role": "CLIENT", "firstName": first, "lastName": "Lovelace", "email": format!("{first}@example.com"),
            "invite": !accounts.as_array().unwrap().is_empty(), "accounts": accounts,
        }});
        let ada = admin.done(CREATE_CONTACT, create("ada", json!([{ "newCompany": "Engines Ltd" }]))).await["contact"]["id"].clone();
        let token = system.mailbox().only_mail_to("ada@example.com").await.link_token();
        system.nobody().done(ACCEPT, json!({ "input": { "token": token, "password": PASSWORD } })).await;
        let portal = system.sign_in("ada@example.com", PASSWORD, "CONTACT").await;
        let ida = admin.done(CREATE_CONTACT, create("ida", json!([]))).await["contact"]["id"].clone();
        let account = admin.done(CREATE_ACCOUNT, json!({ "input": { "name": "Loom Trust", "kind": "TRUST",
            "contacts": [{ "contactId": ada }, { "contactId": ida }] } })).await["account"]["id"].clone();
        let accounts = "query { viewer { ... on PortalUser { accounts { name } } } }";
        assert_eq!(portal.payload(accounts, json!({})).await, json!({ "accounts": [{ "name": "Engines Ltd" }] }));

        let preview = admin.payload(TOGGLES_PREVIEW, json!({ "accounts": [account] })).await;
        assert_eq!(preview, json!({ "total": 2, "eligible": 2,
            "eligibleContacts": { "nodes": [{ "firstName": "ada" }, { "firstName": "ida" }] } }));
        let without = admin.payload(TOGGLES_PREVIEW, json!({ "accounts": [account], "except": [ida] })).await;
        assert_eq!(without["eligibleContacts"]["nodes"], json!([{ "firstName": "ada" }]));

        let input = json!({ "input": { "accountIds": [account], "login": true, "sendInvitations": true, "message": "Welcome." } });
        let opened = admin.done(TOGGLES, input.clone()).await;
        let batch = batch_is_done(system, &opened["batch"]["id"]).await;
        assert_eq!((&batch["total"], &batch["sent"]), (&json!(2), &json!(2)));
        let told = system.mailbox().mails_to("ada@example.com", 2).await.pop().unwrap();
        for part in ["Loom Trust", "Welcome.", "/sign-in"] {
            assert!(told.text.contains(part), "{}", told.text);
        }
        assert!(!told.text.contains("/activate/") && !told.text.contains("Engines Ltd"), "{}", told.text);
        assert!(!system.mailbox().only_mail_to("ida@example.com").await.link_token().is_empty());
        // the same session sees both
        let both = portal.payload(accounts, json!({})).await;
        assert_eq!(both, json!({ "accounts": [{ "name": "Engines Ltd" }, { "name": "Loom Trust" }] }));
        // asked for again, nobody is written to twice
        let again = admin.payload(TOGGLES, input).await;
        assert_eq!(again["userErrors"], json!([{ "code": "NOBODY_ELIGIBLE" }]));
        system.mailbox().mails_to("ada@example.com", 2).await;
    }
}
