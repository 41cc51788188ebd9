//! Login for further accounts is switched on for people, some of whom are in already (I13).

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, Value};
use usher_database::{Scope, SystemReason};
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{
    Account, Contact, ContactSelection, LinkedContacts, ListIneligibleRequest, PreviewSelectionReply,
    PreviewSelectionRequest, SetTogglesRequest, WalkSelectionRequest, WalkedContact,
};
use usher_proto::{bytes_of, id_from, timestamp};
use usher_types::{Clock, ContactId, Facts, InvitationAction, LinkId, PortalStatus, eligibility};

use crate::bench::{Bench, account_id, client, contact_id, place};
use crate::selections::every_combination;

fn of_account(account: &Account) -> LinkedContacts {
    LinkedContacts {
        account_ids: vec![account.id.clone()],
        ..LinkedContacts::default()
    }
}

const fn selection(linked: LinkedContacts) -> Option<ContactSelection> {
    Some(ContactSelection {
        of: Some(Of::Linked(linked)),
    })
}

impl Bench {
    async fn previewed(&self, linked: LinkedContacts) -> PreviewSelectionReply {
        let request = PreviewSelectionRequest {
            selection: selection(linked),
            action: "SEND".into(),
        };
        self.member()
            .preview_selection(request)
            .await
            .unwrap()
            .into_inner()
    }

    async fn walked(&self, linked: LinkedContacts) -> Vec<WalkedContact> {
        let request = WalkSelectionRequest {
            selection: selection(linked),
            after: None,
            limit: 100,
        };
        self.invitations()
            .walk_selection(request)
            .await
            .unwrap()
            .into_inner()
            .contacts
    }

    async fn is_in(&self, contact: &Contact) {
        let portal = self.portal(contact_id(contact), 1, PortalStatus::Active);
        self.hears(&[self.invitation(portal)]).await;
    }
}

fn judged(preview: &PreviewSelectionReply) -> (i64, i64, Vec<(&str, i64)>) {
    let groups = preview
        .ineligible
        .iter()
        .map(|group| (group.reason.as_str(), group.count));
    (preview.total, preview.eligible, groups.collect())
}

