//! One person gets in.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use usher_tests::{Setting, System, on_both_settings};
use usher_types::{Clock, SystemClock};

use crate::operations::{
    ACCEPT, CREATE_CONTACT, LANDING, PASSWORD, PREVIEW, SEND, batch_is_done, status_becomes,
};

on_both_settings! {
    /// The whole way of one person: created, previewed, invited, mailed, accepted, signed in, seen at every step.
    async fn i1_one_person_gets_in(system: &System) {
        let admin = system.admin();
        let ada = admin.done(CREATE_CONTACT, json!({ "input": {
            "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "Ada@Example.COM",
            "accounts": [{ "newCompany": "Analytical Engines", "login": true }],
        }})).await["contact"].clone();
        assert_eq!(ada["displayName"], "Ada Lovelace");
        assert_eq!(ada["portal"], json!({ "status": "WAITING", "actions": ["SEND"], "loginEnabled": true }));
        assert_eq!(ada["accounts"][0]["account"]["portalStatus"], "ACTIVE");
        let lead = admin.done(CREATE_CONTACT, json!({ "input": {
            "role": "LEAD", "firstName": "Lena", "lastName": "Lead", "email": "lena@example.com",
        }})).await["contact"].clone();

        let preview = admin.payload(PREVIEW, json!({ "contacts": { "filter": {} } })).await;
        assert_eq!((&preview["total"], &preview["eligible"]), (&json!(2), &json!(1)));
        assert_eq!(preview["ineligible"], json!([{ "reason": "ROLE_NOT_INVITABLE", "count": 1,
            "contacts": { "totalCount": 1, "nodes": [{ "id": lead["id"], "displayName": "Lena Lead" }] } }]));
        assert!(preview["text"].as_str().unwrap().contains("Ada"), "{}", preview["text"]);

        let sent = admin.done(SEND, json!({ "input": {
            "contacts": { "filter": {} }, "expectEligible": 1, "message": "See you inside.",
        }})).await;
        let batch = batch_is_done(system, &sent["batch"]["id"]).await;
        assert_eq!(batch["skipped"], json!([{ "reason": "ROLE_NOT_INVITABLE", "count": 1 }]));
        assert_eq!((&batch["total"], &batch["sent"], &batch["failed"]), (&json!(2), &json!(1), &json!(0)));

        let mail = system.mailbox().only_mail_to("Ada@Example.COM").await;
        assert!(mail.text.contains("See you inside."), "{}", mail.text);
        let invited = status_becomes(system, &ada["id"], "INVITED").await;
        assert_eq!(invited["portal"]["delivery"], "SENT");
        assert_eq!(invited["portal"]["actions"], json!(["RESEND", "CANCEL"]));

        let token = mail.link_token();
        let nobody = system.nobody();
        let landing = nobody.payload(LANDING, json!({ "token": token })).await;
        assert_eq!(landing["state"], "OPEN");
        assert_eq!(landing["maskedEmail"], "A…@example.com");
        let short = nobody.payload(ACCEPT, json!({ "input": { "token": token, "password": "too short" } })).await;
        assert_eq!((&short["accepted"], &short["userErrors"][0]["code"]), (&json!(false), &json!("PASSWORD_TOO_SHORT")));
        nobody.done(ACCEPT, json!({ "input": { "token": token, "password": PASSWORD } })).await;
        status_becomes(system, &ada["id"], "ACCEPTED").await;
        assert_eq!(nobody.payload(LANDING, json!({ "token": token })).await["state"], "INVALID");
        let again = nobody.payload(ACCEPT, json!({ "input": { "token": token, "password": PASSWORD } })).await;
        assert_eq!(again["userErrors"][0]["code"], "LINK_INVALID");

        let portal = system.sign_in("ada@example.com", PASSWORD, "CONTACT").await;
        let active = status_becomes(system, &ada["id"], "ACTIVE").await;
        assert_eq!(active["portal"]["pendingActivation"], false);
        assert_ne!(active["portal"]["firstSignedInAt"], Value::Null);
        let viewer = portal.payload(
            "query { viewer { __typename ... on PortalUser { contact { displayName notes } accounts { name } } } }", json!({})).await;
        assert_eq!(viewer, json!({ "__typename": "PortalUser",
            "contact": { "displayName": "Ada Lovelace", "notes": null }, "accounts": [{ "name": "Analytical Engines" }] }));
        let refused = portal.send("query { contacts { nodes { id } } }", json!({})).await;
        assert_eq!(refused.body["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    /// Resending kills the old link and says so; cancelling ends the new one.
    async fn i6_resend_supersedes_and_cancel_ends(system: &System) {
        let admin = system.admin();
        let contact = admin.done(CREATE_CONTACT, json!({ "input": {
            "role": "CLIENT", "firstName": "Grace", "lastName": "Hopper", "email": "grace@example.com", "invite": true,
        }})).await["contact"].clone();
        assert_eq!(contact["portal"]["status"], "INVITED");
        let first = system.mailbox().only_mail_to("grace@example.com").await;

        let resent = admin.done(&SEND.replace("sendInvitations", "resendInvitations"),
            json!({ "input": { "contacts": { "ids": [contact["id"]] } } })).await;
        batch_is_done(system, &resent["batch"]["id"]).await;
        let second = system.mailbox().mails_to("grace@example.com", 2).await.pop().unwrap();
        let old = system.nobody().payload(LANDING, json!({ "token": first.link_token() })).await;
        assert_eq!(old["state"], "SUPERSEDED");
        assert_ne!(old["newestSentAt"], Value::Null);
        assert_eq!(system.nobody().payload(LANDING, json!({ "token": second.link_token() })).await["state"], "OPEN");

        let cancelled = admin.done(&SEND.replace("sendInvitations", "cancelInvitations"),
            json!({ "input": { "contacts": { "ids": [contact["id"]] } } })).await;
        assert_eq!(cancelled["batch"]["cancelled"], 1);
        assert_eq!(system.nobody().payload(LANDING, json!({ "token": second.link_token() })).await["state"], "INVALID");
        let waiting = status_becomes(system, &contact["id"], "WAITING").await;
        assert_eq!(waiting["portal"]["expiresAt"], Value::Null);
        assert_ne!(waiting["portal"]["invitedAt"], Value::Null);
    }

    /// The same key with the same input answers with the same batch; with another input it is a conflict.
    async fn i4_an_idempotency_key_sends_nothing_twice(system: &System) {
        let admin = system.admin();
        let contact = admin.done(CREATE_CONTACT, json!({ "input": {
            "role": "PROSPECT", "firstName": "Emmy", "lastName": "Noether", "email": "emmy@example.com",
        }})).await["contact"].clone();
        let input = json!({ "input": { "contacts": { "ids": [contact["id"]] }, "idempotencyKey": "spring" } });
        let first = admin.done(SEND, input.clone()).await;
        let second = admin.done(SEND, input).await;
        assert_eq!(first["batch"]["id"], second["batch"]["id"]);
        let other = admin.payload(SEND, json!({ "input": {
            "contacts": { "ids": [contact["id"]] }, "message": "other", "idempotencyKey": "spring" } })).await;
        assert_eq!(other["userErrors"][0]["code"], "CONFLICT");
        batch_is_done(system, &first["batch"]["id"]).await;
        system.mailbox().only_mail_to("emmy@example.com").await;
    }

    /// The switch closes sending, links and the portal; cancelling still works.
    /// Nothing happens before its time.
    async fn i4_a_scheduled_batch_goes_out_at_its_time(system: &System) {
        let admin = system.admin();
        let ada = admin.done(CREATE_CONTACT, json!({ "input": {
            "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com",
        }})).await["contact"].clone();
        let at = (SystemClock.now() + TimeDelta::seconds(2)).to_rfc3339_opts(SecondsFormat::Millis, true);
        let input = json!({ "contacts": { "ids": [ada["id"]] }, "sendAt": at });
        let sent = admin.done(SEND, json!({ "input": input })).await;
        assert_eq!((&sent["batch"]["state"], &sent["batch"]["total"]), (&json!("SCHEDULED"), &json!(1)));
        status_becomes(system, &ada["id"], "WAITING").await;
        let over = batch_is_done(system, &sent["batch"]["id"]).await;
        assert_eq!((&over["sent"], &over["sendAt"]), (&json!(1), &json!(at)));
        assert!(over["startedAt"].as_str().unwrap() >= at.as_str(), "{over}");
        system.mailbox().only_mail_to("ada@example.com").await;
        let late = admin.payload(SEND, json!({ "input": input })).await;
        assert_eq!(late["userErrors"][0]["field"], json!(["sendAt"]));
    }

    async fn i3_the_portal_switch(system: &System) {
        let admin = system.admin();
        let contact = admin.done(CREATE_CONTACT, json!({ "input": {
            "role": "CLIENT", "firstName": "Mary", "lastName": "Somerville", "email": "mary@example.com", "invite": true,
        }})).await["contact"].clone();
        let token = system.mailbox().only_mail_to("mary@example.com").await.link_token();
        let switch = "mutation Switch($input: UpdateOrganizationInput!) {
            updateOrganization(input: $input) { organization { portalEnabled } userErrors { code } } }";
        admin.done(switch, json!({ "input": { "portalEnabled": false } })).await;
        assert_eq!(system.nobody().payload(LANDING, json!({ "token": token })).await["state"], "INVALID");
        let refused = admin.payload(SEND, json!({ "input": { "contacts": { "ids": [contact["id"]] } } })).await;
        assert_eq!(refused["userErrors"][0]["code"], "PORTAL_DISABLED");
        let cancelled = admin.done(&SEND.replace("sendInvitations", "cancelInvitations"),
            json!({ "input": { "contacts": { "ids": [contact["id"]] } } })).await;
        assert_eq!(cancelled["batch"]["cancelled"], 1);
        admin.done(switch, json!({ "input": { "portalEnabled": true } })).await;
    }
}
