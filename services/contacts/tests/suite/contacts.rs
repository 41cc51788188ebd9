//! createContact, updateContact, setContactActive.

use usher_events::{ContactChanged, Invite};
use usher_proto::bytes_of;
use usher_proto::common::v1::{StringList, TextChange};
use usher_proto::contacts::v1::{
    AccountLink, CreateContactRequest, SetContactActiveRequest, UpdateContactRequest,
};
use usher_types::{Clock, ContactId, EmailState, Version};

use crate::bench::{Bench, account_id, client, codes, contact_id, contact_refusals, lead, to_account};

fn text(value: Option<&str>) -> Option<TextChange> {
    Some(TextChange {
        value: value.map(str::to_owned),
    })
}

usher_testkit::dialects! {
    async fn c1_c2_a_contact_keeps_what_was_said(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let contact = bench.create(CreateContactRequest {
            phone: Some("+44 20 7946 0018".into()),
            notes: Some("likes engines\nand notes".into()),
            tags: vec!["vip".into(), " tax ".into(), "vip".into()],
            external_id: Some("crm-7".into()),
            ..client(" Ada ", "Lovelace", " Ada.Lovelace@Example.COM ")
        }).await;
        assert_eq!(contact.first_name, "Ada");
        assert_eq!(contact.display_name, "Ada Lovelace");
        assert_eq!(contact.email.as_deref(), Some("Ada.Lovelace@Example.COM"));
        assert_eq!(contact.email_state, "VALID");
        assert_eq!(contact.phone.as_deref(), Some("+442079460018"));
        assert_eq!(contact.tags, ["vip", "tax"]);
        assert_eq!(contact.external_id.as_deref(), Some("crm-7"));
        assert_eq!((contact.active, contact.version), (true, 1));
        let portal = contact.portal.clone().unwrap();
        assert_eq!(portal.status, "WAITING");
        assert_eq!(portal.actions, ["SEND"]);
        assert!(portal.login_enabled && portal.pending_activation);
        // C16: what was written is read at once.
        assert_eq!(bench.get(contact_id(&contact)).await, contact);
        let id = contact_id(&contact);
        assert_eq!(
            bench.activity().await,
            [("contact.created".to_owned(), "Created as CLIENT".to_owned(), Some(id))]
        );
    }

    async fn e1_a_new_contact_is_published_with_its_facts(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let account = bench.account("Acme", vec![]).await;
        let login = AccountLink { login: Some(true), ..to_account(&account) };
        let contact = bench.create(CreateContactRequest {
            accounts: vec![login],
            ..client("Ada", "Lovelace", "Ada@example.com")
        }).await;
        let events: Vec<ContactChanged> = bench.events("usher.contact.created.v1").await;
        assert_eq!(events.len(), 1);
        let facts = &events[0].contact;
        assert_eq!(facts.id, contact_id(&contact));
        assert_eq!(facts.version, Version::FIRST);
        assert_eq!(facts.email.as_deref(), Some("Ada@example.com"));
        assert_eq!(facts.email_canonical.as_deref(), Some("ada@example.com"));
        assert_eq!((facts.links, facts.links_with_login), (1, 1));
        assert_eq!(facts.login_accounts, [account_id(&account)]);
    }

    async fn c1_everything_to_mend_is_said_at_once(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let reply = bench.member().create_contact(CreateContactRequest {
            first_name: " ".into(),
            phone: Some("020".into()),
            notes: Some("x".repeat(10_001)),
            accounts: vec![AccountLink::default()],
            ..client("", "Lovelace", "")
        }).await.unwrap().into_inner();
        assert_eq!(
            contact_refusals(&reply),
            codes(&[
                ("EMAIL_REQUIRED", "email"),
                ("REQUIRED", "firstName"),
                ("INVALID", "phone"),
                ("TOO_LONG", "notes"),
                ("REQUIRED", "accounts.0.accountId"),
            ])
        );
        assert_eq!(bench.activity().await, []);
        assert_eq!(bench.published().await, []);
    }

    async fn c1_a_lead_needs_no_address(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let contact = bench.create(lead("Ada", "Lovelace")).await;
        assert_eq!((contact.email, contact.email_state.as_str()), (None, "NONE"));
    }

    async fn c3_an_address_is_one_contacts_however_it_is_written(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let first = bench.create(client("Ada", "Lovelace", "info@Bücher.example")).await;
        let again = client("Ida", "Lovelace", "INFO@xn--bcher-kva.example");
        let reply = bench.member().create_contact(again.clone()).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("EMAIL_TAKEN", "email")]));
        assert_eq!(reply.refusals[0].contact_id.as_deref(), Some(first.id.as_ref()));
        // Another organization's contacts are in nobody's way.
        let elsewhere = bench.stranger().create_contact(again).await.unwrap().into_inner();
        assert_eq!(elsewhere.refusals, []);
    }

    async fn c3_the_api_refuses_a_malformed_address(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let reply = bench.member().create_contact(client("Ada", "L", "ada@localhost")).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("EMAIL_INVALID", "email")]));
    }

    async fn c4_an_inactive_contact_keeps_their_address(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let first = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let off = SetContactActiveRequest { id: first.id.clone(), active: false };
        let reply = bench.member().set_contact_active(off).await.unwrap().into_inner();
        let inactive = reply.contact.unwrap();
        assert_eq!((inactive.active, inactive.version), (false, 2));
        assert_eq!(inactive.portal.unwrap().actions, Vec::<String>::new());
        let reply = bench.member().create_contact(client("Ida", "L", "ADA@example.com")).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("EMAIL_OF_INACTIVE_CONTACT", "email")]));
        assert_eq!(reply.refusals[0].contact_id.as_deref(), Some(first.id.as_ref()));
        let on = SetContactActiveRequest { id: first.id.clone(), active: true };
        let reply = bench.member().set_contact_active(on.clone()).await.unwrap().into_inner();
        assert_eq!(reply.contact.unwrap().version, 3);
        // Doing it again changes nothing and says nothing.
        let reply = bench.member().set_contact_active(on).await.unwrap().into_inner();
        assert_eq!(reply.contact.unwrap().version, 3);
        let updates: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        assert_eq!(updates.iter().map(|event| event.contact.active).collect::<Vec<_>>(), [false, true]);
    }

    async fn c3_of_those_who_race_for_an_address_one_gets_it(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut racing = Vec::new();
        for number in 0..8 {
            let mut member = bench.member();
            let request = client(&format!("Ada {number}"), "Lovelace", "ada@example.com");
            racing.push(tokio::spawn(async move { member.create_contact(request).await.unwrap().into_inner() }));
        }
        let mut made = Vec::new();
        let mut taken = Vec::new();
        for race in racing {
            let reply = race.await.unwrap();
            match reply.contact {
                Some(contact) => made.push(contact.id),
                None => taken.push((reply.refusals[0].code.clone(), reply.refusals[0].contact_id.clone())),
            }
        }
        assert_eq!(made.len(), 1);
        assert_eq!(taken, vec![("EMAIL_TAKEN".to_owned(), Some(made[0].clone())); 7]);
    }

    async fn c3_a_change_of_address_races_too(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut racing = Vec::new();
        for number in 0..4 {
            let contact = bench.create(client("Ada", "Lovelace", &format!("ada{number}@example.com"))).await;
            let mut member = bench.member();
            let request = UpdateContactRequest {
                id: contact.id,
                email: text(Some("countess@example.com")),
                ..Default::default()
            };
            racing.push(tokio::spawn(async move { member.update_contact(request).await.unwrap().into_inner() }));
        }
        let mut outcomes = Vec::new();
        for race in racing {
            let reply = race.await.unwrap();
            outcomes.push(reply.refusals.first().map_or("made".to_owned(), |refusal| refusal.code.clone()));
        }
        outcomes.sort();
        assert_eq!(outcomes, ["EMAIL_TAKEN", "EMAIL_TAKEN", "EMAIL_TAKEN", "made"]);
    }

    async fn c5_companies_are_made_inside_create_contact(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let account = bench.account("Old Ltd", vec![]).await;
        let company = AccountLink { new_company: Some("New Ltd".into()), ..Default::default() };
        let contact = bench.create(CreateContactRequest {
            accounts: vec![to_account(&account), company],
            ..client("Ada", "Lovelace", "ada@example.com")
        }).await;
        let request = usher_proto::contacts::v1::BatchGetRequest { ids: vec![contact.id.clone()] };
        let links = bench.member().links_of_contacts(request).await.unwrap().into_inner().links;
        let mut told: Vec<_> = links.iter().map(|link| {
            let account = link.account.clone().unwrap();
            (account.name, account.kind, link.primary, link.login, link.notify, link.email_sync)
        }).collect();
        told.sort();
        assert_eq!(told, [
            ("New Ltd".to_owned(), "COMPANY".to_owned(), true, false, true, false),
            ("Old Ltd".to_owned(), "COMPANY".to_owned(), false, false, true, false),
        ]);
        // With links and none of them with login on, nobody gets in (I3).
        let portal = bench.get(contact_id(&contact)).await.portal.unwrap();
        assert_eq!((portal.login_enabled, portal.pending_activation, portal.actions.len()), (false, false, 0));
    }

    async fn c5_accounts_of_nobody_or_another_organization_are_not_found(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let account = bench.account("Acme", vec![]).await;
        let mut request = client("Ada", "Lovelace", "ada@example.com");
        let unreadable = AccountLink { account_id: Some(vec![1, 2, 3].into()), ..Default::default() };
        request.accounts = vec![to_account(&account), unreadable.clone()];
        let reply = bench.member().create_contact(request.clone()).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("NOT_FOUND", "accounts.1.accountId")]));
        request.accounts = vec![to_account(&account)];
        let reply = bench.stranger().create_contact(request).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("NOT_FOUND", "accounts.0.accountId")]));
    }

    async fn i2_create_with_invite_leaves_a_command_with_the_same_key(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let company = AccountLink { new_company: Some("Acme".into()), ..Default::default() };
        let reply = bench.member().create_contact(CreateContactRequest {
            accounts: vec![company],
            invite: true,
            message: Some("Welcome!".into()),
            ..client("Ada", "Lovelace", "ada@example.com")
        }).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        let contact = reply.contact.unwrap();
        let id = contact_id(&contact);
        let key = format!("create:{id}");
        assert_eq!(reply.invite_key.as_deref(), Some(key.as_str()));
        let published = bench.published().await;
        let commands: Vec<_> = published.iter().filter(|envelope| envelope.kind == "usher.work.invite.v1").collect();
        assert_eq!(commands.len(), 1);
        assert_eq!(commands[0].queue.as_deref(), Some("invitations.work"));
        let invite: Invite = commands[0].decode().unwrap();
        assert_eq!((invite.contact_id, invite.idempotency_key, invite.member_id), (id, key, bench.member));
        assert_eq!(invite.message.as_deref(), Some("Welcome!"));
        // Login is on because of the invitation.
        assert_eq!((invite.contact.links, invite.contact.links_with_login), (1, 1));
    }

    async fn i3_who_cannot_be_invited_is_not_made_with_an_invitation(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let with_invite = |request: CreateContactRequest| CreateContactRequest { invite: true, ..request };
        let mut member = bench.member();
        let mut create = async |request| contact_refusals(&member.create_contact(with_invite(request)).await.unwrap().into_inner());
        let refused = codes(&[("NOT_INVITABLE", "invite")]);
        assert_eq!(create(lead("Ada", "Lovelace")).await, refused);
        let off = AccountLink { new_company: Some("Acme".into()), login: Some(false), ..Default::default() };
        let ada = client("Ada", "Lovelace", "ada@example.com");
        assert_eq!(create(CreateContactRequest { accounts: vec![off], ..ada.clone() }).await, refused);
        let closed = usher_events::OrganizationChanged { portal_enabled: false, ..bench.settings(1) };
        bench.hears(&[bench.event(&closed)]).await;
        assert_eq!(create(ada).await, refused);
        assert_eq!(bench.published().await, []);
    }

    async fn c16_an_update_may_expect_a_version(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let contact = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let change = |expected_version, first_name: &str| UpdateContactRequest {
            id: contact.id.clone(),
            expected_version,
            first_name: Some(first_name.into()),
            ..Default::default()
        };
        let reply = bench.member().update_contact(change(Some(1), "Ida")).await.unwrap().into_inner();
        assert_eq!(reply.contact.unwrap().version, 2);
        let reply = bench.member().update_contact(change(Some(1), "Eda")).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("CONFLICT", "expectedVersion")]));
        assert_eq!(bench.get(contact_id(&contact)).await.first_name, "Ida");
    }

    async fn contract_absent_stays_null_clears_and_nothing_new_changes_nothing(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let contact = bench.create(CreateContactRequest {
            notes: Some("a note".into()),
            tags: vec!["vip".into()],
            ..client("Ada", "Lovelace", "ada@example.com")
        }).await;
        bench.clock.advance(chrono::TimeDelta::hours(1));
        let update = UpdateContactRequest { id: contact.id.clone(), ..Default::default() };
        let reply = bench.member().update_contact(update.clone()).await.unwrap().into_inner();
        assert_eq!(reply.contact.as_ref(), Some(&contact));
        let cleared = UpdateContactRequest { notes: text(None), tags: Some(StringList::default()), ..update };
        let reply = bench.member().update_contact(cleared).await.unwrap().into_inner();
        let after = reply.contact.unwrap();
        assert_eq!((after.notes, after.tags.len(), after.version), (None, 0, 2));
        assert_eq!(after.updated_at, Some(usher_proto::timestamp(bench.clock.now())));
        assert_eq!(after.email, contact.email);
        let id = contact_id(&contact);
        assert_eq!(
            bench.activity().await[1],
            ("contact.updated".to_owned(), "Changed notes, tags".to_owned(), Some(id))
        );
    }

    async fn contract_an_update_is_checked_like_a_creation(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let contact = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let other = bench.create(client("Ida", "Lovelace", "ida@example.com")).await;
        let update = UpdateContactRequest { id: contact.id.clone(), ..Default::default() };
        let table = [
            (UpdateContactRequest { email: text(None), ..update.clone() }, codes(&[("EMAIL_REQUIRED", "email")])),
            (UpdateContactRequest { email: text(Some("ada")), ..update.clone() }, codes(&[("EMAIL_INVALID", "email")])),
            (UpdateContactRequest { email: text(Some("IDA@example.com")), ..update.clone() }, codes(&[("EMAIL_TAKEN", "email")])),
            (UpdateContactRequest { nulled: vec!["last_name".into()], ..update.clone() }, codes(&[("REQUIRED", "lastName")])),
            (UpdateContactRequest { first_name: Some("x".repeat(201)), ..update.clone() }, codes(&[("TOO_LONG", "firstName")])),
            (UpdateContactRequest { id: bytes_of(ContactId::new(bench.clock.now())), ..update.clone() }, codes(&[("NOT_FOUND", "id")])),
            (UpdateContactRequest { id: vec![7].into(), ..update }, codes(&[("NOT_FOUND", "id")])),
        ];
        for (request, expected) in table {
            let reply = bench.member().update_contact(request).await.unwrap().into_inner();
            assert_eq!(contact_refusals(&reply), expected);
        }
        assert_eq!(bench.get(contact_id(&other)).await.version, 1);
        assert_eq!(bench.get(contact_id(&contact)).await.version, 1);
    }

    async fn e1_i21_what_changes_access_is_published(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let contact = bench.create(client("Ada", "Lovelace", "ada@example.com")).await;
        let update = UpdateContactRequest { id: contact.id.clone(), ..Default::default() };
        let made_lead = UpdateContactRequest { role: Some("LEAD".into()), ..update.clone() };
        let without = UpdateContactRequest { email: text(None), ..update };
        for request in [made_lead, without] {
            let reply = bench.member().update_contact(request).await.unwrap().into_inner();
            assert_eq!(reply.refusals, []);
        }
        let updates: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        let told: Vec<_> = updates.iter().map(|event| {
            let facts = &event.contact;
            (facts.version.counter(), facts.role.as_str(), facts.email.is_some(), facts.email_state)
        }).collect();
        assert_eq!(told, [(2, "LEAD", true, EmailState::Valid), (3, "LEAD", false, EmailState::None)]);
    }
}
