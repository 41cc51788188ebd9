//! Accounts, links and their toggles.

use usher_events::{AccountChanged, ContactChanged};
use usher_proto::bytes_of;
use usher_proto::contacts::v1::{
    AccountLink, BatchGetRequest, Contact, ContactLink, CreateAccountRequest, CreateContactRequest, Link,
    LinkContactRequest, ListAccountsRequest, SetContactActiveRequest, SetTogglesRequest,
    UnlinkContactRequest, UpdateAccountRequest, UpdateContactRequest,
};
use usher_types::{AccountId, Clock, ContactId};

use crate::bench::{Bench, account_refusals, client, codes, contact_id, lead, place, refused};

pub(crate) fn primary(contact: &Contact) -> ContactLink {
    ContactLink {
        primary: Some(true),
        ..place(contact)
    }
}

fn with_login(contact: &Contact) -> ContactLink {
    ContactLink {
        login: Some(true),
        ..place(contact)
    }
}

impl Bench {
    pub(crate) async fn links(&self, account: &usher_proto::contacts::v1::Account) -> Vec<Link> {
        let request = BatchGetRequest {
            ids: vec![account.id.clone()],
        };
        self.member()
            .links_of_accounts(request)
            .await
            .unwrap()
            .into_inner()
            .links
    }

    async fn portal_status(&self, account: &usher_proto::contacts::v1::Account) -> String {
        let request = BatchGetRequest {
            ids: vec![account.id.clone()],
        };
        let reply = self
            .member()
            .batch_get_accounts(request)
            .await
            .unwrap()
            .into_inner();
        reply.accounts[0].portal_status.clone()
    }
}

