//! Words and tags in a list that is longer than what a page looks at first (C8): of everybody, of few, of nobody, and of many
//! who stand together.

use tonic::codegen::Bytes;
use usher_proto::bytes_of;
use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::{
    AccountLink, Contact, ContactFilter, ContactOrder, ContactSelection, CreateAccountRequest,
    CreateContactRequest, ListAccountsRequest, ListContactsRequest, PreviewSelectionRequest,
    WalkSelectionRequest, contact_selection::Of,
};
use usher_types::{Clock, ContactId, fold};

use crate::bench::{Bench, client, lead};
use crate::fixtures::Sketch;

/// More than a page looks at before it asks the index.
const MANY: usize = 3_100;

pub(crate) fn search(words: &str) -> ContactFilter {
    ContactFilter {
        search: Some(words.into()),
        ..Default::default()
    }
}

impl Bench {
    /// Everyone on the first page of a search.
    pub(crate) async fn found(&self, words: &str) -> Vec<Contact> {
        let request = ListContactsRequest {
            filter: Some(search(words)),
            ..Default::default()
        };
        self.member()
            .list_contacts(request)
            .await
            .unwrap()
            .into_inner()
            .contacts
    }

    /// A crowd in which words are of everybody ("crowd"), of each tenth ("tenth"), of those with the last names ("zed") and of
    /// three who stand far apart ("needle").
    async fn crowd(&self) -> Vec<Sketch> {
        let sketch = |number: usize| {
            let mut first = format!("Crowd {}", (number * 7919) % 97);
            if number % 10 == 3 {
                first.push_str(" tenth");
            }
            if number % 1_000 == 999 {
                first.push_str(" needle");
            }
            let last = if number * 4 > MANY * 3 { "Zed" } else { "Able" };
            Sketch {
                id: ContactId::new(self.clock.now()),
                first_name: first,
                last_name: format!("{last} {}", number % 13),
            }
        };
        let sketches: Vec<Sketch> = (0..MANY).map(sketch).collect();
        self.mass(&sketches).await;
        sketches
    }
}

/// Who has these words, in the order of a list.
fn expected(sketches: &[Sketch], words: &str, field: &str, descending: bool) -> Vec<Bytes> {
    let has = |sketch: &&Sketch| {
        let document = sketch.document();
        fold(words).split_whitespace().all(|word| document.contains(word))
    };
    let mut found: Vec<&Sketch> = sketches.iter().filter(has).collect();
    let key = |sketch: &Sketch| match field {
        "FIRST_NAME" => (fold(&sketch.first_name), sketch.id),
        "LAST_NAME" => (fold(&sketch.last_name), sketch.id),
        _ => (String::new(), sketch.id),
    };
    found.sort_by_key(|sketch| key(sketch));
    if descending {
        found.reverse();
    }
    found.into_iter().map(|sketch| bytes_of(sketch.id)).collect()
}

/// Up to three pages from either end; the ids in the order of the list, and the total.
async fn pages(bench: &Bench, request: &ListContactsRequest, backwards: bool) -> (Vec<Bytes>, i64) {
    let mut found: Vec<Bytes> = Vec::new();
    let (mut cursor, mut total) = (None, 0);
    for _ in 0..3 {
        let mut page = PageRequest {
            with_total: true,
            ..Default::default()
        };
        if backwards {
            (page.last, page.before) = (Some(60), cursor.take());
        } else {
            (page.first, page.after) = (Some(60), cursor.take());
        }
        let request = ListContactsRequest {
            page: Some(page),
            ..request.clone()
        };
        let reply = bench.member().list_contacts(request).await.unwrap().into_inner();
        let info = reply.page.unwrap();
        let ids = reply.contacts.into_iter().map(|contact| contact.id);
        total = info.total.unwrap();
        if backwards {
            found.splice(0..0, ids);
            cursor = info.cursors.first().filter(|_| info.has_previous_page).cloned();
        } else {
            found.extend(ids);
            cursor = info.cursors.last().filter(|_| info.has_next_page).cloned();
        }
        if cursor.is_none() {
            break;
        }
    }
    (found, total)
}

