//! Contacts that members make to try the portal with (I19), and members who looked through a contact's eyes (I14).

use chrono::TimeDelta;
use usher_events::{ContactChanged, Impersonation};
use usher_proto::contacts::v1::{
    Contact, ContactFilter, ContactReply, CreateTestClientRequest, ListActivityRequest, ListContactsRequest,
    SetContactActiveRequest,
};
use usher_types::{Clock, MemberId};

use crate::bench::{Bench, client, contact_id, noon};

impl Bench {
    async fn test_client(&self, email: &str) -> ContactReply {
        let request = CreateTestClientRequest {
            email: email.into(),
            name: "Grace Hopper".into(),
        };
        let mut api = self.member();
        api.create_test_client(request).await.unwrap().into_inner()
    }

    async fn marked(&self, test: Option<bool>) -> Vec<Contact> {
        let request = ListContactsRequest {
            filter: Some(ContactFilter {
                test,
                ..Default::default()
            }),
            ..Default::default()
        };
        self.member()
            .list_contacts(request)
            .await
            .unwrap()
            .into_inner()
            .contacts
    }
}

usher_testkit::dialects! {
    async fn i19_each_call_makes_a_further_client_at_the_member_s_own_address(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let real = bench.create(client("Ada", "L", "ada@example.com")).await;
        let first = bench.test_client("Grace@birch.example").await.contact.unwrap();
        assert_eq!((first.email.as_deref(), first.test), (Some("Grace+client@birch.example"), true));
        assert_eq!((first.role.as_str(), first.display_name.as_str()), ("CLIENT", "Test client Grace Hopper"));
        assert_eq!(first.portal.clone().unwrap().actions, ["SEND"]);
        // one that is switched off keeps its address
        let off = SetContactActiveRequest { id: first.id.clone(), active: false };
        bench.member().set_contact_active(off).await.unwrap();
        let second = bench.test_client("grace@birch.example").await.contact.unwrap();
        assert_eq!(second.email.as_deref(), Some("grace+client2@birch.example"));

        // listed like any other, and told apart by the filter
        assert_eq!(bench.marked(None).await.len(), 3);
        let ids = |found: Vec<Contact>| found.into_iter().map(|contact| contact.id).collect::<Vec<_>>();
        assert_eq!(ids(bench.marked(Some(false)).await), [real.id]);
        assert_eq!(bench.marked(Some(true)).await.len(), 2);
        let events = bench.events::<ContactChanged>("usher.contact.created.v1").await;
        assert_eq!(events.iter().map(|event| event.contact.test).collect::<Vec<_>>(), [false, true, true]);
    }

    async fn i19_two_at_once_get_two_addresses_and_there_is_an_end(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let (one, two) = tokio::join!(bench.test_client("grace@birch.example"), bench.test_client("grace@birch.example"));
        let mut addresses = [one, two].map(|reply| reply.contact.unwrap().email.unwrap());
        addresses.sort();
        assert_eq!(addresses, ["grace+client2@birch.example", "grace+client@birch.example"]);
        for _ in 2..20 {
            assert!(bench.test_client("grace@birch.example").await.contact.is_some());
        }
        let refused = bench.test_client("grace@birch.example").await;
        assert_eq!((refused.contact, refused.refusals[0].code.as_str()), (None, "EMAIL_INVALID"));
    }

    async fn i14_who_looked_through_a_contact_s_eyes_stands_in_the_activity(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let member = MemberId::new(noon());
        let look = |started, minutes| Impersonation {
            started,
            organization_id: bench.organization,
            contact_id: contact_id(&ada),
            member_id: member,
            reason: "cannot find the report".into(),
            at: bench.clock.now() + TimeDelta::minutes(minutes),
        };
        bench.hears(&[bench.event(&look(true, 1)), bench.event(&look(false, 9))]).await;
        let request = ListActivityRequest { contact_id: ada.id.clone(), page: None };
        let lines = bench.member().list_activity(request).await.unwrap().into_inner().activities;
        let shown: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.summary.as_str())).collect();
        assert_eq!(shown[..2], [
            ("impersonation.ended", "Ceased to look through the contact's eyes: cannot find the report"),
            ("impersonation.started", "Began to look through the contact's eyes: cannot find the report"),
        ]);
        assert_eq!(lines[0].actor, member.to_string());
        // nothing else of the contact has moved
        assert_eq!(bench.get(contact_id(&ada)).await.version, 1);
    }
}
