//! Writers in each other's way (C3, C5, C16). Whoever comes first, the rule holds.

use usher_events::OrganizationChanged;
use usher_proto::common::v1::TextChange;
use usher_proto::contacts::v1::{
    Account, AccountLink, BatchGetRequest, Contact, ContactLink, CreateAccountRequest, CreateContactRequest,
    LinkContactRequest, UnlinkContactRequest, UpdateAccountRequest, UpdateContactRequest,
};

use crate::bench::{Bench, client, contact_id, lead, place};

fn moved(contact: &Contact, email: &str) -> UpdateContactRequest {
    UpdateContactRequest {
        id: contact.id.clone(),
        email: Some(TextChange {
            value: Some(email.into()),
        }),
        ..Default::default()
    }
}

/// How a call ended: its only refusal, or "made".
macro_rules! ended {
    ($bench:expr, $call:ident($request:expr)) => {{
        let (mut member, request) = ($bench.member(), $request);
        tokio::spawn(async move {
            let reply = member.$call(request).await.unwrap().into_inner();
            assert!(reply.refusals.len() <= 1);
            reply
                .refusals
                .into_iter()
                .next()
                .map_or("made".to_owned(), |refusal| refusal.code)
        })
    }};
}

async fn sorted(racing: Vec<tokio::task::JoinHandle<String>>) -> Vec<String> {
    let mut outcomes = Vec::new();
    for race in racing {
        outcomes.push(race.await.unwrap());
    }
    outcomes.sort();
    outcomes
}

async fn primaries(bench: &Bench, account: &Account) -> (usize, usize) {
    let request = BatchGetRequest {
        ids: vec![account.id.clone()],
    };
    let links = bench
        .member()
        .links_of_accounts(request)
        .await
        .unwrap()
        .into_inner()
        .links;
    (links.len(), links.iter().filter(|link| link.primary).count())
}

