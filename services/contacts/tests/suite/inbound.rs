//! What other services publish of contacts and accounts.

use serde_json::{Value, json};
use usher_events::{AccountChanged, ContactChanged, Data, Envelope};
use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::{
    AccountLink, Contact, ContactFilter, ListContactsRequest, SetContactActiveRequest,
};
use usher_types::{Clock, ContactId, PortalStatus};
use uuid::Uuid;

use crate::bench::{Bench, account_id, client, contact_id, noon, to_account};
use crate::search::search;

/// What a publisher says.
fn said(publisher: &str, kind: &str, data: Value) -> Envelope {
    Envelope {
        id: Uuid::new_v4(),
        source: "/crm".into(),
        kind: format!("usher.inbound.{kind}.v1"),
        time: noon(),
        subject: String::new(),
        organization: None,
        key: Uuid::nil(),
        queue: None,
        traceparent: None,
        publisher: Some(publisher.into()),
        data: Data::of(&data),
    }
}

fn contact(data: Value) -> Envelope {
    said("crm", "contact.upserted", data)
}

fn account(data: Value) -> Envelope {
    said("crm", "account.upserted", data)
}

/// All that a contact needs.
fn ada(version: i64) -> Value {
    json!({
        "external_id": "4711", "version": version, "role": "CLIENT", "first_name": "Ada", "last_name": "Lovelace",
        "email": "Ada@example.com", "phone": "+44 20 7946 0018", "tags": ["vip"],
    })
}

fn listed(filter: Option<ContactFilter>) -> ListContactsRequest {
    let page = PageRequest {
        first: Some(100),
        ..Default::default()
    };
    ListContactsRequest {
        page: Some(page),
        filter,
        ..Default::default()
    }
}

impl Bench {
    /// With the settings by which publishers find the organization.
    async fn with_publishers(db: usher_testkit::TestDatabase) -> Self {
        let bench = Self::new(db).await;
        bench.hears(&[bench.event(&bench.settings(1))]).await;
        bench
    }

    async fn everyone(&self) -> Vec<Contact> {
        let reply = self
            .member()
            .list_contacts(listed(None))
            .await
            .unwrap()
            .into_inner();
        reply.contacts
    }

