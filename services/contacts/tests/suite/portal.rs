//! The projection of portal status, and waiting for it.

use chrono::TimeDelta;
use sea_orm::ConnectionTrait;
use usher_auth::Permission;
use usher_database::{Scope, SystemReason};
use usher_events::{Data, PortalFacts, SignedIn};
use usher_proto::common::v1::TextChange;
use usher_proto::contacts::v1::{
    AccountLink, AwaitPortalRequest, Contact, ContactFilter, ContactOrder, ContactVersion,
    CreateContactRequest, ListContactsRequest, UpdateContactRequest,
};
use usher_proto::timestamp;
use usher_types::{Clock, PortalStatus, portal_status};

use crate::bench::{Bench, client, contact_id, noon};
use crate::lists::names;

impl Bench {
    fn invited(&self, contact: &Contact, version: i64) -> PortalFacts {
        PortalFacts {
            invited_at: Some(noon()),
            invited_by: Some("Grace Hopper".into()),
            expires_at: Some(noon() + TimeDelta::days(7)),
            ..self.portal(contact_id(contact), version, PortalStatus::Invited)
        }
    }
}

usher_testkit::dialects! {
    async fn i5_the_list_shows_every_step_and_expiry_at_its_instant(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let id = contact_id(&ada);
        bench.hears(&[bench.invitation(bench.invited(&ada, 1))]).await;
        let portal = bench.get(id).await.portal.unwrap();
        assert_eq!((portal.status.as_str(), portal.actions), ("INVITED", vec!["RESEND".to_owned(), "CANCEL".to_owned()]));
        assert_eq!(portal.invited_at, Some(timestamp(noon())));
        assert_eq!(portal.invited_by.as_deref(), Some("Grace Hopper"));
        assert_eq!(portal.expires_at, Some(timestamp(noon() + TimeDelta::days(7))));
        assert!(portal.pending_activation);
        bench.clock.advance(TimeDelta::days(7) - TimeDelta::microseconds(1));
        assert_eq!(bench.get(id).await.portal.unwrap().status, "INVITED");
        bench.clock.advance(TimeDelta::microseconds(1));
        let portal = bench.get(id).await.portal.unwrap();
        assert_eq!((portal.status.as_str(), portal.actions), ("EXPIRED", vec!["RESEND".to_owned(), "CANCEL".to_owned()]));
        let active = PortalFacts {
            accepted_at: Some(noon()),
            first_signed_in_at: Some(noon()),
            last_signed_in_at: Some(noon()),
            ..bench.portal(id, 3, PortalStatus::Active)
        };
        bench.hears(&[bench.event(&SignedIn { first: true, portal: active })]).await;
        let portal = bench.get(id).await.portal.unwrap();
        assert_eq!((portal.status.as_str(), portal.actions.len(), portal.pending_activation), ("ACTIVE", 0, false));
        assert_eq!(portal.first_signed_in_at, Some(timestamp(noon())));
        // The contact itself did not change.
        assert_eq!(bench.get(id).await.version, 1);
    }

    /// With login on and nobody ever signed in: when, by whom and to which address each was invited; never comes before any moment.
    async fn c10_pending_activation_tells_when_and_by_whom_and_can_be_ordered(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut people = Vec::new();
        for name in ["Ada", "Bea", "Cleo", "Dora"] {
            people.push(bench.create(client(name, "L", &format!("{name}@example.com"))).await);
        }
        let off = AccountLink { new_company: Some("Off".into()), login: Some(false), ..Default::default() };
        bench.create(CreateContactRequest { accounts: vec![off], ..client("Eda", "L", "eda@example.com") }).await;
        let [ada, bea, _, dora] = [&people[0], &people[1], &people[2], &people[3]];
        let later = PortalFacts { invited_at: Some(noon() + TimeDelta::hours(1)), invited_by: Some("Hedy Lamarr".into()), ..bench.invited(bea, 1) };
        let active = PortalFacts { first_signed_in_at: Some(noon()), ..bench.portal(contact_id(dora), 1, PortalStatus::Active) };
        bench.hears(&[bench.invitation(bench.invited(ada, 1)), bench.invitation(later), bench.event(&SignedIn { first: true, portal: active })]).await;
        let pending = |descending| ListContactsRequest {
            filter: Some(ContactFilter { pending_activation: Some(true), ..Default::default() }),
            order: Some(ContactOrder { field: "INVITED_AT".into(), descending }),
            ..Default::default()
        };
        let listed = bench.member().list_contacts(pending(false)).await.unwrap().into_inner().contacts;
        let told: Vec<_> = listed.iter().map(|contact| {
            let portal = contact.portal.as_ref().unwrap();
            let at = portal.invited_at.as_ref().map(|at| at.seconds - noon().timestamp());
            (contact.first_name.as_str(), at, portal.invited_by.as_deref(), contact.email_state.as_str())
        }).collect();
        let expected = [
            ("Cleo", None, None, "VALID"),
            ("Ada", Some(0), Some("Grace Hopper"), "VALID"),
            ("Bea", Some(3_600), Some("Hedy Lamarr"), "VALID"),
        ];
        assert_eq!(told, expected);
        let backwards = bench.member().list_contacts(pending(true)).await.unwrap().into_inner().contacts;
        assert_eq!(names(&backwards), ["Bea", "Ada", "Cleo"]);
    }

    async fn e4_older_news_of_a_contact_changes_nothing_and_a_slice_applies_the_newest(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "L", "ida@example.com")).await;
        let slice = [
            bench.invitation(bench.invited(&ada, 5)),
            bench.invitation(bench.portal(contact_id(&ada), 7, PortalStatus::Accepted)),
            bench.invitation(bench.portal(contact_id(&ada), 6, PortalStatus::Waiting)),
            bench.invitation(bench.invited(&ida, 1)),
        ];
        bench.hears(&slice).await;
        // Redelivered, and then an old one under a new id.
        bench.hears(&slice).await;
        bench.hears(&[bench.invitation(bench.portal(contact_id(&ada), 4, PortalStatus::Waiting))]).await;
        assert_eq!(bench.get(contact_id(&ada)).await.portal.unwrap().status, "ACCEPTED");
        assert_eq!(bench.get(contact_id(&ida)).await.portal.unwrap().status, "INVITED");
    }

    async fn i5_the_status_in_sql_is_the_function_of_types(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ends = [None, Some(noon() - TimeDelta::microseconds(1)), Some(noon()), Some(noon() + TimeDelta::microseconds(1))];
        let stored = [PortalStatus::Waiting, PortalStatus::Invited, PortalStatus::Accepted, PortalStatus::Active];
        let mut expected = Vec::new();
        for (number, (status, end)) in stored.into_iter().flat_map(|status| ends.map(|end| (status, end))).enumerate() {
            let contact = bench.create(client(&format!("N{number:02}"), "L", &format!("n{number}@example.com"))).await;
            let facts = PortalFacts { expires_at: end, ..bench.portal(contact_id(&contact), 1, status) };
            bench.hears(&[bench.invitation(facts)]).await;
            expected.push((contact.first_name, portal_status(status, end, noon())));
        }
        for status in PortalStatus::ALL {
            let request = ListContactsRequest {
                filter: Some(ContactFilter { portal_status: vec![status.as_str().into()], ..Default::default() }),
                order: Some(usher_proto::contacts::v1::ContactOrder { field: "FIRST_NAME".into(), descending: false }),
                ..Default::default()
            };
            let reply = bench.member().list_contacts(request).await.unwrap().into_inner();
            let found: Vec<_> = reply.contacts.iter().map(|contact| contact.first_name.clone()).collect();
            let names: Vec<_> = expected.iter().filter(|(_, shown)| shown == status).map(|(name, _)| name.clone()).collect();
            assert_eq!(found, names, "{status}");
            for contact in &reply.contacts {
                assert_eq!(contact.portal.as_ref().unwrap().status, status.as_str());
            }
        }
    }

    async fn c16_waiting_ends_when_the_list_has_the_version(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let wait = |raw_version, within_ms| AwaitPortalRequest {
            contacts: vec![ContactVersion { contact_id: ada.id.clone(), raw_version }],
            within_ms,
        };
        let mut member = bench.member();
        assert!(member.await_portal(wait(0, 0)).await.unwrap().into_inner().applied);
        assert!(!member.await_portal(wait(1, 0)).await.unwrap().into_inner().applied);
        let mut invitations = bench.invitations();
        let request = wait(1, 10_000);
        let waiting = tokio::spawn(async move { invitations.await_portal(request).await.unwrap().into_inner().applied });
        bench.hears(&[bench.invitation(bench.invited(&ada, 1))]).await;
        assert!(waiting.await.unwrap());
        assert!(member.await_portal(wait(1, 0)).await.unwrap().into_inner().applied);
    }

    async fn e2_events_of_another_organization_do_not_move_a_contact(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let foreign = PortalFacts {
            organization_id: usher_types::OrganizationId::new(noon()),
            ..bench.portal(contact_id(&ada), 9, PortalStatus::Active)
        };
        bench.hears(&[bench.invitation(foreign)]).await;
        assert_eq!(bench.get(contact_id(&ada)).await.portal.unwrap().status, "WAITING");
    }

    async fn i6_the_address_of_who_was_invited_is_changed_with_portal_invite_alone(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let change = |email: &str| UpdateContactRequest {
            id: ada.id.clone(),
            email: Some(TextChange { value: Some(email.into()) }),
            ..Default::default()
        };
        let mut without = bench.member_with(&[Permission::ContactsRead, Permission::ContactsWrite]);
        assert_eq!(without.update_contact(change("ada1@example.com")).await.unwrap().into_inner().refusals, []);
        bench.hears(&[bench.invitation(bench.invited(&ada, 1))]).await;
        let status = without.update_contact(change("ada2@example.com")).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::PermissionDenied);
        assert_eq!(bench.get(contact_id(&ada)).await.email.as_deref(), Some("ada1@example.com"));
        assert_eq!(bench.member().update_contact(change("ada2@example.com")).await.unwrap().into_inner().refusals, []);
    }

    async fn e3_a_message_that_cannot_be_read_is_rejected_and_changes_nothing(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let mut broken = bench.invitation(bench.invited(&ada, 1));
        broken.data = Data::of(&serde_json::json!({ "fact": "issued" }));
        let handler = usher_contacts::Events::new(bench.clock.clone());
        let error = usher_messaging::deliver(&bench.database, usher_contacts::QUEUE, &handler, &[broken]).await.unwrap_err();
        assert!(matches!(error, usher_messaging::DeliverError::Handler(usher_messaging::HandlerError::Reject(_))));
        assert_eq!(bench.get(contact_id(&ada)).await.portal.unwrap().status, "WAITING");
        let tx = bench.database.read(Scope::System(SystemReason::Test)).await.unwrap();
        let rows = tx.query_all_raw(tx.statement("SELECT id FROM inbox", [])).await.unwrap();
        assert_eq!(rows.len(), 0);
        assert_eq!(bench.clock.now(), noon());
    }
}
