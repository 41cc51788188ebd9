//! Pages of the list: their bounds, cursors and order (C8), and what they show at once (C16).

use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::{
    AccountLink, ContactFilter, ContactIds, ContactOrder, ContactSelection, CreateContactRequest,
    ListContactsRequest, PreviewSelectionRequest, SetTogglesRequest, UnlinkContactRequest,
    UpdateContactRequest, WalkSelectionRequest, contact_selection::Of,
};
use usher_types::{Clock, PortalStatus};

use crate::bench::{Bench, client, contact_id, lead};
use crate::lists::names;
use crate::search::search;

usher_testkit::dialects! {
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

    async fn c8_nothing_sorts_first_in_ascending_order(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.create(client("Ada", "L", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "L", "ida@example.com")).await;
        bench.create(lead("Uda", "L")).await;
        bench.create(lead("Oda", "L")).await;
        let active = usher_events::PortalFacts {
            invited_at: Some(bench.clock.now()),
            first_signed_in_at: Some(bench.clock.now()),
            last_signed_in_at: Some(bench.clock.now()),
            ..bench.portal(contact_id(&ida), 1, PortalStatus::Active)
        };
        bench.hears(&[bench.invitation(active)]).await;
        for (field, without) in [("EMAIL", 2), ("INVITED_AT", 3), ("LAST_SIGNED_IN_AT", 3)] {
            for descending in [false, true] {
                let order = Some(ContactOrder { field: field.into(), descending });
                let request = ListContactsRequest { order, ..Default::default() };
                let reply = bench.member().list_contacts(request).await.unwrap().into_inner();
                let mut empty: Vec<bool> = reply.contacts.iter().map(|contact| match field {
                    "EMAIL" => contact.email.is_none(),
                    "INVITED_AT" => contact.portal.as_ref().unwrap().invited_at.is_none(),
                    _ => contact.portal.as_ref().unwrap().last_signed_in_at.is_none(),
                }).collect();
                if descending {
                    empty.reverse();
                }
                assert_eq!(empty, [0, 1, 2, 3].map(|place| place < without), "{field} {descending}");
            }
        }
    }

    async fn c8_pages_stand_still_while_contacts_come_change_and_expire(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut made = Vec::new();
        for number in 0..6 {
            let contact = bench.create(client(&format!("N{number}"), "L", &format!("n{number}@example.com"))).await;
            let invited = usher_events::PortalFacts {
                expires_at: Some(bench.clock.now() + chrono::TimeDelta::days(if number % 2 == 0 { 1 } else { 9 })),
                ..bench.portal(contact_id(&contact), 1, PortalStatus::Invited)
            };
            bench.hears(&[bench.invitation(invited)]).await;
            made.push(contact);
        }
        let page = |first: Option<i32>, last: Option<i32>, after: Option<String>, before: Option<String>| PageRequest {
            first, last, after, before, with_total: false,
        };
        let list = |field: &str, page| ListContactsRequest {
            order: Some(ContactOrder { field: field.into(), descending: false }),
            page: Some(page),
            ..Default::default()
        };
        let mut member = bench.member();
        let reply = member.list_contacts(list("FIRST_NAME", page(Some(3), None, None, None))).await.unwrap().into_inner();
        assert_eq!(names(&reply.contacts), ["N0", "N1", "N2"]);
        let cursors = reply.page.unwrap().cursors;
        // One comes before the cursor, one after it; the cursor's own goes elsewhere.
        bench.create(lead("N00", "L")).await;
        bench.create(lead("N20", "L")).await;
        let renamed = UpdateContactRequest { id: made[2].id.clone(), first_name: Some("Z".into()), ..Default::default() };
        bench.member().update_contact(renamed).await.unwrap();
        let next = page(Some(9), None, Some(cursors[2].clone()), None);
        let reply = member.list_contacts(list("FIRST_NAME", next)).await.unwrap().into_inner();
        assert_eq!(names(&reply.contacts), ["N20", "N3", "N4", "N5", "Z"]);
        let back = page(None, Some(9), None, Some(cursors[2].clone()));
        let reply = member.list_contacts(list("FIRST_NAME", back)).await.unwrap().into_inner();
        assert_eq!(names(&reply.contacts), ["N0", "N00", "N1"]);
        // The first page's moment decides who has expired on all of them.
        let reply = member.list_contacts(list("PORTAL_STATUS", page(Some(4), None, None, None))).await.unwrap().into_inner();
        let first: Vec<_> = reply.contacts.iter().map(|contact| contact.id.clone()).collect();
        let cursor = reply.page.unwrap().cursors[3].clone();
        bench.clock.advance(chrono::TimeDelta::days(2));
        let next = page(Some(9), None, Some(cursor), None);
        let reply = bench.member().list_contacts(list("PORTAL_STATUS", next)).await.unwrap().into_inner();
        let mut all = first;
        all.extend(reply.contacts.iter().map(|contact| contact.id.clone()));
        assert_eq!(all.len(), 8);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 8, "nobody twice, nobody left out");
    }

    async fn c16_own_writes_are_seen_at_once_in_lists_previews_and_selections(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let company = AccountLink { new_company: Some("Engines".into()), login: Some(true), ..Default::default() };
        let ada = bench.create(CreateContactRequest {
            accounts: vec![company],
            tags: vec!["vip".into()],
            ..client("Ada", "L", "ada@example.com")
        }).await;
        let ids = usher_proto::contacts::v1::BatchGetRequest { ids: vec![ada.id.clone()] };
        let links = bench.member().links_of_contacts(ids).await.unwrap().into_inner().links;
        let account = links[0].account_id.clone();
        let vips = ContactFilter { tags: vec!["vip".into()], ..search("engines ada") };
        let counts = async |action: &str, of: Of| {
            let selection = Some(ContactSelection { of: Some(of) });
            let request = PreviewSelectionRequest { selection: selection.clone(), action: action.into() };
            let preview = bench.member().preview_selection(request).await.unwrap().into_inner();
            let walk = WalkSelectionRequest { selection, after: None, limit: 10 };
            let walked = bench.invitations().walk_selection(walk).await.unwrap().into_inner().contacts;
            (preview.total, preview.eligible, walked.iter().map(|contact| contact.raw_version).collect::<Vec<_>>())
        };
        let of_account = || Of::AccountIds(ContactIds { ids: vec![account.clone()] });
        assert_eq!(counts("SEND", Of::Filter(vips.clone())).await, (1, 1, vec![1]));
        assert_eq!(counts("SEND", of_account()).await, (1, 1, vec![1]));
        let off = SetTogglesRequest { account_ids: vec![account.clone()], login: Some(false), ..Default::default() };
        bench.member().set_toggles(off).await.unwrap();
        assert_eq!(counts("SEND", Of::Filter(vips.clone())).await, (1, 0, vec![2]));
        let unlink = UnlinkContactRequest { account_id: account.clone(), contact_id: ada.id.clone() };
        bench.member().unlink_contact(unlink).await.unwrap();
        assert_eq!(counts("SEND", Of::Filter(vips.clone())).await, (0, 0, vec![]));
        assert_eq!(counts("SEND", of_account()).await, (0, 0, vec![]));
        let ids = || Of::Ids(ContactIds { ids: vec![ada.id.clone()] });
        assert_eq!(counts("SEND", ids()).await, (1, 1, vec![3]));
        let lead = UpdateContactRequest { id: ada.id.clone(), role: Some("LEAD".into()), ..Default::default() };
        bench.member().update_contact(lead).await.unwrap();
        assert_eq!(counts("SEND", ids()).await, (1, 0, vec![4]));
        let leads = ListContactsRequest {
            filter: Some(ContactFilter { roles: vec!["LEAD".into()], ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(names(&bench.member().list_contacts(leads).await.unwrap().into_inner().contacts), ["Ada"]);
    }
}
