//! Selections: previews by reason, who is in a group, and the walk (I2, I3).

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, Value};
use usher_database::{Scope, SystemReason};
use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{
    ContactFilter, ContactIds, ContactSelection, ListIneligibleRequest, PreviewSelectionRequest,
    WalkSelectionRequest,
};
use usher_proto::{bytes_of, id_from};
use usher_types::{
    Clock, ContactId, ContactRole, EmailFact, Facts, IneligibleReason, InvitationAction, LoginFact,
    PortalStatus, eligibility, permitted_actions,
};

use crate::bench::{Bench, client, codes, lead, place, refused};

fn everyone() -> Option<ContactSelection> {
    Some(ContactSelection {
        of: Some(Of::Filter(ContactFilter::default())),
    })
}

fn these(ids: Vec<ContactId>) -> Option<ContactSelection> {
    let ids = ids.into_iter().map(bytes_of).collect();
    Some(ContactSelection {
        of: Some(Of::Ids(ContactIds { ids })),
    })
}

const EMAILS: [EmailFact; 6] = [
    EmailFact::None,
    EmailFact::Invalid,
    EmailFact::Duplicate,
    EmailFact::Suppressed,
    EmailFact::Bounced,
    EmailFact::Usable,
];

pub(crate) fn every_combination() -> Vec<Facts> {
    let mut all = Vec::new();
    for active in [true, false] {
        for &role in ContactRole::ALL {
            for &status in PortalStatus::ALL {
                for login in [LoginFact::NoLinks, LoginFact::On, LoginFact::Off] {
                    all.extend(EMAILS.map(|email| Facts {
                        active,
                        role,
                        status,
                        login,
                        email,
                        opened: false,
                    }));
                }
            }
        }
    }
    all
}

impl Bench {
    /// Writes contacts with exactly these facts, as no sequence of calls would make all of them.
    pub(crate) async fn with_facts(&self, all: &[Facts]) -> BTreeMap<ContactId, Facts> {
        let tx = self
            .database
            .write(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let mut known = BTreeMap::new();
        for (number, facts) in all.iter().enumerate() {
            let id = ContactId::new(self.clock.now());
            let address = format!("c{number}@example.com");
            let email = (facts.email != EmailFact::None).then(|| address.clone());
            let state = match facts.email {
                EmailFact::None => "NONE",
                EmailFact::Invalid => "INVALID",
                _ => "VALID",
            };
            let (links, with_login): (i64, i64) = match facts.login {
                LoginFact::NoLinks => (0, 0),
                LoginFact::On => (2, 1),
                LoginFact::Off => (2, 0),
            };
            let values: Vec<Value> = vec![
                id.uuid().into(),
                self.organization.uuid().into(),
                facts.role.as_str().into(),
                facts.active.into(),
                email.into(),
                state.into(),
                (facts.email == EmailFact::Duplicate).into(),
                links.into(),
                with_login.into(),
                self.clock.now().into(),
                serde_json::Value::Array(vec![]).into(),
            ];
            let contact = "INSERT INTO contact (id, organization_id, version, role, active, first_name, last_name, \
                 first_name_sort, last_name_sort, email, email_canonical, email_sort, email_state, email_duplicate, tags, \
                 links, links_with_login, created_at, updated_at) \
                 VALUES ($1, $2, 1, $3, $4, 'Ada', 'L', 'ada', 'l', $5, $5, '', $6, $7, $11, $8, $9, $10, $10)";
            tx.execute_raw(tx.statement(contact, values)).await.unwrap();
            let (stored, rank, end) = match facts.status {
                PortalStatus::Invited => (
                    "INVITED",
                    1_i64,
                    Some(self.clock.now() + chrono::TimeDelta::days(1)),
                ),
                PortalStatus::Expired => ("INVITED", 1, Some(self.clock.now())),
                PortalStatus::Waiting => ("WAITING", 0, None),
                PortalStatus::Accepted => ("ACCEPTED", 3, None),
                PortalStatus::Active => ("ACTIVE", 4, None),
            };
            let portal = "INSERT INTO contact_portal (contact_id, organization_id, version, status, status_rank, expires_at, \
                 invited_sort, signed_in_sort) VALUES ($1, $2, 1, $3, $4, $5, 0, 0)";
            let values: Vec<Value> = vec![
                id.uuid().into(),
                self.organization.uuid().into(),
                stored.into(),
                rank.into(),
                end.into(),
            ];
            tx.execute_raw(tx.statement(portal, values)).await.unwrap();
            let known_state = match facts.email {
                EmailFact::Suppressed => Some("SUPPRESSED"),
                EmailFact::Bounced => Some("BOUNCED"),
                _ => None,
            };
            if let Some(state) = known_state {
                let sql = "INSERT INTO address_state (organization_id, email_canonical, state, version) VALUES ($1, $2, $3, 1)";
                let values: Vec<Value> = vec![self.organization.uuid().into(), address.into(), state.into()];
                tx.execute_raw(tx.statement(sql, values)).await.unwrap();
            }
            known.insert(id, *facts);
        }
        tx.commit().await.unwrap();
        known
    }

    /// Everyone of a group, over all its pages.
    async fn group(&self, action: InvitationAction, reason: IneligibleReason) -> Vec<ContactId> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let request = ListIneligibleRequest {
                selection: everyone(),
                action: action.as_str().into(),
                reason: reason.as_str().into(),
                page: Some(PageRequest {
                    first: Some(100),
                    after,
                    ..Default::default()
                }),
            };
            let reply = self.member().list_ineligible(request).await.unwrap().into_inner();
            found.extend(
                reply
                    .contacts
                    .iter()
                    .map(|contact| id_from::<ContactId>(&contact.id).unwrap()),
            );
            let page = reply.page.unwrap();
            if !page.has_next_page {
                found.sort();
                return found;
            }
            after = page.cursors.last().cloned();
        }
    }
}

