//! Every process is replaced, and database and broker go and come back, while people work (R3).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use usher_tests::{Fleet, Parts, Postgres, RabbitMq, Retrying, eventually};

use crate::operations::{CREATE_CONTACT, SEND, address};

const LONG: Duration = Duration::from_secs(120);
/// People who work at once.
const AT_WORK: usize = 3;

/// Makes contacts, invites each of them and looks at the list, until `stop`. A request that was tried again may have been done
/// at the first try already: the address is taken then, by this very contact.
async fn work(client: Retrying, next: Arc<AtomicUsize>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let email = address(number);
        let input = json!({ "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": email });
        let made = client.ask(CREATE_CONTACT, json!({ "input": input })).await["createContact"].clone();
        let contact = match made["userErrors"][0]["code"].as_str() {
            None => made["contact"]["id"].clone(),
            Some("EMAIL_TAKEN") => made["userErrors"][0]["contactId"].clone(),
            Some(other) => panic!("{email}: {other}"),
        };
        let input = json!({ "contacts": { "ids": [contact] }, "idempotencyKey": email });
        let sent = client.ask(SEND, json!({ "input": input })).await["sendInvitations"].clone();
        assert_eq!(sent["userErrors"], json!([]), "{email}");
        let listed = "query Listed { contacts(first: 20, orderBy: { field: CREATED_AT, direction: DESC }) { nodes { id } totalCount } }";
        let listed = client.ask(listed, json!({})).await;
        assert!(listed["contacts"]["totalCount"].as_i64() >= Some(1));
    }
}

#[tokio::test]
async fn r3_a_rolling_upgrade_loses_no_request_and_no_mail() {
    let (postgres, mut rabbitmq) = (Postgres::start().await, RabbitMq::start().await);
    let mut fleet = Fleet::start(&Parts::own(&postgres, &rabbitmq)).await;
    let (next, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let client = fleet.client().await;
    let people: Vec<_> = (0..AT_WORK)
        .map(|_| tokio::spawn(work(client.clone(), Arc::clone(&next), Arc::clone(&stop))))
        .collect();
    let progress = async |next: &AtomicUsize, more: usize| {
        let until = next.load(Ordering::Relaxed) + more;
        eventually("work goes on", LONG, || async {
            (next.load(Ordering::Relaxed) >= until).then_some(())
        })
        .await;
    };
    progress(&next, 10).await;
    for place in 0..fleet.len() {
        fleet.replace(place).await;
        progress(&next, 5).await;
    }
    fleet.expect_an_outage();
    rabbitmq.crash().await;
    rabbitmq.resume().await;
    progress(&next, 5).await;
    postgres.crash().await;
    postgres.resume().await;
    progress(&next, 5).await;
    stop.store(true, Ordering::Relaxed);
    for person in people {
        person.await.expect("nobody was refused");
    }

    let count = next.load(Ordering::Relaxed);
    let invited = "query Invited { contacts(first: 1, filter: { portalStatus: [INVITED] }) { totalCount } }";
    eventually("everybody is invited", LONG, || async {
        let listed = client.ask(invited, json!({})).await;
        (listed["contacts"]["totalCount"] == count).then_some(())
    })
    .await;
    eventually("everybody has a mail", LONG, || async {
        (fleet.mailbox().all().len() >= count).then_some(())
    })
    .await;
    eventually("no outbox row is stuck", LONG, || async {
        (fleet.unpublished().await == 0).then_some(())
    })
    .await;
    eventually("no queue holds anything back", LONG, || async {
        (rabbitmq.messages().await == 0).then_some(())
    })
    .await;
    assert_eq!(fleet.dead_letters().await, 0);
    let mut mails: HashMap<String, usize> = HashMap::new();
    for mail in fleet.mailbox().all() {
        *mails.entry(mail.to.to_lowercase()).or_default() += 1;
    }
    let expected: HashMap<String, usize> = (0..count).map(|number| (address(number), 1)).collect();
    assert_eq!(mails, expected, "one mail each");
    fleet.stop().await;
}