usher_testkit::dialects! {
    async fn c5_c6_linking_counts_publishes_and_moves_the_primary(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "Lovelace", "ida@example.com")).await;
        let account = bench.account("Acme", vec![primary(&ada)]).await;
        let link = LinkContactRequest {
            account_id: account.id.clone(),
            contact: Some(ContactLink { login: Some(true), ..primary(&ida) }),
        };
        let reply = bench.member().link_contact(link.clone()).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        assert_eq!(reply.touched.len(), 1);
        assert_eq!((reply.touched[0].contact_id.clone(), reply.touched[0].raw_version), (ida.id.clone(), 2));
        let changed = reply.account.unwrap();
        assert_eq!((changed.version, changed.portal_status.as_str()), (2, "ACTIVE"));
        let mut told: Vec<_> = bench.links(&account).await.into_iter().map(|link| (link.contact_id, link.primary, link.login)).collect();
        told.sort();
        let mut expected = vec![(ada.id.clone(), false, false), (ida.id.clone(), true, true)];
        expected.sort();
        assert_eq!(told, expected);
        let updates: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        let facts: Vec<_> = updates.iter().map(|event| (event.contact.id, event.contact.version.counter(), event.contact.links_with_login)).collect();
        assert_eq!(facts, [(contact_id(&ada), 2, 0), (contact_id(&ida), 2, 1)]);
        let reply = bench.member().link_contact(link).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("ALREADY_LINKED", "contact.contactId")]));
        let actions: Vec<String> = bench.activity().await.into_iter().map(|(action, ..)| action).collect();
        assert_eq!(actions, ["account.created", "contact.created", "contact.created", "contact.linked", "contact.linked"]);
    }

    async fn contract_links_to_nobody_are_not_found(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let account = bench.account("Acme", vec![]).await;
        let link = LinkContactRequest { account_id: account.id.clone(), contact: Some(place(&ada)) };
        let nobody = ContactLink { contact_id: bytes_of(ContactId::new(bench.clock.now())), ..Default::default() };
        let nowhere = bytes_of(AccountId::new(bench.clock.now()));
        let table = [
            (LinkContactRequest { contact: Some(nobody), ..link.clone() }, "contact.contactId"),
            (LinkContactRequest { contact: None, ..link.clone() }, "contact.contactId"),
            (LinkContactRequest { account_id: nowhere, ..link.clone() }, "accountId"),
            (LinkContactRequest { account_id: vec![1].into(), ..link.clone() }, "accountId"),
        ];
        for (request, field) in table {
            let reply = bench.member().link_contact(request).await.unwrap().into_inner();
            assert_eq!(account_refusals(&reply), codes(&[("NOT_FOUND", field)]));
        }
        let reply = bench.stranger().link_contact(link).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("NOT_FOUND", "accountId")]));
        let unlink = UnlinkContactRequest { account_id: account.id.clone(), contact_id: ada.id.clone() };
        let reply = bench.member().unlink_contact(unlink).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("NOT_FOUND", "contactId")]));
        let create = CreateAccountRequest {
            name: "Acme".into(),
            kind: "TRUST".into(),
            tags: vec![],
            contacts: vec![place(&ada), place(&ada)],
        };
        let reply = bench.member().create_account(create).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("INVALID", "contacts.1.contactId")]));
    }

    async fn c11_an_account_is_active_while_somebody_may_sign_in_for_it(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let account = bench.account("Acme", vec![]).await;
        assert_eq!(account.portal_status, "OFFLINE");
        let mut member = bench.member();
        let link = LinkContactRequest { account_id: account.id.clone(), contact: Some(with_login(&ada)) };
        assert_eq!(member.link_contact(link).await.unwrap().into_inner().account.unwrap().portal_status, "ACTIVE");
        let role = |role: &str| UpdateContactRequest { id: ada.id.clone(), role: Some(role.into()), ..Default::default() };
        let active = |active| SetContactActiveRequest { id: ada.id.clone(), active };
        let toggle = |login| SetTogglesRequest { account_ids: vec![account.id.clone()], login: Some(login), ..Default::default() };
        member.update_contact(role("LEAD")).await.unwrap();
        assert_eq!(bench.portal_status(&account).await, "OFFLINE");
        member.update_contact(role("PROSPECT")).await.unwrap();
        assert_eq!(bench.portal_status(&account).await, "ACTIVE");
        member.set_contact_active(active(false)).await.unwrap();
        assert_eq!(bench.portal_status(&account).await, "OFFLINE");
        member.set_contact_active(active(true)).await.unwrap();
        assert_eq!(bench.portal_status(&account).await, "ACTIVE");
        let reply = member.set_toggles(toggle(false)).await.unwrap().into_inner();
        assert_eq!(reply.accounts[0].portal_status, "OFFLINE");
        let reply = member.set_toggles(toggle(true)).await.unwrap().into_inner();
        assert_eq!(reply.accounts[0].portal_status, "ACTIVE");
        let unlink = UnlinkContactRequest { account_id: account.id.clone(), contact_id: ada.id.clone() };
        let reply = member.unlink_contact(unlink).await.unwrap().into_inner();
        assert_eq!(reply.account.unwrap().portal_status, "OFFLINE");
        let offline = |status: &str| ListAccountsRequest { portal_status: Some(status.into()), ..Default::default() };
        assert_eq!(member.list_accounts(offline("OFFLINE")).await.unwrap().into_inner().accounts.len(), 1);
        assert_eq!(member.list_accounts(offline("ACTIVE")).await.unwrap().into_inner().accounts.len(), 0);
    }

    async fn c11_two_who_change_at_once_are_both_counted(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let account = bench.account("Acme", vec![]).await;
        let mut linking = Vec::new();
        for number in 0..6 {
            let contact = bench.create(client("Ada", "Lovelace", &format!("ada{number}@example.com"))).await;
            let request = LinkContactRequest { account_id: account.id.clone(), contact: Some(with_login(&contact)) };
            let mut member = bench.member();
            linking.push(tokio::spawn(async move {
                member.link_contact(request).await.unwrap();
                let off = SetContactActiveRequest { id: contact.id, active: false };
                member.set_contact_active(off).await.unwrap();
            }));
        }
        for link in linking {
            link.await.unwrap();
        }
        assert_eq!(bench.links(&account).await.len(), 6);
        assert_eq!(bench.portal_status(&account).await, "OFFLINE");
    }

    async fn c6_toggles_change_one_link_or_all_but_some(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "Lovelace", "ida@example.com")).await;
        let account = bench.account("Acme", vec![place(&ada), place(&ida)]).await;
        let mut member = bench.member();
        let toggle = SetTogglesRequest { account_ids: vec![account.id.clone()], ..Default::default() };
        let one = SetTogglesRequest { contact_id: Some(ada.id.clone()), login: Some(true), email_sync: Some(true), ..toggle.clone() };
        let reply = member.set_toggles(one.clone()).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        let told: Vec<_> = reply.contacts.iter().map(|version| (version.contact_id.clone(), version.raw_version)).collect();
        assert_eq!(told, [(ada.id.clone(), 3)]);
        assert!(bench.get(contact_id(&ada)).await.portal.unwrap().login_enabled);
        // The same again changes nothing.
        let reply = member.set_toggles(one).await.unwrap().into_inner();
        assert_eq!(reply.contacts[0].raw_version, 3);
        let rest = SetTogglesRequest { except_contact_ids: vec![ada.id.clone()], notify: Some(false), ..toggle.clone() };
        member.set_toggles(rest).await.unwrap();
        let mut told: Vec<_> = bench.links(&account).await.into_iter().map(|link| (link.contact_id, link.login, link.notify, link.email_sync)).collect();
        told.sort();
        let mut expected = vec![(ada.id.clone(), true, true, true), (ida.id.clone(), false, false, false)];
        expected.sort();
        assert_eq!(told, expected);
        let lines = bench.activity().await;
        let mut summaries: Vec<_> = lines.iter().filter(|(action, ..)| action == "contact.toggles_changed").map(|(_, summary, _)| summary.as_str()).collect();
        summaries.sort_unstable();
        assert_eq!(summaries, ["Set login on, emailSync on", "Set notify off"]);
    }

    async fn contract_toggles_of_what_is_not_there_are_refused(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let account = bench.account("Acme", vec![]).await;
        let nowhere = bytes_of(AccountId::new(bench.clock.now()));
        let on = SetTogglesRequest { login: Some(true), ..Default::default() };
        let table = [
            (SetTogglesRequest { account_ids: vec![account.id.clone(), nowhere], ..on.clone() }, ("NOT_FOUND", "accountIds.1")),
            (SetTogglesRequest { account_ids: vec![account.id.clone()], contact_id: Some(ada.id), ..on.clone() }, ("NOT_FOUND", "contactId")),
            (on, ("INVALID", "accountIds")),
        ];
        for (request, expected) in table {
            let reply = bench.member().set_toggles(request).await.unwrap().into_inner();
            assert_eq!(refused(&reply.refusals), codes(&[expected]));
        }
    }

    async fn c5_c16_accounts_are_edited_and_carry_a_version(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let account = bench.account("Acme", vec![place(&ada)]).await;
        let update = UpdateAccountRequest { id: account.id.clone(), expected_version: Some(1), ..Default::default() };
        let renamed = UpdateAccountRequest {
            name: Some("Analytical Engines".into()),
            kind: Some("LLC".into()),
            tags: Some(usher_proto::common::v1::StringList { values: vec!["steam".into()] }),
            ..update.clone()
        };
        let reply = bench.member().update_account(renamed.clone()).await.unwrap().into_inner();
        let changed = reply.account.unwrap();
        assert_eq!((changed.name.as_str(), changed.kind.as_str(), changed.version), ("Analytical Engines", "LLC", 2));
        assert_eq!(changed.tags, ["steam"]);
        let reply = bench.member().update_account(renamed).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("CONFLICT", "expectedVersion")]));
        let nulled = UpdateAccountRequest { expected_version: None, nulled: vec!["name".into()], ..update };
        let reply = bench.member().update_account(nulled).await.unwrap().into_inner();
        assert_eq!(account_refusals(&reply), codes(&[("REQUIRED", "name")]));
        // C8: who is linked is found by the new name.
        let search = |words: &str| usher_proto::contacts::v1::ListContactsRequest {
            filter: Some(usher_proto::contacts::v1::ContactFilter { search: Some(words.into()), ..Default::default() }),
            ..Default::default()
        };
        let mut member = bench.member();
        assert_eq!(member.list_contacts(search("analytical ada")).await.unwrap().into_inner().contacts.len(), 1);
        assert_eq!(member.list_contacts(search("acme")).await.unwrap().into_inner().contacts.len(), 0);
        let events: Vec<AccountChanged> = bench.events("usher.account.updated.v1").await;
        assert_eq!(events.iter().map(|event| event.account.name.as_str()).collect::<Vec<_>>(), ["Analytical Engines"]);
    }

    async fn c5_accounts_are_listed_by_name_and_found_by_words_kind_and_tag(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut member = bench.member();
        for (name, kind, tag) in [("Zürich Trust", "TRUST", "swiss"), ("acme", "COMPANY", "uk"), ("Bäckerei Zü", "LLC", "swiss")] {
            let request = CreateAccountRequest { name: name.into(), kind: kind.into(), tags: vec![tag.into()], contacts: vec![] };
            member.create_account(request).await.unwrap();
        }
        bench.stranger().create_account(CreateAccountRequest { name: "Zurich".into(), kind: "COMPANY".into(), ..Default::default() }).await.unwrap();
        let list = ListAccountsRequest::default();
        let table = [
            (list.clone(), vec!["acme", "Bäckerei Zü", "Zürich Trust"]),
            (ListAccountsRequest { search: Some("ZURICH tr".into()), ..list.clone() }, vec!["Zürich Trust"]),
            (ListAccountsRequest { search: Some("zu".into()), ..list.clone() }, vec!["Bäckerei Zü", "Zürich Trust"]),
            (ListAccountsRequest { search: Some("100%".into()), ..list.clone() }, vec![]),
            (ListAccountsRequest { kinds: vec!["LLC".into(), "COMPANY".into()], ..list.clone() }, vec!["acme", "Bäckerei Zü"]),
            (ListAccountsRequest { tags: vec!["swiss".into()], ..list.clone() }, vec!["Bäckerei Zü", "Zürich Trust"]),
            (ListAccountsRequest { tags_given: true, ..list.clone() }, vec![]),
        ];
        for (mut request, expected) in table {
            request.page = Some(usher_proto::common::v1::PageRequest { with_total: true, ..Default::default() });
            let reply = member.list_accounts(request).await.unwrap().into_inner();
            assert_eq!(reply.accounts.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), expected);
            assert_eq!(reply.page.unwrap().total, Some(i64::try_from(expected.len()).unwrap()));
        }
    }

    async fn c11_accounts_made_together_with_contacts_show_at_once_who_may_sign_in(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let company = |name: &str, login| AccountLink { new_company: Some(name.into()), login: Some(login), ..Default::default() };
        let both = vec![company("Open", true), company("Closed", false)];
        bench.create(CreateContactRequest { accounts: both.clone(), ..client("Ada", "L", "ada@example.com") }).await;
        bench.create(CreateContactRequest { accounts: both, ..lead("Ida", "L") }).await;
        let eda = bench.create(client("Eda", "L", "eda@example.com")).await;
        let off = SetContactActiveRequest { id: eda.id.clone(), active: false };
        bench.member().set_contact_active(off).await.unwrap();
        assert_eq!(bench.account("Inactive", vec![with_login(&eda)]).await.portal_status, "OFFLINE");
        let reply = bench.member().list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner();
        let mut told: Vec<_> = reply.accounts.iter().map(|account| (account.name.as_str(), account.portal_status.as_str())).collect();
        told.sort_unstable();
        assert_eq!(told, [
            ("Closed", "OFFLINE"),
            ("Closed", "OFFLINE"),
            ("Inactive", "OFFLINE"),
            ("Open", "ACTIVE"),
            ("Open", "OFFLINE"),
        ]);
    }

    async fn c11_leads_do_not_make_an_account_active(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(lead("Ada", "Lovelace")).await;
        let account = bench.account("Acme", vec![with_login(&ada)]).await;
        assert_eq!(account.portal_status, "OFFLINE");
    }
}
