//! How often a mutation asks the database: a number that does not depend on how much it is about.

use usher_proto::common::v1::{StringList, TextChange};
use usher_proto::contacts::v1::{
    Account, AccountLink, Contact, ContactLink, CreateAccountRequest, CreateContactRequest,
    LinkContactRequest, SetContactActiveRequest, SetTogglesRequest, UnlinkContactRequest,
    UpdateAccountRequest, UpdateContactRequest,
};
use usher_testkit::TestDatabase;

use crate::bench::{Bench, client, lead, place, to_account};
use crate::wire::{Counter, counted};

/// Whom and what the mutations are about.
struct Stage {
    bench: Bench,
    counter: Counter,
    people: Vec<Contact>,
    accounts: Vec<Account>,
}

const MANY: usize = 12;

impl Stage {
    async fn new() -> Self {
        let files = TestDatabase::postgres().await;
        let (database, counter) = counted(&files).await;
        let bench = Bench::over(files, database);
        let (mut people, mut accounts) = (Vec::new(), Vec::new());
        for number in 0..MANY {
            people.push(
                bench
                    .create(client("Ada", "L", &format!("ada{number}@example.com")))
                    .await,
            );
        }
        for number in 0..MANY {
            let members = people.iter().map(with_login).collect();
            accounts.push(bench.account(&format!("Acme {number}"), members).await);
        }
        Self {
            bench,
            counter,
            people,
            accounts,
        }
    }
}

fn with_login(contact: &Contact) -> ContactLink {
    ContactLink {
        login: Some(true),
        ..place(contact)
    }
}

/// Round trips of a call, once its statements are prepared.
macro_rules! trips {
    ($stage:expr, $call:ident($request:expr)) => {{
        $stage.counter.taken();
        let reply = $stage.bench.member().$call($request).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        $stage.counter.taken()
    }};
}

#[test]
fn house_a_creation_takes_as_many_round_trips_whatever_is_made_with_it() {
    usher_testkit::block_on(async {
        let stage = Stage::new().await;
        trips!(stage, create_contact(client("Eda", "L", "warm@example.com")));
        // Begin, contact with all that belongs to it, outbox, commit; before them the settings and who has the address.
        assert_eq!(trips!(stage, create_contact(lead("Eda", "L"))), 5);
        assert_eq!(
            trips!(stage, create_contact(client("Eda", "L", "eda@example.com"))),
            6
        );
        for (number, links) in [1, MANY].into_iter().enumerate() {
            let primary = |link| AccountLink {
                primary: Some(true),
                login: Some(true),
                ..link
            };
            let company = |number| AccountLink {
                new_company: Some(format!("New {number}")),
                ..Default::default()
            };
            let existing = stage.accounts[..links].iter().map(to_account).map(primary);
            let request = CreateContactRequest {
                accounts: existing.chain((0..links).map(company)).collect(),
                tags: (0..links).map(|tag| format!("tag {tag}")).collect(),
                invite: true,
                ..client("Eda", "L", &format!("eda{number}@example.org"))
            };
            // Accounts that are there are locked before and counted after.
            assert_eq!(trips!(stage, create_contact(request)), 8, "{links} links");
        }
        let account = |people: &[Contact]| CreateAccountRequest {
            name: "Acme".into(),
            kind: "COMPANY".into(),
            tags: vec!["uk".into(), "vip".into()],
            contacts: people.iter().map(with_login).collect(),
        };
        assert_eq!(trips!(stage, create_account(account(&[]))), 5);
        // The settings come first; contacts are locked before, counted after, and found by the new name.
        assert_eq!(trips!(stage, create_account(account(&stage.people[..1]))), 8);
        assert_eq!(trips!(stage, create_account(account(&stage.people))), 8);
    });
}

#[test]
fn house_a_change_takes_as_many_round_trips_whomever_it_reaches() {
    usher_testkit::block_on(async {
        let stage = Stage::new().await;
        let update = UpdateContactRequest {
            id: stage.people[0].id.clone(),
            ..Default::default()
        };
        let named = |first_name: &str| UpdateContactRequest {
            first_name: Some(first_name.into()),
            ..update.clone()
        };
        trips!(stage, update_contact(named("Ida")));
        assert_eq!(trips!(stage, update_contact(named("Uda"))), 6);
        let tags = StringList {
            values: vec!["vip".into(), "uk".into()],
        };
        let everything = UpdateContactRequest {
            role: Some("PROSPECT".into()),
            email: Some(TextChange {
                value: Some("uda@example.com".into()),
            }),
            tags: Some(tags),
            ..named("Oda")
        };
        // The settings and who has the address, as in a creation; and the accounts whose status may change with the role.
        assert_eq!(trips!(stage, update_contact(everything)), 8);
        let lead = UpdateContactRequest {
            role: Some("LEAD".into()),
            ..update
        };
        assert_eq!(trips!(stage, update_contact(lead)), 7);
        let inactive = SetContactActiveRequest {
            id: stage.people[1].id.clone(),
            active: false,
        };
        assert_eq!(trips!(stage, set_contact_active(inactive)), 7);
        let account = UpdateAccountRequest {
            id: stage.accounts[0].id.clone(),
            ..Default::default()
        };
        let kind = UpdateAccountRequest {
            kind: Some("LLC".into()),
            ..account.clone()
        };
        assert_eq!(trips!(stage, update_account(kind)), 7);
        // Everyone who is linked is found by the new name.
        let renamed = UpdateAccountRequest {
            name: Some("Analytical Engines".into()),
            ..account
        };
        assert_eq!(trips!(stage, update_account(renamed)), 8);
    });
}

#[test]
fn house_a_change_of_links_takes_as_many_round_trips_however_many_they_are() {
    usher_testkit::block_on(async {
        let stage = Stage::new().await;
        let id = |account: &Account| account.id.clone();
        let unlink = UnlinkContactRequest {
            account_id: id(&stage.accounts[0]),
            contact_id: stage.people[0].id.clone(),
        };
        trips!(
            stage,
            unlink_contact(UnlinkContactRequest {
                account_id: id(&stage.accounts[1]),
                ..unlink.clone()
            })
        );
        assert_eq!(trips!(stage, unlink_contact(unlink.clone())), 10);
        let primary = ContactLink {
            primary: Some(true),
            ..with_login(&stage.people[0])
        };
        let link = LinkContactRequest {
            account_id: unlink.account_id,
            contact: Some(primary),
        };
        assert_eq!(trips!(stage, link_contact(link)), 10);
        let toggle = |accounts: &[Account], notify| SetTogglesRequest {
            account_ids: accounts.iter().map(id).collect(),
            notify: Some(notify),
            ..Default::default()
        };
        assert_eq!(
            trips!(stage, set_toggles(toggle(&stage.accounts, true))),
            5,
            "nothing new"
        );
        for accounts in [&stage.accounts[..1], &stage.accounts[..]] {
            assert_eq!(
                trips!(stage, set_toggles(toggle(accounts, false))),
                9,
                "{} accounts",
                accounts.len()
            );
        }
    });
}