usher_testkit::dialects! {
    async fn i13_whoever_is_in_is_reached_once_login_was_just_switched_on(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "L", "ida@example.com")).await;
        // whose id is the lower comes first
        let (ada, ida) = if ada.id < ida.id { (ada, ida) } else { (ida, ada) };
        bench.is_in(&ada).await;
        let account = bench.account("Acme", vec![place(&ada), place(&ida)]).await;
        // C6: a preview lists each person who would get in, and each can be left out
        let preview = bench.previewed(of_account(&account)).await;
        assert_eq!(judged(&preview), (2, 2, vec![]));
        assert_eq!((preview.first_eligible.unwrap().id, preview.first_accounts), (ada.id.clone(), vec!["Acme".to_owned()]));
        let request = ListIneligibleRequest { selection: selection(of_account(&account)), action: "SEND".into(), ..Default::default() };
        let listed = bench.member().list_ineligible(request).await.unwrap().into_inner().contacts;
        let mut listed: Vec<_> = listed.into_iter().map(|contact| contact.id).collect();
        listed.sort();
        assert_eq!(listed, [ada.id.clone(), ida.id.clone()]);
        let without = LinkedContacts { except_contact_ids: vec![ada.id.clone()], ..of_account(&account) };
        assert_eq!(judged(&bench.previewed(without).await), (1, 1, vec![]));

        let toggle = |login| SetTogglesRequest { account_ids: vec![account.id.clone()], login: Some(login), ..Default::default() };
        let since = bench.member().set_toggles(toggle(true)).await.unwrap().into_inner().since;
        let linked = LinkedContacts { since, ..of_account(&account) };
        assert_eq!(judged(&bench.previewed(linked.clone()).await), (2, 2, vec![]));
        let walked = bench.walked(linked.clone()).await;
        let opened = &walked[0].opened;
        assert_eq!((walked[0].id.clone(), opened.len(), opened[0].name.as_str()), (ada.id.clone(), 1, "Acme"));
        assert_eq!((opened[0].id.clone(), opened[0].at), (account.id.clone(), Some(timestamp(bench.clock.now()))));
        assert_eq!(walked[1].opened, []);
        // asked for again at once it is still new, and the same as before
        let since = bench.member().set_toggles(toggle(true)).await.unwrap().into_inner().since;
        let again = bench.walked(LinkedContacts { since, ..of_account(&account) }).await;
        assert_eq!(again[0].opened, walked[0].opened);
        bench.clock.advance(TimeDelta::hours(2));
        let since = bench.member().set_toggles(toggle(true)).await.unwrap().into_inner().since;
        let later = LinkedContacts { since, ..of_account(&account) };
        assert_eq!(judged(&bench.previewed(later.clone()).await), (2, 1, vec![("ALREADY_ACTIVATED", 1)]));
        assert_eq!(bench.walked(later).await[0].opened, []);
        // nothing would be switched on for them
        assert_eq!(judged(&bench.previewed(of_account(&account)).await), (2, 1, vec![("ALREADY_ACTIVATED", 1)]));
        bench.member().set_toggles(toggle(false)).await.unwrap();
        assert_eq!(judged(&bench.previewed(linked.clone()).await), (2, 0, vec![("ALREADY_ACTIVATED", 1), ("LOGIN_DISABLED", 1)]));
        let foreign = bench.stranger().preview_selection(PreviewSelectionRequest { selection: selection(linked), action: "SEND".into() }).await;
        assert_eq!(foreign.unwrap().into_inner().total, 0);
    }

    async fn i13_the_case_in_sql_is_the_function_of_types_over_every_combination(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let account = bench.account("Acme", vec![]).await;
        let opened = |opened| every_combination().into_iter().map(move |facts| Facts { opened, ..facts });
        let all: Vec<Facts> = opened(true).chain(opened(false)).collect();
        let known = bench.with_facts(&all).await;
        let now = bench.clock.now();
        let tx = bench.database.write(Scope::System(SystemReason::Test)).await.unwrap();
        for (contact, facts) in &known {
            let sql = "INSERT INTO link (id, organization_id, account_id, contact_id, is_primary, login, notify, email_sync, created_at, \
                 login_since) VALUES ($1, $2, $3, $4, $7, $5, $7, $7, $6, CASE WHEN $5 THEN $6 END)";
            let values: Vec<Value> = vec![
                LinkId::new(now).uuid().into(), bench.organization.uuid().into(), account_id(&account).uuid().into(),
                contact.uuid().into(), facts.opened.into(), now.into(), false.into(),
            ];
            tx.execute_raw(tx.statement(sql, values)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let linked = LinkedContacts { since: Some(timestamp(now)), ..of_account(&account) };
        for &action in InvitationAction::ALL {
            let request = PreviewSelectionRequest { selection: selection(linked.clone()), action: action.as_str().into() };
            let preview = bench.member().preview_selection(request).await.unwrap().into_inner();
            let judge = |facts: &Facts| eligibility(*facts, action);
            let eligible: Vec<&ContactId> = known.iter().filter(|(_, facts)| judge(facts).is_ok()).map(|(id, _)| id).collect();
            assert_eq!((preview.total, preview.eligible), (1080, i64::try_from(eligible.len()).unwrap()), "{action}");
            assert_eq!(preview.first_eligible.and_then(|first| id_from::<ContactId>(&first.id)).as_ref(), eligible.first().copied());
            for group in preview.ineligible {
                let expected = known.values().filter(|facts| judge(facts).err().is_some_and(|reason| reason.as_str() == group.reason));
                assert_eq!(group.count, i64::try_from(expected.count()).unwrap(), "{action} {}", group.reason);
            }
        }
        let unknown = bytes_of(ContactId::new(now));
        let nobody = LinkedContacts { contact_id: Some(unknown), ..linked };
        assert_eq!(bench.previewed(nobody).await.total, 0);
    }
}
