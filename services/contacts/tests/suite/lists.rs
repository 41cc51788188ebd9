//! Pages, searches and refusals of the list (C8).

use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::{
    AccountLink, Contact, ContactFilter, ContactOrder, CreateContactRequest, ListActivityRequest,
    ListContactsRequest, UpdateContactRequest,
};

use crate::bench::{Bench, client, lead};

fn search(words: &str) -> ListContactsRequest {
    let filter = ContactFilter {
        search: Some(words.into()),
        ..Default::default()
    };
    ListContactsRequest {
        filter: Some(filter),
        ..Default::default()
    }
}

fn names(contacts: &[Contact]) -> Vec<&str> {
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
            let reply = member.list_contacts(search(words)).await.unwrap().into_inner();
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
        assert_eq!(member.list_contacts(search("lovelace")).await.unwrap().into_inner().contacts.len(), 1);
        assert_eq!(member.list_contacts(search("byron")).await.unwrap().into_inner().contacts.len(), 0);
    }

    async fn c8_a_page_is_bounded_and_counts_only_when_asked(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        for number in 0..3 {
            bench.create(lead(&format!("N{number}"), "L")).await;
        }
        let mut member = bench.member();
        let page = |page| ListContactsRequest { page: Some(page), ..Default::default() };
        let first = page(PageRequest { first: Some(2), ..Default::default() });
        let reply = member.list_contacts(first.clone()).await.unwrap().into_inner();
        let info = reply.page.unwrap();
        assert_eq!((reply.contacts.len(), info.has_next_page, info.has_previous_page, info.total), (2, true, false, None));
        let counted = page(PageRequest { first: Some(2), with_total: true, ..Default::default() });
        assert_eq!(member.list_contacts(counted).await.unwrap().into_inner().page.unwrap().total, Some(3));
        for wrong in [
            PageRequest { first: Some(0), ..Default::default() },
            PageRequest { first: Some(101), ..Default::default() },
            PageRequest { first: Some(1), last: Some(1), ..Default::default() },
            PageRequest { after: Some("not a cursor".into()), ..Default::default() },
        ] {
            let status = member.list_contacts(page(wrong)).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
        }
    }

    async fn c8_a_cursor_belongs_to_its_order_filter_and_organization(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        for number in 0..3 {
            bench.create(lead(&format!("N{number}"), "L")).await;
        }
        let by = |field: &str, descending| Some(ContactOrder { field: field.into(), descending });
        let list = ListContactsRequest {
            page: Some(PageRequest { first: Some(1), ..Default::default() }),
            order: by("FIRST_NAME", false),
            ..Default::default()
        };
        let reply = bench.member().list_contacts(list.clone()).await.unwrap().into_inner();
        let cursor = reply.page.unwrap().cursors.remove(0);
        let next = ListContactsRequest {
            page: Some(PageRequest { first: Some(1), after: Some(cursor), ..Default::default() }),
            ..list
        };
        let reply = bench.member().list_contacts(next.clone()).await.unwrap().into_inner();
        assert_eq!(names(&reply.contacts), ["N1"]);
        assert!(reply.page.unwrap().has_previous_page);
        let active = ContactFilter { active: Some(true), ..Default::default() };
        for foreign in [
            ListContactsRequest { order: by("LAST_NAME", false), ..next.clone() },
            ListContactsRequest { order: by("FIRST_NAME", true), ..next.clone() },
            ListContactsRequest { filter: Some(active), ..next.clone() },
        ] {
            let status = bench.member().list_contacts(foreign).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
        }
        let status = bench.stranger().list_contacts(next).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
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
