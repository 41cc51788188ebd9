//! Placeholder domains, duplicates, and what is known of addresses (C3).

use usher_events::{AddressStateChanged, ContactChanged, OrganizationChanged};
use usher_proto::common::v1::TextChange;
use usher_proto::contacts::v1::{
    Contact, ContactFilter, ContactSelection, PreviewSelectionRequest, SetContactActiveRequest,
    UpdateContactRequest, contact_selection::Of,
};
use usher_types::{EmailState, OrganizationId, Version};

use crate::bench::{Bench, client, codes, contact_id, contact_refusals, lead, noon, refused};

impl Bench {
    /// The organization lists these placeholder domains from now on.
    async fn lists(&self, version: i64, domains: &[&str]) {
        let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        let change = OrganizationChanged {
            placeholder_domains: domains,
            ..self.settings(version)
        };
        self.hears(&[self.event(&change)]).await;
    }

    /// Why members of the organization would not be invited, by reason.
    async fn reasons(&self) -> Vec<(String, i64)> {
        let everyone = ContactSelection {
            of: Some(Of::Filter(ContactFilter::default())),
        };
        let request = PreviewSelectionRequest {
            selection: Some(everyone),
            action: "SEND".into(),
        };
        let preview = self
            .member()
            .preview_selection(request)
            .await
            .unwrap()
            .into_inner();
        preview
            .ineligible
            .into_iter()
            .map(|group| (group.reason, group.count))
            .collect()
    }

    /// State, menu and version of a contact.
    async fn judged(&self, contact: &Contact) -> (String, Vec<String>, i64) {
        let contact = self.get(contact_id(contact)).await;
        (
            contact.email_state,
            contact.portal.unwrap().actions,
            contact.version,
        )
    }

    async fn knows(&self, version: i64, address: &str, state: EmailState) {
        let change = AddressStateChanged {
            organization_id: self.organization,
            email_canonical: address.into(),
            state,
            version: Version::from_raw(version),
            contact_id: None,
        };
        self.hears(&[self.event(&change)]).await;
    }
}

fn respelled(contact: &Contact, email: &str) -> UpdateContactRequest {
    UpdateContactRequest {
        id: contact.id.clone(),
        email: Some(TextChange {
            value: Some(email.into()),
        }),
        ..Default::default()
    }
}

fn nothing() -> Vec<String> {
    vec![]
}

fn send() -> Vec<String> {
    vec!["SEND".into()]
}

