//! Who may call what, and what a portal session sees (I14, I15, I22).

use tonic::{Code, Status};
use usher_auth::{Permission, PermissionSet, Principal, Subject};
use usher_proto::bytes_of;
use usher_proto::contacts::v1::{
    AwaitPortalRequest, BatchGetRequest, ContactFilter, ContactLink, ContactSelection, CreateAccountRequest,
    CreateContactRequest, CreateTestClientRequest, LinkContactRequest, ListAccountsRequest,
    ListActivityRequest, ListContactsRequest, ListIneligibleRequest, PreviewSelectionRequest,
    SetContactActiveRequest, SetTogglesRequest, UnlinkContactRequest, UpdateAccountRequest,
    UpdateContactRequest, WalkSelectionRequest, contact_selection::Of,
};
use usher_types::{Clock, ContactId, MemberId};

use crate::bench::{Bench, Client, client, contact_id, noon, place};

/// Calls every operation once, with arguments that are as right as they can be for nobody in particular.
async fn every_call(client: &mut Client) -> Vec<(&'static str, Option<Status>)> {
    let id = bytes_of(ContactId::new(noon()));
    let selection = Some(ContactSelection {
        of: Some(Of::Filter(ContactFilter::default())),
    });
    let ids = BatchGetRequest {
        ids: vec![id.clone()],
    };
    let lead = CreateContactRequest {
        role: "LEAD".into(),
        first_name: "Ada".into(),
        last_name: "L".into(),
        ..Default::default()
    };
    let link = ContactLink {
        contact_id: id.clone(),
        ..Default::default()
    };
    macro_rules! call {
        ($($name:ident($request:expr)),+ $(,)?) => {
            vec![$((stringify!($name), client.$name($request).await.err())),+]
        };
    }
    call![
        create_contact(lead),
        create_test_client(CreateTestClientRequest {
            email: "grace@birch.example".into(),
            name: "Grace".into()
        }),
        update_contact(UpdateContactRequest {
            id: id.clone(),
            ..Default::default()
        }),
        set_contact_active(SetContactActiveRequest {
            id: id.clone(),
            active: true
        }),
        create_account(CreateAccountRequest {
            name: "Acme".into(),
            kind: "COMPANY".into(),
            ..Default::default()
        }),
        update_account(UpdateAccountRequest {
            id: id.clone(),
            ..Default::default()
        }),
        link_contact(LinkContactRequest {
            account_id: id.clone(),
            contact: Some(link)
        }),
        unlink_contact(UnlinkContactRequest {
            account_id: id.clone(),
            contact_id: id.clone()
        }),
        set_toggles(SetTogglesRequest {
            account_ids: vec![id.clone()],
            ..Default::default()
        }),
        list_contacts(ListContactsRequest::default()),
        list_accounts(ListAccountsRequest::default()),
        list_activity(ListActivityRequest {
            contact_id: id.clone(),
            page: None
        }),
        batch_get_contacts(ids.clone()),
        batch_get_accounts(ids.clone()),
        batch_get_links(ids.clone()),
        links_of_contacts(ids.clone()),
        links_of_accounts(ids),
        preview_selection(PreviewSelectionRequest {
            selection: selection.clone(),
            action: "SEND".into()
        }),
        size_selection(PreviewSelectionRequest {
            selection: selection.clone(),
            action: "SEND".into()
        }),
        list_ineligible(ListIneligibleRequest {
            selection: selection.clone(),
            action: "SEND".into(),
            reason: "NO_EMAIL".into(),
            page: None,
        }),
        walk_selection(WalkSelectionRequest {
            selection,
            after: None,
            limit: 10
        }),
        await_portal(AwaitPortalRequest::default()),
    ]
}