usher_testkit::dialects! {
    async fn c3_a_creation_and_a_change_race_for_one_address(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        for round in 0..4 {
            let ada = bench.create(client("Ada", "L", &format!("ada{round}@example.com"))).await;
            let wanted = format!("countess{round}@example.com");
            let racing = vec![
                ended!(bench, update_contact(moved(&ada, &wanted))),
                ended!(bench, create_contact(client("Ida", "L", &wanted))),
            ];
            assert_eq!(sorted(racing).await, ["EMAIL_TAKEN", "made"]);
        }
    }

    async fn c3_two_who_leave_a_shared_address_at_once_leave_the_third_alone(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let listed = |version, domains: &[&str]| OrganizationChanged {
            placeholder_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            ..bench.settings(version)
        };
        bench.hears(&[bench.event(&listed(1, &["noemail.example"]))]).await;
        let mut shared = Vec::new();
        for round in 0..6 {
            let mut sharers = Vec::new();
            for name in ["Ada", "Ida", "Eda"] {
                sharers.push(bench.create(client(name, "L", &format!("x{round}@noemail.example"))).await);
            }
            shared.push(sharers);
        }
        bench.hears(&[bench.event(&listed(2, &[]))]).await;
        for (round, sharers) in shared.iter().enumerate() {
            let racing = vec![
                ended!(bench, update_contact(moved(&sharers[0], &format!("ada{round}@example.com")))),
                ended!(bench, update_contact(moved(&sharers[1], &format!("ida{round}@example.com")))),
            ];
            assert_eq!(sorted(racing).await, ["made", "made"]);
            let left = bench.get(contact_id(&sharers[2])).await;
            assert_eq!(left.email_state, "VALID");
            assert_eq!(left.portal.unwrap().actions, ["SEND"], "no duplicate any more, round {round}");
        }
    }

    async fn c5_a_joint_account_keeps_two_contacts_and_a_primary_whoever_leaves_at_once(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut people = Vec::new();
        for number in 0..4 {
            people.push(bench.create(lead(&format!("N{number}"), "L")).await);
        }
        for round in 0..3 {
            let contacts = people.iter().enumerate().map(|(number, contact)| ContactLink {
                primary: Some(number == round),
                ..place(contact)
            });
            let joint = CreateAccountRequest {
                name: "Both".into(),
                kind: "JOINT".into(),
                tags: vec![],
                contacts: contacts.collect(),
            };
            let account = bench.member().create_account(joint).await.unwrap().into_inner().account.unwrap();
            let leave = |contact: &Contact| UnlinkContactRequest {
                account_id: account.id.clone(),
                contact_id: contact.id.clone(),
            };
            let racing = people.iter().map(|contact| ended!(bench, unlink_contact(leave(contact)))).collect();
            let refused = "JOINT_NEEDS_TWO_CONTACTS";
            assert_eq!(sorted(racing).await, [refused, refused, "made", "made"]);
            assert_eq!(primaries(&bench, &account).await, (2, 1));
        }
    }

    async fn c5_of_those_who_become_primary_at_once_one_is(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let account = bench.account("Acme", vec![]).await;
        let mut racing = Vec::new();
        for number in 0..3 {
            let contact = bench.create(lead(&format!("N{number}"), "L")).await;
            let primary = ContactLink { primary: Some(true), ..place(&contact) };
            let link = LinkContactRequest { account_id: account.id.clone(), contact: Some(primary) };
            racing.push(ended!(bench, link_contact(link)));
            let primary = AccountLink {
                account_id: Some(account.id.clone()),
                primary: Some(true),
                ..Default::default()
            };
            let request = CreateContactRequest { accounts: vec![primary], ..lead("New", "L") };
            racing.push(ended!(bench, create_contact(request)));
        }
        assert_eq!(sorted(racing).await, ["made"; 6]);
        assert_eq!(primaries(&bench, &account).await, (6, 1));
    }

    async fn c5_a_contact_is_linked_once_however_many_try(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(lead("Ada", "L")).await;
        let account = bench.account("Acme", vec![]).await;
        let link = LinkContactRequest { account_id: account.id.clone(), contact: Some(place(&ada)) };
        let racing = (0..4).map(|_| ended!(bench, link_contact(link.clone()))).collect();
        assert_eq!(sorted(racing).await, ["ALREADY_LINKED", "ALREADY_LINKED", "ALREADY_LINKED", "made"]);
        assert_eq!(primaries(&bench, &account).await.0, 1);
    }

    async fn c8_who_is_linked_while_an_account_is_renamed_is_found_by_its_new_name(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let account = bench.account("Acme", vec![]).await;
        let mut racing = Vec::new();
        for number in 0..3 {
            let contact = bench.create(lead(&format!("N{number}"), "L")).await;
            let link = LinkContactRequest { account_id: account.id.clone(), contact: Some(place(&contact)) };
            racing.push(ended!(bench, link_contact(link)));
            let name = Some(format!("Engines {number}"));
            let rename = UpdateAccountRequest { id: account.id.clone(), name, ..Default::default() };
            racing.push(ended!(bench, update_account(rename)));
        }
        assert_eq!(sorted(racing).await, ["made"; 6]);
        let ids = BatchGetRequest { ids: vec![account.id.clone()] };
        let accounts = bench.member().batch_get_accounts(ids).await.unwrap().into_inner().accounts;
        assert_eq!(bench.found(&accounts[0].name).await.len(), 3);
    }

    async fn c16_of_two_writers_who_expect_the_same_version_one_wins(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(lead("Ada", "L")).await;
        let account = bench.account("Acme", vec![]).await;
        let rename = |number| UpdateContactRequest {
            id: ada.id.clone(),
            expected_version: Some(1),
            first_name: Some(format!("Ada {number}")),
            ..Default::default()
        };
        let racing = (0..4).map(|number| ended!(bench, update_contact(rename(number)))).collect();
        assert_eq!(sorted(racing).await, ["CONFLICT", "CONFLICT", "CONFLICT", "made"]);
        assert_eq!(bench.get(contact_id(&ada)).await.version, 2);
        let rename = |number| UpdateAccountRequest {
            id: account.id.clone(),
            expected_version: Some(1),
            name: Some(format!("Acme {number}")),
            ..Default::default()
        };
        let racing = (0..4).map(|number| ended!(bench, update_account(rename(number)))).collect();
        assert_eq!(sorted(racing).await, ["CONFLICT", "CONFLICT", "CONFLICT", "made"]);
    }

    async fn c16_no_version_is_lost_where_many_write_without_expecting_one(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(lead("Ada", "L")).await;
        let mut racing = Vec::new();
        for number in 0..4 {
            let name = Some(format!("Ada {number}"));
            let update = UpdateContactRequest { id: ada.id.clone(), first_name: name, ..Default::default() };
            racing.push(ended!(bench, update_contact(update)));
            let request = CreateAccountRequest {
                name: "Acme".into(),
                kind: "COMPANY".into(),
                tags: vec![],
                contacts: vec![place(&ada)],
            };
            racing.push(ended!(bench, create_account(request)));
        }
        assert_eq!(sorted(racing).await, ["made"; 8]);
        assert_eq!(bench.get(contact_id(&ada)).await.version, 9);
    }
}