usher_testkit::dialects! {
    async fn i3_the_case_in_sql_is_the_function_of_types_over_every_combination(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let known = bench.with_facts(&every_combination()).await;
        assert_eq!(known.len(), 540);
        for &action in InvitationAction::ALL {
            let request = PreviewSelectionRequest { selection: everyone(), action: action.as_str().into() };
            let preview = bench.member().preview_selection(request).await.unwrap().into_inner();
            let judged = |id: &ContactId| eligibility(known[id], action);
            assert_eq!(preview.total, 540);
            let eligible: Vec<_> = known.keys().filter(|id| judged(id).is_ok()).collect();
            assert_eq!(preview.eligible, i64::try_from(eligible.len()).unwrap(), "{action}");
            let first = preview.first_eligible.unwrap();
            assert_eq!(id_from::<ContactId>(&first.id).as_ref(), eligible.first().copied());
            let mut groups = Vec::new();
            for &reason in IneligibleReason::ALL {
                let members: Vec<_> = known.keys().filter(|id| judged(id) == Err(reason)).copied().collect();
                assert_eq!(bench.group(action, reason).await, members, "{action} {reason}");
                if !members.is_empty() {
                    groups.push((reason.as_str().to_owned(), i64::try_from(members.len()).unwrap()));
                }
            }
            let told: Vec<_> = preview.ineligible.into_iter().map(|group| (group.reason, group.count)).collect();
            assert_eq!(told, groups, "{action}");
            let request = PreviewSelectionRequest { selection: everyone(), action: action.as_str().into() };
            let size = bench.invitations().size_selection(request).await.unwrap().into_inner();
            assert_eq!((size.total, size.reaches_somebody), (540, true), "{action}");
        }
    }

    async fn contract_the_menu_of_a_row_over_every_combination(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let known = bench.with_facts(&every_combination()).await;
        let ids = known.keys().map(|id| bytes_of(*id)).collect();
        let request = usher_proto::contacts::v1::BatchGetRequest { ids };
        let reply = bench.member().batch_get_contacts(request).await.unwrap().into_inner();
        assert_eq!(reply.contacts.len(), 540);
        for (contact, facts) in reply.contacts.iter().zip(known.values()) {
            let portal = contact.portal.as_ref().unwrap();
            let expected: Vec<_> = permitted_actions(*facts).into_iter().map(|action| action.as_str().to_owned()).collect();
            assert_eq!(portal.actions, expected, "{facts:?}");
            assert_eq!(portal.status, facts.status.as_str());
            assert_eq!(portal.login_enabled, facts.login.enabled());
        }
    }

    async fn i2_a_selection_is_ids_a_filter_or_accounts(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let ida = bench.create(lead("Ida", "L")).await;
        let eda = bench.create(client("Eda", "L", "eda@example.com")).await;
        let account = bench.account("Acme", vec![place(&ada), place(&ida)]).await;
        let ids = |contacts: &[&usher_proto::contacts::v1::Contact]| {
            let ids = contacts.iter().map(|contact| contact.id.clone()).collect();
            Some(ContactSelection { of: Some(Of::Ids(ContactIds { ids })) })
        };
        let clients = ContactFilter { roles: vec!["CLIENT".into()], ..Default::default() };
        let nobody = ContactFilter { or_given: true, ..Default::default() };
        let unknown = these(vec![ContactId::new(bench.clock.now())]);
        let table = [
            (ids(&[&ada, &eda, &ada]), 2, 1, vec![("LOGIN_DISABLED", 1)]),
            (Some(ContactSelection { of: Some(Of::Filter(clients)) }), 2, 1, vec![("LOGIN_DISABLED", 1)]),
            (Some(ContactSelection { of: Some(Of::Filter(nobody)) }), 0, 0, vec![]),
            (
                Some(ContactSelection { of: Some(Of::AccountIds(ContactIds { ids: vec![account.id] })) }),
                2,
                0,
                vec![("ROLE_NOT_INVITABLE", 1), ("LOGIN_DISABLED", 1)],
            ),
            (everyone(), 3, 1, vec![("ROLE_NOT_INVITABLE", 1), ("LOGIN_DISABLED", 1)]),
            (unknown, 0, 0, vec![]),
        ];
        for (selection, total, eligible, groups) in table {
            let request = PreviewSelectionRequest { selection: selection.clone(), action: "SEND".into() };
            let preview = bench.member().preview_selection(request.clone()).await.unwrap().into_inner();
            let told: Vec<_> = preview.ineligible.iter().map(|group| (group.reason.as_str(), group.count)).collect();
            assert_eq!((preview.total, preview.eligible, told), (total, eligible, groups), "{selection:?}");
            assert_eq!(preview.first_eligible.map(|contact| contact.id), (eligible > 0).then(|| eda.id.clone()));
            let size = bench.invitations().size_selection(request.clone()).await.unwrap().into_inner();
            assert_eq!((size.total, size.reaches_somebody), (total, eligible > 0), "{selection:?}");
            // Nothing of it is another organization's.
            let foreign = bench.stranger().preview_selection(request).await.unwrap().into_inner();
            assert_eq!(foreign.total, 0);
        }
    }

    async fn i2_the_preview_tells_how_the_first_one_reads(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        bench.create(client("Ada", "L", "ada@example.com")).await;
        let preview = || PreviewSelectionRequest { selection: everyone(), action: "SEND".into() };
        let read = async || {
            let reply = bench.member().preview_selection(preview()).await.unwrap().into_inner();
            (reply.first_locale, reply.first_time_zone)
        };
        assert_eq!(read().await, (None, None));
        bench.written("UPDATE contact SET locale = 'ja', time_zone = 'Asia/Tokyo'", vec![]).await;
        assert_eq!(read().await, (Some("ja".into()), Some("Asia/Tokyo".into())));
    }

    async fn i17_more_than_ten_thousand_ids_are_too_many(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ids = |number: u128| (0..number).map(|number| uuid::Uuid::from_u128(number + 1).into()).collect();
        let preview = |selection| PreviewSelectionRequest { selection, action: "SEND".into() };
        let reply = bench.member().preview_selection(preview(these(ids(10_000)))).await.unwrap().into_inner();
        assert_eq!(reply.refusals, []);
        let reply = bench.member().preview_selection(preview(these(ids(10_001)))).await.unwrap().into_inner();
        assert_eq!(refused(&reply.refusals), codes(&[("LIMIT_REACHED", "contacts")]));
    }

    async fn i4_a_walk_gives_everyone_once_in_the_order_of_ids(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut made = Vec::new();
        for number in 0..7 {
            made.push(bench.create(client("Ada", "L", &format!("Ada{number}@example.com"))).await.id);
        }
        made.sort();
        let mut walked = Vec::new();
        let mut after = None;
        let mut invitations = bench.invitations();
        loop {
            let request = WalkSelectionRequest { selection: everyone(), after: after.clone(), limit: 3 };
            let reply = invitations.walk_selection(request).await.unwrap().into_inner();
            after = reply.contacts.last().map(|contact| contact.id.clone());
            walked.extend(reply.contacts);
            if reply.last {
                break;
            }
        }
        assert_eq!(walked.iter().map(|contact| contact.id.clone()).collect::<Vec<_>>(), made);
        let first = &walked[0];
        assert_eq!((first.raw_version, first.role.as_str(), first.active, first.links), (1, "CLIENT", true, 0));
        assert_eq!(first.email.as_deref().map(str::to_lowercase), first.email_canonical);
        for limit in [0, 2_001] {
            let request = WalkSelectionRequest { selection: everyone(), after: None, limit };
            let status = invitations.walk_selection(request).await.unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
        }
    }
}
