//! Placeholder domains, duplicates, and what is known of addresses (C3).

use usher_events::{AddressStateChanged, ContactChanged, OrganizationChanged};
use usher_proto::common::v1::TextChange;
use usher_proto::contacts::v1::{Contact, SetContactActiveRequest, UpdateContactRequest};
use usher_types::{EmailState, Version};

use crate::bench::{Bench, client, codes, contact_id, contact_refusals, refused};

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
        let respell = |contact: &Contact, email: &str| UpdateContactRequest {
            id: contact.id.clone(),
            email: Some(TextChange { value: Some(email.into()) }),
            ..Default::default()
        };
        let reply = bench.member().update_contact(respell(&ada, "X@noemail.example")).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        assert_eq!(bench.judged(&ada).await.1, nothing());
        let reply = bench.member().update_contact(respell(&ada, "ada@example.com")).await.unwrap().into_inner();
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
