//! Random filters, orders and pages against a model in memory (C8).

use chrono::TimeDelta;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tonic::codegen::Bytes;
use usher_events::PortalFacts;
use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::{
    Account, AccountLink, Contact, ContactFilter, ContactOrder, CreateContactRequest, ListContactsRequest,
    SetContactActiveRequest,
};
use usher_types::{PortalStatus, fold};

use crate::bench::{Bench, Client, client, contact_id, lead, noon};

const FIRST: [&str; 5] = ["Ada", "ada", "Émile", "李", "Zoë"];
const LAST: [&str; 4] = ["Lovelace", "Müller", "Muller", "O'Hara"];
const TAGS: [&str; 3] = ["vip", "tax", "uk"];
const WORDS: [&str; 7] = ["ada", "mu", "muller", "example", "acme 1", "z", "o'h"];
const ORDERS: [&str; 8] = [
    "FIRST_NAME",
    "LAST_NAME",
    "EMAIL",
    "CREATED_AT",
    "UPDATED_AT",
    "PORTAL_STATUS",
    "INVITED_AT",
    "LAST_SIGNED_IN_AT",
];

/// A contact, and the accounts and document that filters look at.
struct Known {
    contact: Contact,
    accounts: Vec<usize>,
    document: String,
}

/// A filter, and what it means.
type Drawn = (ContactFilter, Vec<usize>);

