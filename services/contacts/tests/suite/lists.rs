//! Pages, searches and refusals of the list (C8).

use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::{
    AccountLink, Contact, ContactFilter, CreateContactRequest, ListActivityRequest, ListContactsRequest,
    UpdateContactRequest,
};

use crate::bench::{Bench, client, lead};
use crate::search::search;

fn listed(words: &str) -> ListContactsRequest {
    ListContactsRequest {
        filter: Some(search(words)),
        ..Default::default()
    }
}

pub(crate) fn names(contacts: &[Contact]) -> Vec<&str> {
    contacts
        .iter()
        .map(|contact| contact.first_name.as_str())
        .collect()
}

usher_testkit::dialects! {
    async fn c8_search_finds_words_in_name_address_phone_and_account(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let company = AccountLink { new_company: Some("O'Brien & Söhne 100%".into()), ..Default::default() };
        bench.create(CreateContactRequest {
            phone: Some("+442079460018".into()),
            accounts: vec![company],
            ..client("Zoë", "MÜLLER", "Zoe.M@Bücher.example")
        }).await;
        bench.create(lead("李", "雷")).await;
        bench.create(client("Anna", "Muller", "anna@example.com")).await;
        bench.stranger().create_contact(client("Zoë", "Müller", "zoe@example.com")).await.unwrap();
        let table = [
            ("muller", vec!["Anna", "Zoë"]),
            ("MÜLLER zoë", vec!["Zoë"]),
            ("ulle", vec!["Anna", "Zoë"]),
            ("zo", vec!["Zoë"]),
            ("李", vec!["李"]),
            ("李 雷", vec!["李"]),
            ("7946", vec!["Zoë"]),
            ("o'brien sohne", vec!["Zoë"]),
            ("100%", vec!["Zoë"]),
            ("1_0", vec![]),
            ("1%0", vec![]),
            ("bücher", vec!["Zoë"]),
            ("xn--bcher", vec!["Zoë"]),
            ("\"muller", vec![]),
            ("muller nobody", vec![]),
            ("muller OR anna", vec![]),
            ("a", vec!["Anna", "Zoë"]),
            ("  ", vec!["Anna", "Zoë", "李"]),
            ("example", vec!["Anna", "Zoë"]),
        ];
        let mut member = bench.member();
        for (words, expected) in table {
            let reply = member.list_contacts(listed(words)).await.unwrap().into_inner();
            let mut found = names(&reply.contacts);
            found.sort_unstable();
            assert_eq!(found, expected, "{words:?}");
        }
    }

    async fn c8_a_change_is_found_at_once(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Byron", "ada@example.com")).await;
        let update = UpdateContactRequest { id: ada.id, last_name: Some("Lovelace".into()), ..Default::default() };
        bench.member().update_contact(update).await.unwrap();
        let mut member = bench.member();
        assert_eq!(member.list_contacts(listed("lovelace")).await.unwrap().into_inner().contacts.len(), 1);
        assert_eq!(member.list_contacts(listed("byron")).await.unwrap().into_inner().contacts.len(), 0);
    }

    async fn c8_filters_that_are_too_deep_or_unknown_are_refused(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut deep = ContactFilter::default();
        for _ in 0..16 {
            deep = ContactFilter { not: Some(Box::new(deep)), ..Default::default() };
        }
        let unknown = ContactFilter { roles: vec!["KING".into()], ..Default::default() };
        let long = ContactFilter { search: Some("x".repeat(501)), ..Default::default() };
        for filter in [deep, unknown, long] {
            let request = ListContactsRequest { filter: Some(filter), ..Default::default() };
            let status = bench.member().list_contacts(request).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
        }
    }

    async fn c8_filters_nest_to_the_limit_and_mean_what_they_say(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.create(client("Ada", "L", "ada@example.com")).await;
        bench.create(lead("Ida", "L")).await;
        let leads = ContactFilter { roles: vec!["LEAD".into()], ..search("ida") };
        let wraps: [fn(ContactFilter) -> ContactFilter; 3] = [
            |part| ContactFilter { not: Some(Box::new(part)), ..Default::default() },
            |part| ContactFilter { and: vec![part, search("l")], ..Default::default() },
            |part| ContactFilter { or: vec![search("nobody"), part], ..Default::default() },
        ];
        for depth in [14, 15, 16] {
            let mut filter = leads.clone();
            let mut negations = 0;
            for level in 1..depth {
                filter = wraps[level % 3](filter);
                negations += usize::from(level % 3 == 0);
            }
            let request = ListContactsRequest { filter: Some(filter.clone()), ..Default::default() };
            let reply = bench.member().list_contacts(request).await.unwrap().into_inner();
            let expected = if negations % 2 == 0 { "Ida" } else { "Ada" };
            assert_eq!(names(&reply.contacts), [expected], "{depth} deep");
            if depth == 16 {
                let filter = Some(wraps[0](filter));
                let request = ListContactsRequest { filter, ..Default::default() };
                let status = bench.member().list_contacts(request).await.unwrap_err();
                assert_eq!(status.code(), tonic::Code::InvalidArgument);
            }
        }
    }

    async fn c15_activity_is_listed_newest_first(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        for (number, name) in ["Ida", "Eda"].into_iter().enumerate() {
            bench.clock.advance(chrono::TimeDelta::minutes(1));
            let update = UpdateContactRequest { id: ada.id.clone(), first_name: Some(name.into()), ..Default::default() };
            assert_eq!(bench.member().update_contact(update).await.unwrap().into_inner().refusals, [], "{number}");
        }
        let page = |after| ListActivityRequest {
            contact_id: ada.id.clone(),
            page: Some(PageRequest { first: Some(2), after, with_total: true, ..Default::default() }),
        };
        let reply = bench.member().list_activity(page(None)).await.unwrap().into_inner();
        let told: Vec<_> = reply.activities.iter().map(|line| (line.action.as_str(), line.summary.as_str())).collect();
        assert_eq!(told, [("contact.updated", "Changed firstName"); 2]);
        assert_eq!(reply.activities[0].actor, bench.member.to_string());
        let info = reply.page.unwrap();
        assert_eq!((info.has_next_page, info.total), (true, Some(3)));
        let reply = bench.member().list_activity(page(info.cursors.last().cloned())).await.unwrap().into_inner();
        assert_eq!(reply.activities.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(), ["contact.created"]);
        let reply = bench.stranger().list_activity(page(None)).await.unwrap().into_inner();
        assert_eq!(reply.activities.len(), 0);
    }
}