usher_testkit::dialects! {
    async fn c8_words_of_many_and_of_few_are_found_in_order(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let sketches = bench.crowd().await;
        let stranger = CreateContactRequest { role: "LEAD".into(), ..lead("Crowd needle", "Zed") };
        bench.stranger().create_contact(stranger).await.unwrap();
        let searches = ["crowd", "tenth", "zed", "needle", "cr", "ze", "needle crowd", "tenth zed", "9 zed", "nobody"];
        for field in ["FIRST_NAME", "LAST_NAME", "EMAIL", "CREATED_AT", "PORTAL_STATUS", "INVITED_AT"] {
            for (number, words) in searches.into_iter().enumerate() {
                let (descending, backwards) = (number % 2 == 1, (number / 2) % 2 == 1);
                let request = ListContactsRequest {
                    filter: Some(search(words)),
                    order: Some(ContactOrder { field: field.into(), descending }),
                    ..Default::default()
                };
                let all = expected(&sketches, words, field, descending);
                let (found, total) = pages(&bench, &request, backwards).await;
                let some = all.len().min(180);
                let page = if backwards { &all[all.len() - some..] } else { &all[..some] };
                assert_eq!(found, page, "{words} by {field}");
                assert_eq!(total, i64::try_from(all.len()).unwrap(), "{words} by {field}");
            }
        }
    }

    async fn c8_a_search_beside_and_below_other_conditions(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let sketches = bench.crowd().await;
        let count = |words: &str| expected(&sketches, words, "", false).len();
        let not = |filter| ContactFilter { not: Some(Box::new(filter)), ..Default::default() };
        let any = |parts: &[&str]| ContactFilter { or: parts.iter().map(|words| search(words)).collect(), ..Default::default() };
        let all = |parts: &[&str]| ContactFilter { and: parts.iter().map(|words| search(words)).collect(), ..Default::default() };
        let table = [
            (ContactFilter { roles: vec!["LEAD".into()], ..search("needle") }, count("needle")),
            (ContactFilter { roles: vec!["CLIENT".into()], ..search("crowd") }, 0),
            (ContactFilter { portal_status: vec!["WAITING".into()], signed_in: Some(false), ..search("tenth") }, count("tenth")),
            (not(search("tenth")), MANY - count("tenth")),
            (not(search("nobody")), MANY),
            (any(&["needle", "tenth"]), count("needle") + count("tenth") - count("needle tenth")),
            (all(&["needle", "zed"]), count("needle zed")),
            (ContactFilter { not: Some(Box::new(search("zed"))), ..search("tenth") }, count("tenth able")),
            (all(&["", "needle"]), count("needle")),
        ];
        for (filter, expected) in table {
            let request = ListContactsRequest { filter: Some(filter.clone()), ..Default::default() };
            let (found, total) = pages(&bench, &request, false).await;
            assert_eq!(found.len(), expected.min(180), "{filter:?}");
            assert_eq!(total, i64::try_from(expected).unwrap(), "{filter:?}");
        }
    }

    async fn c8_tags_of_many_and_of_few_are_found_in_order(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let sketches = bench.crowd().await;
        for word in ["crowd", "tenth", "needle"] {
            let sql = "INSERT INTO contact_tag (organization_id, tag, contact_id) \
                 SELECT s.organization_id, $1, s.contact_id FROM contact_search s WHERE s.document LIKE $2";
            bench.written(sql, vec![word.into(), format!("%{word}%").into()]).await;
        }
        let tagged = |tags: &[&str], words: &str| ContactFilter {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..search(words)
        };
        let either = |sketch: &Sketch, tags: &[&str]| tags.iter().any(|tag| sketch.document().contains(tag));
        let table: [(&[&str], &str); 7] = [
            (&["crowd"], ""),
            (&["tenth"], ""),
            (&["needle"], ""),
            (&["needle", "tenth", "crowd"], ""),
            (&["needle", "tenth"], "zed"),
            (&["tenth"], "ze"),
            (&["nobody"], ""),
        ];
        for field in ["LAST_NAME", "PORTAL_STATUS", "LAST_SIGNED_IN_AT"] {
            for (number, (tags, words)) in table.iter().enumerate() {
                let (descending, backwards) = (number % 2 == 0, number % 3 == 0);
                let meant: Vec<Sketch> = sketches.iter().filter(|sketch| either(sketch, tags)).cloned().collect();
                let all = expected(&meant, words, field, descending);
                let request = ListContactsRequest {
                    filter: Some(tagged(tags, words)),
                    order: Some(ContactOrder { field: field.into(), descending }),
                    ..Default::default()
                };
                let (found, total) = pages(&bench, &request, backwards).await;
                let some = all.len().min(180);
                let page = if backwards { &all[all.len() - some..] } else { &all[..some] };
                assert_eq!(found, page, "{tags:?} {words} by {field}");
                assert_eq!(total, i64::try_from(all.len()).unwrap(), "{tags:?} {words} by {field}");
            }
        }
    }

    async fn i2_a_selection_by_search_is_counted_and_walked(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let sketches = bench.crowd().await;
        for words in ["crowd", "tenth", "needle", "ze", "nobody"] {
            let mut ids = expected(&sketches, words, "", false);
            ids.sort();
            let selection = Some(ContactSelection { of: Some(Of::Filter(search(words))) });
            let preview = PreviewSelectionRequest { selection: selection.clone(), action: "CANCEL".into() };
            let preview = bench.member().preview_selection(preview).await.unwrap().into_inner();
            assert_eq!(preview.total, i64::try_from(ids.len()).unwrap(), "{words}");
            let mut walked: Vec<Bytes> = Vec::new();
            loop {
                let after = walked.last().cloned();
                let request = WalkSelectionRequest { selection: selection.clone(), after, limit: 700 };
                let reply = bench.invitations().walk_selection(request).await.unwrap().into_inner();
                walked.extend(reply.contacts.into_iter().map(|contact| contact.id));
                if reply.last {
                    break;
                }
            }
            assert_eq!(walked, ids, "{words}");
        }
    }

    async fn c8_signs_of_patterns_and_quotes_mean_themselves(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let company = |name: &str| AccountLink { new_company: Some(name.into()), ..Default::default() };
        let names = ["100% Wool", r"Back\slash", "Under_score", r#"Say "cheese""#, "It's", "(round) [square] a*b^c"];
        for (number, name) in names.into_iter().enumerate() {
            let request = client(&format!("N{number}"), "L", &format!("n{number}@example.com"));
            bench.create(CreateContactRequest { accounts: vec![company(name)], ..request }).await;
        }
        let table = [
            ("%", vec!["N0"]), ("0%", vec!["N0"]), ("100%", vec!["N0"]), ("10%", vec![]), ("1%w", vec![]), ("%%%", vec![]),
            (r"\", vec!["N1"]), (r"k\s", vec!["N1"]), (r"back\slash", vec!["N1"]), (r"back\\slash", vec![]), (r"100\%", vec![]),
            ("_", vec!["N2"]), ("r_s", vec!["N2"]), ("under_score", vec!["N2"]), ("un_er", vec![]), (r"under\_score", vec![]),
            ("\"", vec!["N3"]), ("\"ch", vec!["N3"]), ("say \"cheese\"", vec!["N3"]), ("\"say\"", vec![]),
            ("'", vec!["N4"]), ("it's", vec!["N4"]), ("its", vec![]),
            ("(round)", vec!["N5"]), ("[square]", vec!["N5"]), ("a*b^c", vec!["N5"]), ("a*c", vec![]), ("NOT slash", vec![]),
            ("wool OR slash", vec![]), ("wool NEAR", vec![]), ("document:wool", vec![]), ("woo*", vec![]),
        ];
        for (words, expected) in table {
            let names: Vec<_> = bench.found(words).await.into_iter().map(|contact| contact.first_name).collect();
            assert_eq!(names, expected, "{words}");
        }
        let accounts = [("%", 1), ("0% w", 1), (r"\s", 1), (r"k\sl", 1), ("r_sc", 1), ("_", 1), ("u_der", 0), ("\"", 1), ("it's", 1)];
        for (words, expected) in accounts {
            let request = ListAccountsRequest { search: Some(words.into()), ..Default::default() };
            let found = bench.member().list_accounts(request).await.unwrap().into_inner().accounts;
            assert_eq!(found.len(), expected, "{words}");
        }
    }

    async fn c8_accounts_of_a_word_of_many_and_of_few(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let name = |number: usize| match number % 1_000 {
            999 => format!("Household {number:04} needle"),
            _ => format!("Household {number:04}"),
        };
        let names: Vec<String> = (0..MANY).map(name).collect();
        bench.accounts(&names).await;
        let elsewhere = CreateAccountRequest { name: "Household needle".into(), kind: "COMPANY".into(), ..Default::default() };
        bench.stranger().create_account(elsewhere).await.unwrap();
        for (words, backwards) in [("household", false), ("household", true), ("needle", false), ("ho", true), ("needle 1", true), ("nobody", false)] {
            let has = |name: &&String| fold(words).split_whitespace().all(|word| fold(name).contains(word));
            let expected: Vec<&String> = names.iter().filter(has).collect();
            let mut page = PageRequest { with_total: true, ..Default::default() };
            *(if backwards { &mut page.last } else { &mut page.first }) = Some(60);
            let request = ListAccountsRequest { search: Some(words.into()), page: Some(page), ..Default::default() };
            let reply = bench.member().list_accounts(request).await.unwrap().into_inner();
            let some = expected.len().min(60);
            let expected_page = if backwards { &expected[expected.len() - some..] } else { &expected[..some] };
            let found: Vec<_> = reply.accounts.iter().map(|account| &account.name).collect();
            assert_eq!(found, expected_page, "{words}");
            let info = reply.page.unwrap();
            assert_eq!(info.total, Some(i64::try_from(expected.len()).unwrap()), "{words}");
            let more = if backwards { info.has_previous_page } else { info.has_next_page };
            assert_eq!(more, expected.len() > 60, "{words}");
        }
    }
}
