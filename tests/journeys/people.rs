//! The people of the firm, their sessions, and what they see through a contact's eyes.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use usher_tests::{Client, Setting, System, eventually, on_both_settings};

use crate::operations::{
    ACCEPT, CREATE_CONTACT, CREATE_SERVICE_ACCOUNT, INVITE_MEMBER, PASSWORD, SEND, batch_is_done,
    status_becomes,
};

const SET_ACTIVE: &str = "mutation SetActive($input: SetMemberActiveInput!) {
  setMemberActive(input: $input) { member { active status } userErrors { code message field } }
}";
const IMPERSONATE: &str = "mutation Impersonate($input: ImpersonateContactInput!) {
  impersonateContact(input: $input) { session { accessToken refreshToken readOnly expiresAt } userErrors { code message field } }
}";
const ACTIVITY: &str = "query Activity($id: ID!) {
  contact(id: $id) { activity(first: 20) { nodes { actor action summary } } portal { lastSignedInAt status } }
}";

/// "Refused in every service within a second", with some air for a busy machine.
async fn is_refused_everywhere(system: &System, client: &Client) {
    let began = Instant::now();
    eventually("nobody takes the token", system.patience(), || async {
        system.taken_by(client).await.is_empty().then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

async fn accept(system: &System, email: &str) {
    let token = system.mailbox().only_mail_to(email).await.link_token();
    let input = json!({ "input": { "token": token, "password": PASSWORD } });
    system.nobody().done(ACCEPT, input).await;
}

/// What the token endpoint answers to a program that shows this id and secret.
async fn token_for(system: &System, endpoint: &str, (id, secret): (&str, &str)) -> Response<String> {
    let request = Request::post(endpoint)
        .header("content-type", "application/x-www-form-urlencoded")
        .header(
            "authorization",
            format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
        )
        .body("grant_type=client_credentials".into())
        .unwrap();
    system.nobody().exchange(request).await
}

on_both_settings! {
    /// Invited by mail, signed in, seen in the list, and out again at once.
    async fn i15_a_member_gets_in_and_out(system: &System) {
        let admin = system.admin();
        let input = json!({ "email": "hedy@member.example", "displayName": "Hedy Lamarr", "role": "STAFF" });
        let hedy = admin.done(INVITE_MEMBER, json!({ "input": input })).await["member"].clone();
        assert_eq!((&hedy["status"], &hedy["role"]), (&json!("INVITED"), &json!("STAFF")));
        accept(system, "hedy@member.example").await;
        let own = system.sign_in("hedy@member.example", PASSWORD, "MEMBER").await;
        let everywhere = if system.taken_by(&own).await.len() == 1 { 1 } else { 4 };
        eventually("every service takes the token", system.patience(), || async {
            (system.taken_by(&own).await.len() == everywhere).then_some(())
        })
        .await;
        let list = own.payload("query { members(first: 10) { totalCount nodes { displayName status active } } }", json!({})).await;
        assert_eq!(list, json!({ "totalCount": 2, "nodes": [
            { "displayName": "Administrator", "status": "ACTIVE", "active": true },
            { "displayName": "Hedy Lamarr", "status": "ACTIVE", "active": true } ] }));

        let sessions = own.payload("query { sessions { device current } }", json!({})).await;
        assert_eq!(sessions, json!([{ "device": null, "current": true }]));
        let off = json!({ "input": { "id": hedy["id"], "active": false } });
        let off = admin.done(SET_ACTIVE, off).await;
        assert_eq!(off["member"], json!({ "active": false, "status": "ACTIVE" }));
        is_refused_everywhere(system, &own).await;
    }

    /// Half an hour through a contact's eyes: reads what the contact reads, changes nothing, and stands in the log.
    async fn i14_a_member_looks_through_a_contact_s_eyes(system: &System) {
        let admin = system.admin();
        let ada = admin.done(CREATE_CONTACT, json!({ "input": {
            "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "notes": "for staff",
            "accounts": [{ "newCompany": "Analytical Engines", "login": true }],
        }})).await["contact"].clone();
        let wish = json!({ "input": { "contactId": ada["id"], "reason": "cannot find the report" } });
        let sent = admin.done(SEND, json!({ "input": { "contacts": { "ids": [ada["id"]] } } })).await;
        let early = admin.payload(IMPERSONATE, wish.clone()).await;
        assert_eq!(early["userErrors"][0]["code"], "NOT_ALLOWED");
        batch_is_done(system, &sent["batch"]["id"]).await;
        accept(system, "ada@example.com").await;
        status_becomes(system, &ada["id"], "ACCEPTED").await;

        let session = admin.done(IMPERSONATE, wish).await["session"].clone();
        assert_eq!((&session["readOnly"], &session["refreshToken"]), (&json!(true), &Value::Null));
        let eyes = system.nobody().with_token(session["accessToken"].as_str().unwrap());
        let viewer = eyes.payload("query { viewer { ... on PortalUser { impersonatedBy contact { displayName notes } \
            accounts { name } } } }", json!({})).await;
        assert_eq!(viewer, json!({ "impersonatedBy": "Administrator",
            "contact": { "displayName": "Ada Lovelace", "notes": null }, "accounts": [{ "name": "Analytical Engines" }] }));
        let write = "mutation { updateOrganization(input: { name: \"Mine\" }) { userErrors { code } } }";
        let refused = eyes.send(write, json!({})).await;
        assert_eq!(refused.body["errors"][0]["extensions"]["code"], "READ_ONLY_SESSION");

        eyes.done("mutation { signOut(input: {}) { userErrors { code } } }", json!({})).await;
        is_refused_everywhere(system, &eyes).await;
        let seen = eventually("start and end stand in the log", system.patience(), || async {
            let contact = admin.payload(ACTIVITY, json!({ "id": ada["id"] })).await;
            let lines = contact["activity"]["nodes"].as_array().unwrap().clone();
            let about: Vec<Value> = lines.into_iter().filter(|line| line["action"].as_str().unwrap().starts_with("impersonation.")).collect();
            (about.len() == 2).then_some((about, contact["portal"].clone()))
        })
        .await;
        assert_eq!(seen.0[0], json!({ "actor": "Administrator", "action": "impersonation.ended",
            "summary": "Ceased to look through the contact's eyes: cannot find the report" }));
        assert_eq!(seen.0[1]["action"], "impersonation.started");
        assert_eq!(seen.1, json!({ "lastSignedInAt": null, "status": "ACCEPTED" }));
    }

    /// A program gets a token over HTTP with what it was told once, works with it, and is out within a second.
    async fn i15_a_program_comes_with_client_credentials(system: &System) {
        let admin = system.admin();
        let input = json!({ "displayName": "Warehouse sync", "permissions": ["contacts.read", "contacts.write"] });
        let made = admin.done(CREATE_SERVICE_ACCOUNT, json!({ "input": input })).await;
        let account = &made["serviceAccount"];
        let (id, secret) = (account["clientId"].as_str().unwrap(), made["secret"].as_str().unwrap());
        let found = system.nobody().page(Method::GET, "/.well-known/oauth-authorization-server").await;
        let found: Value = serde_json::from_str(found.body()).unwrap();
        assert_eq!(found["issuer"], system.base());
        assert_eq!(found["grant_types_supported"], json!(["client_credentials"]));
        let endpoint = found["token_endpoint"].as_str().unwrap();

        let wrong = token_for(system, endpoint, (id, "usher_wrong")).await;
        assert_eq!((wrong.status().as_u16(), wrong.headers()["www-authenticate"].to_str().unwrap()),
            (401, "Basic realm=\"usher\""));
        assert_eq!(serde_json::from_str::<Value>(wrong.body()).unwrap()["error"], "invalid_client");
        let granted = token_for(system, endpoint, (id, secret)).await;
        assert_eq!((granted.status().as_u16(), granted.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
        let granted: Value = serde_json::from_str(granted.body()).unwrap();
        assert_eq!((&granted["token_type"], &granted["expires_in"], &granted["scope"]),
            (&json!("Bearer"), &json!(300), &json!("contacts.read contacts.write")));

        let program = system.nobody().with_token(granted["access_token"].as_str().unwrap());
        let viewer = "query { viewer { ... on ServiceAccount { displayName permissions secrets { lastUsedAt } } } }";
        let viewer = program.payload(viewer, json!({})).await;
        assert_eq!(viewer["displayName"], "Warehouse sync");
        assert!(viewer["secrets"][0]["lastUsedAt"].is_string());
        let ada = program.done(CREATE_CONTACT, json!({ "input": {
            "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com",
            "accounts": [{ "newCompany": "Analytical Engines", "login": true }],
        }})).await["contact"].clone();
        let lines = admin.payload(ACTIVITY, json!({ "id": ada["id"] })).await["activity"]["nodes"].clone();
        let mut did: Vec<_> = lines.as_array().unwrap().iter().map(|line| (line["actor"].as_str(), line["action"].as_str())).collect();
        did.sort_unstable();
        let own = Some("Warehouse sync");
        assert_eq!(did, [(own, Some("account.created")), (own, Some("contact.created"))]);
        let member = admin.payload("query { members(first: 10) { totalCount } }", json!({})).await;
        assert_eq!(member, json!({ "totalCount": 1 }));

        let off = "mutation Off($input: SetServiceAccountActiveInput!) { setServiceAccountActive(input: $input) { \
            serviceAccount { active } userErrors { code } } }";
        admin.done(off, json!({ "input": { "id": account["id"], "active": false } })).await;
        is_refused_everywhere(system, &program).await;
        let refused = token_for(system, endpoint, (id, secret)).await;
        assert_eq!(serde_json::from_str::<Value>(refused.body()).unwrap()["error"], "invalid_client");
        assert!(!system.logs().contains(secret), "the secret is in a log");
    }

    /// A contact of the member's own, to try the way with.
    async fn i19_a_test_client_s_mail_arrives_where_the_member_reads(system: &System) {
        let admin = system.admin();
        let create = "mutation { createTestClient { contact { id email test role portal { actions } } userErrors { code message } } }";
        let made = admin.done(create, json!({})).await["contact"].clone();
        assert_eq!((&made["email"], &made["test"]), (&json!("admin+client@usher.example"), &json!(true)));
        let sent = admin.done(SEND, json!({ "input": { "contacts": { "ids": [made["id"]] } } })).await;
        batch_is_done(system, &sent["batch"]["id"]).await;
        system.mailbox().only_mail_to("admin+client@usher.example").await;
        let again = admin.done(create, json!({})).await["contact"].clone();
        assert_eq!(again["email"], "admin+client2@usher.example");
    }
}
