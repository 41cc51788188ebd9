//! Every part may stop at any moment: nothing is lost, and at most the mails on the wire are repeated (E3, N2).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::{Value, json};
use usher_tests::{Parts, Postgres, RabbitMq, Setting, System, eventually};

use crate::operations::{BATCH, SEND, address, create_many};

const CONTACTS: usize = 2_000;
/// How many mails have gone out when the fault strikes.
const MIDDLE: i64 = 200;
/// Open SMTP connections, each of which may repeat one mail after a crash of notifications (N2).
const CONNECTIONS: usize = 4;
const LONG: Duration = Duration::from_secs(120);

/// A system with its contacts, and its batch half sent.
async fn in_the_middle(setting: Setting, parts: &Parts) -> (System, Value) {
    let system = System::start_on(setting, parts).await;
    create_many(system.admin(), CONTACTS).await;
    let input = json!({ "input": { "contacts": { "filter": {} }, "expectEligible": CONTACTS } });
    let id = system.admin().done(SEND, input).await["batch"]["id"].clone();
    let batch = eventually("the middle of the batch", LONG, || async {
        let batch = system.admin().payload(BATCH, json!({ "id": id })).await;
        (batch["sent"].as_i64() >= Some(MIDDLE)).then_some(batch)
    })
    .await;
    assert_eq!(batch["state"], "RUNNING", "the fault would strike too late");
    (system, id)
}

/// Every contact has one mail, every status is right, nothing is stuck, and the batch is done.
async fn all_is_well(system: System, id: &Value, repeats_allowed: usize) {
    let admin = system.sign_in_again().await;
    let batch = eventually("the batch is done", LONG, || async {
        let answer = admin.send(BATCH, json!({ "id": id })).await;
        let batch = answer.body["data"]["invitationBatch"].clone();
        (batch["state"] == "DONE").then_some(batch)
    })
    .await;
    assert_eq!(
        (&batch["total"], &batch["sent"]),
        (&json!(CONTACTS), &json!(CONTACTS)),
        "{batch:#}"
    );
    assert_eq!(
        (&batch["failed"], &batch["queued"], &batch["cancelled"]),
        (&json!(0), &json!(0), &json!(0))
    );

    let mut ids_of: HashMap<String, Vec<String>> = HashMap::new();
    for mail in system.mailbox().all() {
        ids_of
            .entry(mail.to.to_lowercase())
            .or_default()
            .push(mail.message_id);
    }
    let expected: HashSet<String> = (0..CONTACTS).map(address).collect();
    assert_eq!(ids_of.keys().cloned().collect::<HashSet<_>>(), expected);
    let repeated: Vec<_> = ids_of.values().filter(|ids| ids.len() > 1).collect();
    assert!(
        repeated.len() <= repeats_allowed,
        "{} repeated mails",
        repeated.len()
    );
    for ids in repeated {
        assert_eq!(
            (ids.len(), &ids[0]),
            (2, &ids[1]),
            "a repeat has the same Message-ID"
        );
    }

    let counted = "query Counted { contacts(first: 1, filter: { portalStatus: [INVITED] }) { totalCount } }";
    eventually("every status is right", LONG, || async {
        let answer = admin.payload(counted, json!({})).await;
        (answer["totalCount"] == CONTACTS).then_some(())
    })
    .await;
    eventually("no outbox row is stuck", LONG, || async {
        (system.unpublished().await == 0).then_some(())
    })
    .await;
    system.stop().await;
}

#[tokio::test]
async fn e3_the_single_process_is_killed() {
    let (mut system, id) = in_the_middle(Setting::Embedded, &Parts::Machine).await;
    system.kill_and_restart("usher").await;
    system.wait_until_ready().await;
    all_is_well(system, &id, CONNECTIONS).await;
}

async fn a_process_is_killed(name: &str, repeats_allowed: usize) {
    let (postgres, rabbitmq) = (Postgres::start().await, RabbitMq::start().await);
    let parts = Parts::own(&postgres, &rabbitmq);
    let (mut system, id) = in_the_middle(Setting::Distributed, &parts).await;
    system.kill_and_restart(name).await;
    system.wait_until_ready().await;
    all_is_well(system, &id, repeats_allowed).await;
}

#[tokio::test]
async fn e3_the_gateway_is_killed() {
    a_process_is_killed("usher-gateway", 0).await;
}

#[tokio::test]
async fn e3_contacts_is_killed() {
    a_process_is_killed("usher-contacts", 0).await;
}

#[tokio::test]
async fn e3_invitations_is_killed() {
    a_process_is_killed("usher-invitations", 0).await;
}

#[tokio::test]
async fn n2_notifications_is_killed() {
    a_process_is_killed("usher-notifications", CONNECTIONS).await;
}

#[tokio::test]
async fn e3_the_broker_is_killed() {
    let (postgres, mut rabbitmq) = (Postgres::start().await, RabbitMq::start().await);
    let parts = Parts::own(&postgres, &rabbitmq);
    let (system, id) = in_the_middle(Setting::Distributed, &parts).await;
    rabbitmq.crash().await;
    rabbitmq.resume().await;
    all_is_well(system, &id, 0).await;
}

#[tokio::test]
async fn e3_the_database_is_killed() {
    let (postgres, rabbitmq) = (Postgres::start().await, RabbitMq::start().await);
    let parts = Parts::own(&postgres, &rabbitmq);
    let (system, id) = in_the_middle(Setting::Distributed, &parts).await;
    postgres.crash().await;
    postgres.resume().await;
    all_is_well(system, &id, CONNECTIONS).await;
}