    async fn only_one(&self) -> Contact {
        let mut all = self.everyone().await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    async fn refuses(&self, messages: &[Envelope]) -> String {
        let before = (self.everyone().await, self.published().await);
        let reason = self.takes(messages).await.unwrap_err();
        assert_eq!((self.everyone().await, self.published().await), before);
        reason
    }
}

usher_testkit::dialects! {
    async fn e2_a_contact_is_made_changed_and_told_of(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        bench.takes(&[contact(ada(1))]).await.unwrap();
        let made = bench.only_one().await;
        assert_eq!((made.role.as_str(), made.display_name.as_str()), ("CLIENT", "Ada Lovelace"));
        assert_eq!((made.email.as_deref(), made.email_state.as_str()), (Some("Ada@example.com"), "VALID"));
        assert_eq!((made.phone.as_deref(), made.external_id.as_deref()), (Some("+442079460018"), Some("4711")));
        assert_eq!((made.tags.as_slice(), made.active, made.version), (["vip".to_owned()].as_slice(), true, 1));
        let told: Vec<ContactChanged> = bench.events("usher.contact.created.v1").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].contact.email_canonical.as_deref(), Some("ada@example.com"));
        bench.takes(&[contact(json!({"external_id": "4711", "version": 2, "last_name": "King", "tags": []}))]).await.unwrap();
        let changed = bench.only_one().await;
        assert_eq!((changed.last_name.as_str(), changed.tags.len(), changed.version), ("King", 0, 2));
        assert_eq!(changed.email.as_deref(), Some("Ada@example.com"));
        let told: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        assert_eq!(told.iter().map(|told| told.contact.last_name.as_str()).collect::<Vec<_>>(), ["King"]);
        let lines = bench.activity().await;
        let id = Some(contact_id(&made));
        assert_eq!(lines, [
            ("contact.created".to_owned(), "Created as CLIENT".to_owned(), id),
            ("contact.updated".to_owned(), "Changed lastName, tags".to_owned(), id),
        ]);
    }

    async fn e2_an_older_version_changes_nothing_and_the_same_one_neither(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        bench.takes(&[contact(ada(5))]).await.unwrap();
        let newer = json!({"external_id": "4711", "version": 7, "first_name": "Augusta"});
        bench.takes(&[contact(newer)]).await.unwrap();
        for older in [4, 5] {
            bench.takes(&[contact(json!({"external_id": "4711", "version": older, "first_name": "Eda", "last_name": "L"}))]).await.unwrap();
        }
        // newer than the last name that is known, and older than the first name
        bench.takes(&[contact(json!({"external_id": "4711", "version": 6, "first_name": "Eda", "last_name": "King"}))]).await.unwrap();
        let one = bench.only_one().await;
        assert_eq!((one.first_name.as_str(), one.last_name.as_str(), one.version), ("Augusta", "King", 3));
    }

    async fn e2_a_slice_comes_to_the_same_as_its_messages_one_by_one(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let many = (0..60).flat_map(|n| {
            let id = format!("c{n}");
            [
                contact(json!({"external_id": id, "version": 1, "role": "LEAD", "first_name": "Ada", "last_name": id})),
                contact(json!({"external_id": id, "version": 3, "email": format!("{id}@example.com")})),
                contact(json!({"external_id": id, "version": 2, "email": "nobody@example.com", "role": "CLIENT"})),
            ]
        });
        let many: Vec<Envelope> = many.collect();
        bench.takes(&many).await.unwrap();
        let all = bench.everyone().await;
        assert_eq!(all.len(), 60);
        for one in &all {
            assert_eq!(one.email.as_deref(), Some(format!("{}@example.com", one.last_name).as_str()));
            assert_eq!((one.role.as_str(), one.version), ("CLIENT", 1));
        }
        // again, as after a crash, and as from elsewhere
        bench.takes(&many).await.unwrap();
        let again: Vec<Envelope> = many.iter().map(|message| Envelope { id: Uuid::new_v4(), ..message.clone() }).collect();
        bench.takes(&again).await.unwrap();
        assert_eq!(bench.everyone().await, all);
    }

    async fn e2_c4_a_deactivated_contact_is_inactive_until_a_newer_message_says_otherwise(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        bench.takes(&[contact(ada(1))]).await.unwrap();
        let ended = |version: i64| said("crm", "contact.deactivated", json!({"external_id": "4711", "version": version}));
        bench.takes(&[ended(3)]).await.unwrap();
        assert!(!bench.only_one().await.active);
        bench.takes(&[contact(json!({"external_id": "4711", "version": 2, "active": true}))]).await.unwrap();
        assert!(!bench.only_one().await.active);
        bench.takes(&[contact(json!({"external_id": "4711", "version": 4, "active": true}))]).await.unwrap();
        assert!(bench.only_one().await.active);
        let actions: Vec<String> = bench.activity().await.into_iter().map(|line| line.0).collect();
        assert_eq!(actions, ["contact.activated", "contact.created", "contact.deactivated"]);
    }

    async fn e2_c3_a_malformed_address_is_kept_and_marked(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let mut broken = ada(1);
        broken["email"] = json!("ada at home");
        bench.takes(&[contact(broken)]).await.unwrap();
        let one = bench.only_one().await;
        assert_eq!((one.email.as_deref(), one.email_state.as_str()), (Some("ada at home"), "INVALID"));
        bench.takes(&[contact(json!({"external_id": "4711", "version": 2, "email": null}))]).await.unwrap();
        let one = bench.only_one().await;
        assert_eq!((one.email, one.email_state.as_str()), (None, "NONE"));
    }

    async fn e2_c3_who_has_the_address_or_the_id_already_is_meant(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let by_address = bench.create(client("A.", "L.", "ada@EXAMPLE.com")).await;
        let mut request = client("Grace", "Hopper", "grace@example.com");
        request.external_id = Some("0815".into());
        let by_id = bench.create(request).await;
        bench.takes(&[contact(ada(1)), contact(json!({"external_id": "0815", "version": 1, "first_name": "G."}))]).await.unwrap();
        let ada = bench.get(contact_id(&by_address)).await;
        assert_eq!((ada.first_name.as_str(), ada.external_id.as_deref()), ("Ada", Some("4711")));
        assert_eq!(bench.get(contact_id(&by_id)).await.first_name, "G.");
        // another publisher's ids are its own: the same address is the same person, the same id is not
        let other = |data| said("erp", "contact.upserted", data);
        bench.takes(&[other(json!({"external_id": "77", "version": 1, "email": "ada@example.com", "notes": "owes us"}))]).await.unwrap();
        assert_eq!(bench.get(contact_id(&by_address)).await.notes.as_deref(), Some("owes us"));
        let same_id = json!({"external_id": "4711", "version": 1, "role": "LEAD", "first_name": "Linus", "last_name": "T"});
        bench.takes(&[other(same_id)]).await.unwrap();
        assert_eq!(bench.everyone().await.len(), 3);
    }

    async fn e2_c3_an_address_belongs_to_one(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        bench.takes(&[contact(ada(1))]).await.unwrap();
        let id = contact_id(&bench.only_one().await);
        let second = json!({
            "external_id": "4712", "version": 1, "role": "LEAD", "first_name": "Eda", "last_name": "L", "email": "ada@example.com",
        });
        assert_eq!(bench.refuses(&[contact(second)]).await, format!("4712: another contact has this address: {id}"));
        let twins = ["a", "b"].map(|id| contact(json!({
            "external_id": id, "version": 1, "role": "LEAD", "first_name": "T", "last_name": id, "email": "t@example.com",
        })));
        assert_eq!(bench.refuses(&twins).await, "b: another contact gets this address at the same time");
    }

    async fn e2_i6_the_address_of_somebody_invited_takes_a_permission(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let known = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let id = contact_id(&known);
        bench.hears(&[bench.invitation(bench.portal(id, 1, PortalStatus::Invited))]).await;
        let moved = |publisher, version: i64| {
            let data = json!({"external_id": "1", "version": version, "email": "ada@example.org", "notes": "moved"});
            said(publisher, "contact.upserted", data)
        };
        let known_as = |publisher| said(publisher, "contact.upserted", json!({"external_id": "1", "version": 1, "email": "ada@example.com"}));
        bench.takes(&[known_as("erp"), known_as("crm")]).await.unwrap();
        assert_eq!(
            bench.refuses(&[moved("erp", 2)]).await,
            "1: the address of somebody who was invited decides who gets in: name the publisher in inbound.may_readdress"
        );
        bench.takes(&[moved("crm", 2)]).await.unwrap();
        assert_eq!(bench.get(id).await.email.as_deref(), Some("ada@example.org"));
    }

    async fn e2_whoever_is_not_named_in_the_settings_is_not_heard(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let anonymous = Envelope { publisher: None, ..contact(ada(1)) };
        let claimed = Envelope { organization: Some(bench.organization), ..said("guest", "contact.upserted", ada(1)) };
        for (message, reason) in [
            (anonymous, "the message does not say who publishes it: set the property user_id to the broker's user"),
            (claimed, "the broker's user guest speaks for no organization: name it in inbound.publishers"),
            (said("lost", "contact.upserted", ada(1)), "there is no organization nowhere, for which inbound.publishers has lost speak"),
        ] {
            assert_eq!(bench.refuses(&[message]).await, reason);
        }
    }

    async fn e2_what_cannot_be_accepted_says_why(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let with = |field: &str, value: Value| {
            let mut data = ada(1);
            data[field] = value;
            contact(data)
        };
        for (message, reason) in [
            (said("crm", "contact.exploded", ada(1)), "events of the type usher.inbound.contact.exploded.v1 are not taken"),
            (with("external_id", json!("")), "external_id: This must not be empty."),
            (with("version", json!(0)), "version: It is at least 1."),
            (with("first_name", json!(" ")), "4711: first_name: This must not be empty."),
            (with("phone", json!("020")), "4711: phone: Write the phone number with its country code, such as +44 20 7946 0018."),
            (contact(json!({"external_id": "4711", "version": 1, "email": "ada@example.com"})),
                "4711: there is no such contact yet, and the first message needs role, first_name and last_name"),
            (account(json!({"external_id": "A", "version": 1, "name": "Acme"})), "A: there is no such account yet, and the first message needs name and kind"),
            (account(json!({"external_id": "A", "version": 1, "name": "A & B", "kind": "JOINT"})),
                "A: kind: A joint account needs two contacts, whom only the API can give to it."),
        ] {
            assert_eq!(bench.refuses(&[message]).await, reason);
        }
        let unfit = bench.refuses(&[with("role", json!("KING"))]).await;
        assert!(unfit.starts_with("usher.inbound.contact.upserted.v1 does not have the expected shape: unknown variant `KING`"), "{unfit}");
    }

    async fn e2_c7_nobody_comes_without_a_company_where_each_needs_one(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let mut settings = bench.settings(2);
        settings.company_first = true;
        bench.hears(&[bench.event(&settings)]).await;
        assert_eq!(
            bench.refuses(&[contact(ada(1))]).await,
            "4711: accounts: every contact needs a company in this organization"
        );
        let mut with_company = ada(1);
        with_company["accounts"] = json!(["A"]);
        assert_eq!(bench.refuses(&[contact(with_company.clone())]).await, "4711: accounts: there is no account A yet");
        bench.takes(&[account(json!({"external_id": "A", "version": 1, "name": "Acme", "kind": "COMPANY"}))]).await.unwrap();
        bench.takes(&[contact(with_company)]).await.unwrap();
        let told: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        assert_eq!(told.iter().map(|told| (told.contact.links, told.contact.links_with_login)).collect::<Vec<_>>(), [(1, 0)]);
        let one = contact_id(&bench.only_one().await);
        let request = usher_proto::contacts::v1::BatchGetRequest { ids: vec![usher_proto::bytes_of(one)] };
        let links = bench.member().links_of_contacts(request).await.unwrap().into_inner().links;
        assert_eq!(links.iter().map(|link| (link.primary, link.login, link.notify)).collect::<Vec<_>>(), [(true, false, true)]);
    }

    async fn e2_accounts_are_made_changed_and_found_by_their_new_name(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        bench.takes(&[account(json!({"external_id": "A", "version": 1, "name": "Acme", "kind": "COMPANY", "tags": ["x"]}))]).await.unwrap();
        let made: Vec<AccountChanged> = bench.events("usher.account.created.v1").await;
        assert_eq!((made.len(), made[0].account.name.as_str()), (1, "Acme"));
        let id = made[0].account.id;
        let mut request = client("Ada", "Lovelace", "ada@example.com");
        request.accounts = vec![AccountLink { account_id: Some(usher_proto::bytes_of(id)), ..Default::default() }];
        bench.create(request).await;
        bench.takes(&[
            account(json!({"external_id": "A", "version": 3, "name": "Engines"})),
            account(json!({"external_id": "A", "version": 2, "name": "Looms", "kind": "LLC", "tags": []})),
        ]).await.unwrap();
        let told: Vec<AccountChanged> = bench.events("usher.account.updated.v1").await;
        assert_eq!(told.iter().map(|told| (told.account.name.as_str(), told.account.kind.as_str())).collect::<Vec<_>>(), [("Engines", "LLC")]);
        let found = bench.member().list_contacts(listed(Some(search("engines")))).await.unwrap().into_inner();
        assert_eq!(found.contacts.len(), 1);
    }

    async fn e2_missing_links_are_made_and_those_that_are_there_stay(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        for (id, name) in [("A", "Acme"), ("B", "Brass")] {
            bench.takes(&[account(json!({"external_id": id, "version": 1, "name": name, "kind": "COMPANY"}))]).await.unwrap();
        }
        let linked = |version: i64, accounts: &[&str]| contact(json!({"external_id": "4711", "version": version, "accounts": accounts}));
        bench.takes(&[contact(ada(1)), linked(2, &["A"])]).await.unwrap();
        bench.takes(&[linked(3, &["B", "A", "B"])]).await.unwrap();
        bench.takes(&[linked(4, &[])]).await.unwrap();
        let told: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        assert_eq!(told.iter().map(|told| told.contact.links).collect::<Vec<_>>(), [1, 2]);
        let found = bench.member().list_contacts(listed(Some(search("brass")))).await.unwrap().into_inner();
        assert_eq!(found.contacts.len(), 1);
        let reason = bench.refuses(&[linked(5, &["C"])]).await;
        assert_eq!(reason, "4711: accounts: there is no account C yet");
    }

    async fn e2_a_deactivated_account_lets_nobody_in(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        bench.takes(&[account(json!({"external_id": "A", "version": 1, "name": "Acme", "kind": "COMPANY"}))]).await.unwrap();
        let id = bench.events::<AccountChanged>("usher.account.created.v1").await[0].account.id;
        let other = bench.account("Other", vec![]).await;
        let mut request = client("Ada", "Lovelace", "ada@example.com");
        let login = |link: AccountLink| AccountLink { login: Some(true), ..link };
        request.accounts = vec![
            login(AccountLink { account_id: Some(usher_proto::bytes_of(id)), ..Default::default() }),
            login(to_account(&other)),
        ];
        let ada = bench.create(request).await;
        let ended = said("crm", "account.deactivated", json!({"external_id": "A", "version": 2}));
        bench.takes(&[ended]).await.unwrap();
        let told: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        let last = &told.last().unwrap().contact;
        assert_eq!((last.id, last.links, last.login_accounts.as_slice()), (contact_id(&ada), 2, [account_id(&other)].as_slice()));
    }

    async fn e2_a_dead_letter_is_its_organizations(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        let publishers = usher_contacts::Publishers::parse("crm:acme", "").unwrap();
        let handler = usher_contacts::Inbound::new(bench.clock.clone(), publishers);
        let scope = usher_database::Scope::System(usher_database::SystemReason::Test);
        let tx = bench.database.read(scope).await.unwrap();
        let owner = async |message: Envelope| {
            usher_messaging::Handler::owner(&handler, &tx, &message).await.unwrap()
        };
        assert_eq!(owner(contact(ada(1))).await, Some(bench.organization));
        let claimed = Envelope { organization: Some(bench.organization), ..said("guest", "contact.upserted", ada(1)) };
        assert_eq!(owner(claimed).await, None);
    }

    async fn e2_a_member_may_make_a_contact_active_that_was_deactivated(db: usher_testkit::TestDatabase) {
        let bench = Bench::with_publishers(db).await;
        bench.takes(&[contact(ada(1)), said("crm", "contact.deactivated", json!({"external_id": "4711", "version": 2}))]).await.unwrap();
        let one = bench.only_one().await;
        assert!(!one.active);
        let request = SetContactActiveRequest { id: one.id.clone(), active: true };
        bench.member().set_contact_active(request).await.unwrap();
        // what was said before changes nothing any more
        bench.takes(&[said("crm", "contact.deactivated", json!({"external_id": "4711", "version": 2}))]).await.unwrap();
        let id: ContactId = contact_id(&one);
        assert!(bench.get(id).await.active);
        assert_eq!(bench.clock.now(), noon());
    }
}