/// The calls that are let through.
fn let_through(answers: &[(&'static str, Option<Status>)]) -> Vec<&'static str> {
    let denied = |status: &Status| matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated);
    let passed = answers
        .iter()
        .filter(|(_, status)| !status.as_ref().is_some_and(denied));
    passed.map(|(name, _)| *name).collect()
}

const WRITES: [&str; 9] = [
    "create_contact",
    "create_test_client",
    "update_contact",
    "set_contact_active",
    "create_account",
    "update_account",
    "link_contact",
    "unlink_contact",
    "set_toggles",
];
const GETS: [&str; 5] = [
    "batch_get_contacts",
    "batch_get_accounts",
    "batch_get_links",
    "links_of_contacts",
    "links_of_accounts",
];

usher_testkit::dialects! {
    async fn i15_each_operation_asks_for_its_own_permission(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut nobody = bench.member_with(&[]);
        assert_eq!(let_through(&every_call(&mut nobody).await), Vec::<&str>::new());
        let mut writer = bench.member_with(&[Permission::ContactsWrite]);
        assert_eq!(let_through(&every_call(&mut writer).await), WRITES);
        let mut reader = bench.member_with(&[Permission::ContactsRead]);
        let mut reads = vec!["list_contacts", "list_accounts", "list_activity"];
        reads.extend(GETS);
        reads.extend(["list_ineligible", "await_portal"]);
        assert_eq!(let_through(&every_call(&mut reader).await), reads);
        let mut inviter = bench.member_with(&[Permission::PortalInvite]);
        assert_eq!(let_through(&every_call(&mut inviter).await), ["preview_selection"]);
        let mut contact = bench.contact(ContactId::new(noon()));
        assert_eq!(let_through(&every_call(&mut contact).await), GETS);
        let mut invitations = bench.invitations();
        let own = ["batch_get_contacts", "preview_selection", "size_selection", "walk_selection", "await_portal"];
        assert_eq!(let_through(&every_call(&mut invitations).await), own);
    }

    async fn walls_without_a_token_nobody_gets_anything(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ended = Principal {
            expires_at: bench.clock.now(),
            ..bench.principal(Subject::Member(bench.member), PermissionSet::all())
        };
        let mut late = bench.as_principal(&ended);
        let mut forged = bench.with_token("eyJhbGciOiJub25lIn0.e30.");
        for client in [&mut late, &mut forged] {
            for (name, status) in every_call(client).await {
                assert_eq!(status.map(|status| status.code()), Some(Code::Unauthenticated), "{name}");
            }
        }
        assert_eq!(bench.activity().await, []);
    }

    async fn i14_a_read_only_session_is_refused_by_every_write(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let before = bench.activity().await;
        for subject in [Subject::Member(bench.member), Subject::Contact(contact_id(&ada))] {
            let looking = Principal {
                read_only: true,
                acting_member: Some(MemberId::new(noon())),
                ..bench.principal(subject, PermissionSet::all())
            };
            let mut looking = bench.as_principal(&looking);
            for (name, status) in every_call(&mut looking).await.into_iter().take(WRITES.len()) {
                let status = status.expect(name);
                assert_eq!(status.code(), Code::PermissionDenied, "{name}");
                assert_eq!(status.metadata().get("usher-code").unwrap(), "READ_ONLY_SESSION", "{name}");
            }
        }
        assert_eq!(bench.activity().await, before);
    }

    async fn i15_create_with_invite_needs_portal_invite_too(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let mut without = bench.member_with(&[Permission::ContactsRead, Permission::ContactsWrite]);
        let request = CreateContactRequest { invite: true, ..client("Ada", "L", "ada@example.com") };
        assert_eq!(without.create_contact(request).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(bench.activity().await, []);
    }

    async fn i22_every_members_operation_is_forbidden_to_a_contact(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let mut portal = bench.contact(contact_id(&ada));
        for (name, status) in every_call(&mut portal).await {
            let code = status.map(|status| status.code());
            assert_eq!(code, (!GETS.contains(&name)).then_some(Code::PermissionDenied), "{name}");
        }
    }

    async fn c5_a_vehicle_appears_in_the_portal_only_through_a_linked_contact(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let ida = bench.create(client("Ida", "L", "ida@example.com")).await;
        for kind in ["TRUST", "LLC", "PARTNERSHIP", "CORPORATION", "RETIREMENT"] {
            let request = CreateAccountRequest { name: kind.into(), kind: kind.into(), ..Default::default() };
            let vehicle = bench.member().create_account(request).await.unwrap().into_inner().account.unwrap();
            let seen = async |contact| {
                let ids = BatchGetRequest { ids: vec![vehicle.id.clone()] };
                let seen = bench.contact(contact_id(contact)).batch_get_accounts(ids).await.unwrap().into_inner();
                seen.accounts.len()
            };
            assert_eq!((seen(&ada).await, seen(&ida).await), (0, 0));
            let link = LinkContactRequest { account_id: vehicle.id.clone(), contact: Some(place(&ada)) };
            bench.member().link_contact(link).await.unwrap();
            assert_eq!((seen(&ada).await, seen(&ida).await), (0, 0), "login is off");
            let on = SetTogglesRequest { account_ids: vec![vehicle.id.clone()], login: Some(true), ..Default::default() };
            bench.member().set_toggles(on).await.unwrap();
            assert_eq!((seen(&ada).await, seen(&ida).await), (1, 0));
            let unlink = UnlinkContactRequest { account_id: vehicle.id.clone(), contact_id: ada.id.clone() };
            bench.member().unlink_contact(unlink).await.unwrap();
            assert_eq!((seen(&ada).await, seen(&ida).await), (0, 0));
        }
    }

    async fn i22_a_portal_session_sees_itself_and_of_others_the_name(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let secretive = |request: CreateContactRequest| CreateContactRequest {
            notes: Some("difficult".into()),
            tags: vec!["watch".into()],
            external_id: Some("crm-1".into()),
            phone: Some("+442079460018".into()),
            ..request
        };
        let ada = bench.create(secretive(client("Ada", "L", "ada@example.com"))).await;
        let ida = bench.create(secretive(client("Ida", "L", "ida@example.com"))).await;
        let eda = bench.create(secretive(client("Eda", "L", "eda@example.com"))).await;
        let login = |contact| ContactLink { login: Some(true), ..place(contact) };
        let open = bench.account("Open", vec![login(&ada), ContactLink { primary: Some(true), ..login(&ida) }]).await;
        let closed = bench.account("Closed", vec![place(&ada), login(&eda)]).await;
        let mut portal = bench.contact(contact_id(&ada));
        let everyone = BatchGetRequest { ids: vec![eda.id.clone(), ida.id.clone(), ada.id.clone()] };
        let seen = portal.batch_get_contacts(everyone.clone()).await.unwrap().into_inner().contacts;
        assert_eq!(seen.iter().map(|contact| contact.first_name.as_str()).collect::<Vec<_>>(), ["Ida", "Ada"]);
        let (other, own) = (&seen[0], &seen[1]);
        assert_eq!((other.display_name.as_str(), &other.email, &other.phone, &other.portal), ("Ida L", &None, &None, &None));
        assert_eq!((other.email_state.as_str(), other.role.as_str(), other.version), ("", "", 0));
        assert_eq!(own.email.as_deref(), Some("ada@example.com"));
        assert_eq!(own.phone.as_deref(), Some("+442079460018"));
        assert!(own.portal.is_some());
        for contact in &seen {
            assert_eq!((&contact.notes, contact.tags.len(), &contact.external_id), (&None, 0, &None));
        }
        assert_eq!(own.portal.as_ref().unwrap().actions.len(), 0);
        let accounts = BatchGetRequest { ids: vec![closed.id.clone(), open.id.clone()] };
        let seen = portal.batch_get_accounts(accounts.clone()).await.unwrap().into_inner().accounts;
        assert_eq!(seen.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), ["Open"]);
        let links = portal.links_of_accounts(accounts).await.unwrap().into_inner().links;
        let mut told: Vec<_> = links.iter().map(|link| (link.contact_id.clone(), link.primary, link.login, link.notify)).collect();
        told.sort();
        let mut expected = vec![(ada.id.clone(), false, true, true), (ida.id.clone(), true, false, false)];
        expected.sort();
        assert_eq!(told, expected);
        let links = portal.links_of_contacts(everyone).await.unwrap().into_inner().links;
        assert!(links.iter().all(|link| link.account_id == open.id));
        assert_eq!(links.len(), 2);
    }

}
