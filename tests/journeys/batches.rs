//! Batches under control.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::json;
use usher_tests::{Setting, System, eventually};
use usher_types::{Clock, SystemClock};

use crate::operations::{BATCH, CREATE_CONTACT, SEND};

const PAUSE: &str = "mutation Pause($input: BatchInput!) {
  pauseBatch(input: $input) { batch { state pauseReason resultsUrl } userErrors { code } }
}";

/// Whoever watches a batch sees it to its end, whoever is started anew meanwhile; the results can be fetched at the end.
#[tokio::test]
async fn i4_watching_goes_on_when_invitations_is_started_anew() {
    let mut system = System::start(Setting::Distributed).await;
    let admin = system.admin().clone();
    let input = json!({ "input": { "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com" } });
    admin.done(CREATE_CONTACT, input).await;
    let tomorrow = SystemClock.now() + TimeDelta::days(1);
    let tomorrow = tomorrow.to_rfc3339_opts(SecondsFormat::Millis, true);
    let input = json!({ "input": { "contacts": { "filter": {} }, "sendAt": tomorrow } });
    let id = admin.done(SEND, input).await["batch"]["id"].clone();

    let watcher = admin.clone();
    let document = format!("subscription {{ invitationBatch(id: {id}) {{ state pauseReason }} }}");
    let watching = tokio::spawn(async move { watcher.subscribe(&document).await });
    let paused = admin.done(PAUSE, json!({ "input": { "id": id } })).await;
    assert_eq!(
        (&paused["batch"]["state"], &paused["batch"]["pauseReason"]),
        (&json!("PAUSED"), &json!("MEMBER"))
    );
    system.kill_and_restart("usher-invitations").await;
    system.wait_until_ready().await;
    let cancel = PAUSE.replace("pauseBatch", "cancelBatch");
    eventually("the batch is cancelled", system.patience(), || async {
        let answer = admin.send(&cancel, json!({ "input": { "id": id } })).await;
        (answer.body["data"]["cancelBatch"]["batch"]["state"] == "CANCELLED").then_some(())
    })
    .await;
    let told = watching.await.expect("a watcher");
    assert!(!told.contains("errors"), "{told}");
    assert!(told.contains("\"state\":\"CANCELLED\""), "{told}");
    assert_eq!(
        admin.payload(BATCH, json!({ "id": id })).await["state"],
        "CANCELLED"
    );
    system.stop().await;
}