usher_testkit::dialects! {
    async fn c3_addresses_of_placeholder_domains_may_repeat_and_are_invalid(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.lists(1, &["noemail.example"]).await;
        let ada = bench.create(client("Ada", "L", "none@noemail.example")).await;
        let ida = bench.create(client("Ida", "L", "NONE@NoEmail.example")).await;
        for contact in [&ada, &ida] {
            assert_eq!(bench.judged(contact).await, ("INVALID".into(), nothing(), 1));
        }
        assert_eq!(bench.reasons().await, [("INVALID_EMAIL".to_owned(), 2)]);
        // A change of address is judged by the list like a new one.
        let eda = bench.create(client("Eda", "L", "eda@example.com")).await;
        for (email, state) in [("None@noemail.example", "INVALID"), ("eda@mail.noemail.example", "VALID")] {
            let reply = bench.member().update_contact(respelled(&eda, email)).await.unwrap().into_inner();
            assert_eq!(reply.refusals, []);
            assert_eq!(reply.contact.unwrap().email_state, state);
        }
    }

    async fn c3_dots_and_plus_signs_make_another_address(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.create(client("Ada", "L", "ada.l@example.com")).await;
        for other in ["adal@example.com", "ada.l+usher@example.com", "ada.l@example.org"] {
            bench.create(client("Ida", "L", other)).await;
        }
        let reply = bench.member().create_contact(client("Eda", "L", "\t ADA.L@EXAMPLE.COM ")).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("EMAIL_TAKEN", "email")]));
    }

    async fn c3_what_is_known_is_known_of_the_canonical_address(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.knows(1, "ada@xn--bcher-kva.example", EmailState::Suppressed).await;
        let ada = bench.create(client("Ada", "L", "Ada@Bücher.example")).await;
        assert_eq!((ada.email.as_deref(), ada.email_state.as_str()), (Some("Ada@Bücher.example"), "SUPPRESSED"));
        assert_eq!(bench.get(contact_id(&ada)).await, ada);
        assert_eq!(bench.reasons().await, [("EMAIL_SUPPRESSED".to_owned(), 1)]);
        // It is the address that is suppressed, not the contact.
        let reply = bench.member().update_contact(respelled(&ada, "ada@example.com")).await.unwrap().into_inner();
        assert_eq!(reply.contact.unwrap().email_state, "VALID");
        let reply = bench.member().update_contact(respelled(&ada, "ADA@BÜCHER.example")).await.unwrap().into_inner();
        assert_eq!(reply.contact.unwrap().email_state, "SUPPRESSED");
    }

    async fn c3_a_malformed_address_that_came_otherwise_is_invalid_and_can_be_mended(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(lead("Ada", "L")).await;
        let sql = "UPDATE contact SET role = 'CLIENT', email = 'ada at example', email_sort = 'ada at example', \
             email_state = 'INVALID' WHERE id = $1";
        bench.written(sql, vec![contact_id(&ada).uuid().into()]).await;
        assert_eq!(bench.judged(&ada).await, ("INVALID".into(), nothing(), 1));
        assert_eq!(bench.reasons().await, [("INVALID_EMAIL".to_owned(), 1)]);
        // Everything else can be changed meanwhile, and the address stays as it came.
        let renamed = UpdateContactRequest { id: ada.id.clone(), first_name: Some("Ida".into()), ..Default::default() };
        let reply = bench.member().update_contact(renamed).await.unwrap().into_inner();
        assert_eq!(reply.contact.unwrap().email.as_deref(), Some("ada at example"));
        bench.lists(1, &["noemail.example"]).await;
        bench.lists(2, &[]).await;
        assert_eq!(bench.judged(&ada).await, ("INVALID".into(), nothing(), 2));
        let reply = bench.member().update_contact(respelled(&ada, "ada@example.com")).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        assert_eq!(bench.judged(&ada).await, ("VALID".into(), send(), 3));
    }

    async fn c3_a_slice_of_settings_is_judged_by_the_newest_of_each_organization(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@one.example")).await;
        let ida = bench.create(client("Ida", "L", "ida@two.example")).await;
        let foreign = OrganizationId::new(noon());
        let settings = |version, domain: &str| OrganizationChanged {
            placeholder_domains: vec![domain.into()],
            ..bench.settings(version)
        };
        let slice = [
            settings(2, "one.example"),
            settings(3, "two.example"),
            settings(1, "one.example"),
            OrganizationChanged { id: foreign, ..settings(9, "one.example") },
        ];
        bench.hears(&slice.map(|change| bench.event(&change))).await;
        assert_eq!(bench.judged(&ada).await, ("VALID".into(), send(), 1));
        assert_eq!(bench.judged(&ida).await, ("INVALID".into(), nothing(), 2));
        let updates: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        assert_eq!(updates.iter().map(|event| event.contact.id).collect::<Vec<_>>(), [contact_id(&ida)]);
    }

    async fn c3_a_domain_that_comes_into_the_list_and_leaves_it_is_judged_anew(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@noemail.example")).await;
        let other = bench.create(client("Eda", "L", "eda@example.com")).await;
        bench.lists(1, &["noemail.example"]).await;
        assert_eq!(bench.judged(&ada).await, ("INVALID".into(), nothing(), 2));
        assert_eq!(bench.judged(&other).await, ("VALID".into(), send(), 1));
        let ida = bench.create(client("Ida", "L", "ada@noemail.example")).await;
        let alone = bench.create(client("Oda", "L", "oda@noemail.example")).await;
        // An older list changes nothing.
        bench.lists(1, &[]).await;
        assert_eq!(bench.judged(&ada).await.0, "INVALID");
        bench.lists(2, &[]).await;
        // Two who share an address are duplicates; who is alone is not.
        assert_eq!(bench.judged(&ada).await, ("VALID".into(), nothing(), 3));
        assert_eq!(bench.judged(&ida).await, ("VALID".into(), nothing(), 2));
        assert_eq!(bench.judged(&alone).await, ("VALID".into(), send(), 2));
        let updates: Vec<ContactChanged> = bench.events("usher.contact.updated.v1").await;
        let mut told: Vec<_> = updates.iter().map(|event| {
            let facts = &event.contact;
            (facts.first_name.as_str(), facts.version.counter(), facts.email_state, facts.email_duplicate)
        }).collect();
        told.sort();
        assert_eq!(told, [
            ("Ada", 2, EmailState::Invalid, false),
            ("Ada", 3, EmailState::Valid, true),
            ("Ida", 2, EmailState::Valid, true),
            ("Oda", 2, EmailState::Valid, false),
        ]);
        assert_eq!(bench.reasons().await, [("DUPLICATE_EMAIL".to_owned(), 2)]);
        // A third is not taken, although neither of the two holds the unique slot.
        let reply = bench.member().create_contact(client("Uda", "L", "ada@noemail.example")).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("EMAIL_TAKEN", "email")]));
        let lines = bench.activity().await;
        let judged = lines.iter().filter(|(action, ..)| action == "contact.address_state_changed").count();
        assert_eq!(judged, 4);
    }

    async fn c3_who_is_left_alone_with_an_address_is_a_duplicate_no_more(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.lists(1, &["noemail.example"]).await;
        let ada = bench.create(client("Ada", "L", "x@noemail.example")).await;
        let ida = bench.create(client("Ida", "L", "x@noemail.example")).await;
        bench.lists(2, &[]).await;
        // Another spelling does not make it unique.
        let reply = bench.member().update_contact(respelled(&ada, "X@noemail.example")).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        assert_eq!(bench.judged(&ada).await.1, nothing());
        let reply = bench.member().update_contact(respelled(&ada, "ada@example.com")).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        assert_eq!(bench.judged(&ada).await.1, send());
        assert_eq!(bench.judged(&ida).await, ("VALID".into(), send(), 3));
        let reply = bench.member().create_contact(client("Uda", "L", "x@noemail.example")).await.unwrap().into_inner();
        assert_eq!(reply.refusals[0].contact_id.as_deref(), Some(ida.id.as_ref()));
    }

    async fn c4_who_lost_their_address_meanwhile_is_not_made_active_with_it(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.lists(1, &["noemail.example"]).await;
        let ada = bench.create(client("Ada", "L", "x@noemail.example")).await;
        let ida = bench.create(client("Ida", "L", "x@noemail.example")).await;
        let active = |active| SetContactActiveRequest { id: ada.id.clone(), active };
        bench.member().set_contact_active(active(false)).await.unwrap();
        bench.lists(2, &[]).await;
        let reply = bench.member().set_contact_active(active(true)).await.unwrap().into_inner();
        assert_eq!(refused(&reply.refusals), codes(&[("EMAIL_TAKEN", "id")]));
        assert_eq!(reply.refusals[0].contact_id.as_deref(), Some(ida.id.as_ref()));
    }

    async fn n6_bounces_and_suppressions_show_and_stand_against_sending(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "Ada@example.com")).await;
        bench.knows(2, "ada@example.com", EmailState::Bounced).await;
        assert_eq!(bench.judged(&ada).await, ("BOUNCED".into(), nothing(), 1));
        // Older news changes nothing, newer does.
        bench.knows(1, "ada@example.com", EmailState::Suppressed).await;
        assert_eq!(bench.judged(&ada).await.0, "BOUNCED");
        bench.knows(3, "ada@example.com", EmailState::Suppressed).await;
        assert_eq!(bench.judged(&ada).await.0, "SUPPRESSED");
        bench.knows(4, "ada@example.com", EmailState::Valid).await;
        assert_eq!(bench.judged(&ada).await, ("VALID".into(), send(), 1));
    }

    async fn i3_a_suppressed_address_is_not_invited_at_creation(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.knows(1, "ada@example.com", EmailState::Suppressed).await;
        let request = usher_proto::contacts::v1::CreateContactRequest { invite: true, ..client("Ada", "L", "ada@example.com") };
        let reply = bench.member().create_contact(request).await.unwrap().into_inner();
        assert_eq!(contact_refusals(&reply), codes(&[("NOT_INVITABLE", "invite")]));
    }

    async fn i3_while_the_portal_is_off_a_row_offers_cancel_alone(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let closed = OrganizationChanged { portal_enabled: false, ..bench.settings(1) };
        bench.hears(&[bench.event(&closed)]).await;
        assert_eq!(bench.judged(&ada).await.1, nothing());
        let open = OrganizationChanged { portal_enabled: true, ..bench.settings(2) };
        bench.hears(&[bench.event(&open)]).await;
        assert_eq!(bench.judged(&ada).await.1, send());
    }
}