fn some_of<const N: usize>(names: [&'static str; N]) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(proptest::sample::select(names.to_vec()), 0..3)
        .prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

/// One level of a filter; account ids are filled in by number.
fn leaf() -> impl Strategy<Value = Drawn> {
    let filter = |change: fn(&mut ContactFilter)| {
        let mut filter = ContactFilter::default();
        change(&mut filter);
        filter
    };
    prop_oneof![
        proptest::sample::select(WORDS.to_vec()).prop_map(|words| (
            ContactFilter {
                search: Some(words.into()),
                ..Default::default()
            },
            vec![]
        )),
        some_of(["LEAD", "PROSPECT", "CLIENT"]).prop_map(|roles| (
            ContactFilter {
                roles,
                roles_given: true,
                ..Default::default()
            },
            vec![]
        )),
        some_of(TAGS).prop_map(|tags| (
            ContactFilter {
                tags,
                tags_given: true,
                ..Default::default()
            },
            vec![]
        )),
        some_of(["WAITING", "INVITED", "EXPIRED", "ACCEPTED", "ACTIVE"]).prop_map(|portal_status| {
            (
                ContactFilter {
                    portal_status,
                    portal_status_given: true,
                    ..Default::default()
                },
                vec![],
            )
        }),
        any::<bool>().prop_map(|active| (
            ContactFilter {
                active: Some(active),
                ..Default::default()
            },
            vec![]
        )),
        any::<bool>().prop_map(|pending| (
            ContactFilter {
                pending_activation: Some(pending),
                ..Default::default()
            },
            vec![]
        )),
        any::<bool>().prop_map(|signed_in| (
            ContactFilter {
                signed_in: Some(signed_in),
                ..Default::default()
            },
            vec![]
        )),
        proptest::collection::vec(0..3_usize, 0..3).prop_map(|accounts| (
            ContactFilter {
                account_ids_given: true,
                ..Default::default()
            },
            accounts
        )),
        Just((filter(|filter| filter.or_given = true), vec![])),
        (any::<bool>(), some_of(TAGS)).prop_map(|(active, tags)| {
            (
                ContactFilter {
                    active: Some(active),
                    tags,
                    tags_given: true,
                    ..Default::default()
                },
                vec![],
            )
        }),
    ]
}

fn tree(accounts: &[Account]) -> impl Strategy<Value = ContactFilter> + use<> {
    let ids: Vec<_> = accounts.iter().map(|account| account.id.clone()).collect();
    let leaf = leaf().prop_map(move |(mut filter, numbers)| {
        filter.account_ids = numbers.into_iter().map(|number| ids[number].clone()).collect();
        filter
    });
    leaf.prop_recursive(4, 24, 3, |part| {
        let parts = || proptest::collection::vec(part.clone(), 0..3);
        (
            part.clone(),
            parts(),
            parts(),
            any::<bool>(),
            proptest::option::of(part.clone()),
        )
            .prop_map(|(mut filter, and, or, or_given, not)| {
                filter.and = and;
                filter.or_given = filter.or_given || or_given;
                filter.or = or;
                filter.not = not.map(Box::new);
                filter
            })
    })
}

/// What a filter means, read from the contract: everything beside each other holds, a list matches any of its values.
fn matches(filter: &ContactFilter, known: &Known, accounts: &[Account]) -> bool {
    let contact = &known.contact;
    let portal = contact.portal.as_ref().unwrap();
    let is = |given: Option<bool>, fact: bool| given.is_none_or(|given| given == fact);
    let list = |given: bool, holds: bool| !given || holds;
    let linked = |id: &Bytes| known.accounts.iter().any(|number| accounts[*number].id == *id);
    let words = fold(filter.search.as_deref().unwrap_or_default());
    words.split_whitespace().all(|word| known.document.contains(word))
        && list(filter.roles_given, filter.roles.contains(&contact.role))
        && list(
            filter.tags_given,
            filter.tags.iter().any(|tag| contact.tags.contains(tag)),
        )
        && list(
            filter.portal_status_given,
            filter.portal_status.contains(&portal.status),
        )
        && list(filter.account_ids_given, filter.account_ids.iter().any(linked))
        && is(filter.active, contact.active)
        && is(filter.pending_activation, portal.pending_activation)
        && is(filter.signed_in, portal.first_signed_in_at.is_some())
        && filter.and.iter().all(|part| matches(part, known, accounts))
        && list(
            filter.or_given || !filter.or.is_empty(),
            filter.or.iter().any(|part| matches(part, known, accounts)),
        )
        && filter
            .not
            .as_ref()
            .is_none_or(|part| !matches(part, known, accounts))
}

/// What an order sorts by: text folded, moments in microseconds, nothing first; then the id.
fn sort_key(field: &str, contact: &Contact) -> (String, i64, Vec<u8>) {
    let portal = contact.portal.as_ref().unwrap();
    let micros = |at: &Option<prost_types::Timestamp>| {
        at.map_or(0, |at| at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000)
    };
    let rank = ["WAITING", "INVITED", "EXPIRED", "ACCEPTED", "ACTIVE"]
        .iter()
        .position(|status| *status == portal.status)
        .unwrap();
    let (text, number) = match field {
        "FIRST_NAME" => (fold(&contact.first_name), 0),
        "LAST_NAME" => (fold(&contact.last_name), 0),
        "EMAIL" => (fold(contact.email.as_deref().unwrap_or_default()), 0),
        "CREATED_AT" => (String::new(), micros(&contact.created_at)),
        "UPDATED_AT" => (String::new(), micros(&contact.updated_at)),
        "PORTAL_STATUS" => (String::new(), i64::try_from(rank).unwrap()),
        "INVITED_AT" => (String::new(), micros(&portal.invited_at)),
        _ => (String::new(), micros(&portal.last_signed_in_at)),
    };
    (text, number, contact.id.to_vec())
}

async fn everyone(bench: &Bench, accounts: &[Account]) -> Vec<Known> {
    let mut made = Vec::new();
    for number in 0..48_usize {
        bench
            .clock
            .advance(TimeDelta::seconds(i64::try_from(number % 3).unwrap()));
        let (first, last) = (FIRST[number % FIRST.len()], LAST[number / 2 % LAST.len()]);
        let request = match number % 3 {
            0 => lead(first, last),
            1 => CreateContactRequest {
                role: "PROSPECT".into(),
                ..client(first, last, &format!("P{number}@example.com"))
            },
            _ => client(first, last, &format!("c{number}@Example.org")),
        };
        let linked: Vec<usize> = (0..accounts.len())
            .filter(|account| (number >> account) % 4 == 1)
            .collect();
        let link = |account: &usize| AccountLink {
            account_id: Some(accounts[*account].id.clone()),
            login: Some(number % 5 == 0),
            ..Default::default()
        };
        let tags = TAGS.iter().enumerate().filter(|(tag, _)| number >> tag & 1 == 1);
        let contact = bench
            .create(CreateContactRequest {
                tags: tags.map(|(_, tag)| (*tag).to_owned()).collect(),
                accounts: linked.iter().map(link).collect(),
                ..request
            })
            .await;
        made.push((contact, linked));
    }
    let mut portals = Vec::new();
    for (number, (contact, _)) in made.iter().enumerate() {
        if number % 7 == 0 {
            let off = SetContactActiveRequest {
                id: contact.id.clone(),
                active: false,
            };
            bench.member().set_contact_active(off).await.unwrap();
        }
        portals.extend(portal(bench, number, contact));
    }
    bench
        .hears(
            &portals
                .into_iter()
                .map(|facts| bench.invitation(facts))
                .collect::<Vec<_>>(),
        )
        .await;
    let mut known = Vec::new();
    for (contact, linked) in made {
        let contact = bench.get(contact_id(&contact)).await;
        let names = linked.iter().map(|account| accounts[*account].name.as_str());
        let name = contact.display_name.clone();
        let email = contact.email.clone().unwrap_or_default();
        let parts: Vec<String> = [name.as_str(), email.as_str()]
            .into_iter()
            .chain(names)
            .map(fold)
            .collect();
        known.push(Known {
            contact,
            accounts: linked,
            document: parts.join("\n"),
        });
    }
    known
}

fn portal(bench: &Bench, number: usize, contact: &Contact) -> Option<PortalFacts> {
    let at = noon() + TimeDelta::hours(i64::try_from(number % 4).unwrap());
    let id = contact_id(contact);
    let invited = |end| PortalFacts {
        invited_at: Some(at),
        expires_at: Some(end),
        ..bench.portal(id, 1, PortalStatus::Invited)
    };
    match number % 5 {
        0 => None,
        1 => Some(invited(noon() + TimeDelta::days(7))),
        2 => Some(invited(noon())),
        3 => Some(PortalFacts {
            accepted_at: Some(at),
            ..bench.portal(id, 1, PortalStatus::Accepted)
        }),
        _ => Some(PortalFacts {
            invited_at: Some(at),
            first_signed_in_at: Some(at),
            last_signed_in_at: Some(at),
            ..bench.portal(id, 1, PortalStatus::Active)
        }),
    }
}

/// Every page of a list, one after another, forwards or backwards; the contacts in the order of the list.
async fn walk(member: &mut Client, request: ListContactsRequest, size: i32, backwards: bool) -> Vec<Contact> {
    let mut found: Vec<Contact> = Vec::new();
    let mut cursor = None;
    loop {
        let page = if backwards {
            PageRequest {
                last: Some(size),
                before: cursor,
                ..Default::default()
            }
        } else {
            PageRequest {
                first: Some(size),
                after: cursor,
                ..Default::default()
            }
        };
        let request = ListContactsRequest {
            page: Some(page),
            ..request.clone()
        };
        let reply = member.list_contacts(request).await.unwrap().into_inner();
        let info = reply.page.unwrap();
        let (more, edge) = if backwards {
            (info.has_previous_page, info.cursors.first().cloned())
        } else {
            (info.has_next_page, info.cursors.last().cloned())
        };
        if backwards {
            found.splice(0..0, reply.contacts);
        } else {
            found.extend(reply.contacts);
        }
        if !more {
            return found;
        }
        cursor = edge;
    }
}

/// The contacts between the one at `edge` and the one as far from the end.
async fn between(member: &mut Client, request: &ListContactsRequest, edge: usize) -> Vec<Contact> {
    let all = PageRequest {
        first: Some(100),
        ..Default::default()
    };
    let reply = member
        .list_contacts(ListContactsRequest {
            page: Some(all),
            ..request.clone()
        })
        .await
        .unwrap();
    let cursors = reply.into_inner().page.unwrap().cursors;
    let (after, before) = (cursors[edge].clone(), cursors[cursors.len() - 1 - edge].clone());
    let page = PageRequest {
        last: Some(100),
        after: Some(after),
        before: Some(before),
        ..Default::default()
    };
    let reply = member
        .list_contacts(ListContactsRequest {
            page: Some(page),
            ..request.clone()
        })
        .await
        .unwrap();
    reply.into_inner().contacts
}

usher_testkit::dialects! {
    async fn c8_random_filters_mean_what_the_contract_says(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut accounts = Vec::new();
        for name in ["Acme 1", "Acme 2", "Zoo"] {
            accounts.push(bench.account(name, vec![]).await);
        }
        let known = everyone(&bench, &accounts).await;
        let mut runner = TestRunner::deterministic();
        let trees = tree(&accounts);
        let mut member = bench.member();
        for round in 0..120 {
            let filter = trees.new_tree(&mut runner).unwrap().current();
            let mut expected: Vec<_> = known
                .iter()
                .filter(|known| matches(&filter, known, &accounts))
                .map(|known| known.contact.id.clone())
                .collect();
            expected.sort();
            let request = ListContactsRequest {
                filter: Some(filter.clone()),
                page: Some(PageRequest { first: Some(100), with_total: true, ..Default::default() }),
                order: Some(ContactOrder { field: ORDERS[round % ORDERS.len()].into(), descending: round % 3 == 0 }),
            };
            let reply = member.list_contacts(request).await.unwrap().into_inner();
            let mut found: Vec<_> = reply.contacts.iter().map(|contact| contact.id.clone()).collect();
            found.sort();
            assert_eq!(found, expected, "{filter:?}");
            assert_eq!(reply.page.unwrap().total, Some(i64::try_from(expected.len()).unwrap()), "{filter:?}");
        }
    }

    async fn c8_every_order_pages_both_ways(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let known = everyone(&bench, &[]).await;
        let mut member = bench.member();
        for field in ORDERS {
            for descending in [false, true] {
                let mut expected: Vec<_> = known.iter().map(|known| sort_key(field, &known.contact)).collect();
                expected.sort();
                if descending {
                    expected.reverse();
                }
                let order = Some(ContactOrder { field: field.into(), descending });
                let request = ListContactsRequest { order, ..Default::default() };
                let between = between(&mut member, &request, 10).await;
                let between: Vec<_> = between.iter().map(|contact| sort_key(field, contact)).collect();
                assert_eq!(between, expected[11..37], "{field} {descending} between");
                for (size, backwards) in [(7, false), (7, true), (100, false), (48, true)] {
                    let found = walk(&mut member, request.clone(), size, backwards).await;
                    let found: Vec<_> = found.iter().map(|contact| sort_key(field, contact)).collect();
                    assert_eq!(found, expected, "{field} {descending} {size} {backwards}");
                }
            }
        }
    }
}
