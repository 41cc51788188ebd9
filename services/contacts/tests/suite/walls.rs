//! Nothing of one organization is visible to another, whatever is asked and by whom.

use sea_orm::ConnectionTrait;
use usher_auth::{PermissionSet, Principal, Subject};
use usher_database::{Scope, SystemReason};
use usher_proto::common::v1::TextChange;
use usher_proto::contacts::v1::{
    AccountLink, BatchGetRequest, ContactFilter, ContactIds, ContactLink, ContactSelection,
    CreateAccountRequest, CreateContactRequest, LinkContactRequest, ListAccountsRequest, ListActivityRequest,
    ListContactsRequest, PreviewSelectionRequest, SetContactActiveRequest, SetTogglesRequest,
    UnlinkContactRequest, UpdateAccountRequest, UpdateContactRequest, contact_selection::Of,
};
use usher_types::OrganizationId;

use crate::bench::{Bench, client, contact_id, noon, place};

usher_testkit::dialects! {
    async fn walls_nothing_of_one_organization_is_visible_to_another(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let account = bench.account("Acme", vec![place(&ada)]).await;
        let mut stranger = bench.stranger();
        let contacts = BatchGetRequest { ids: vec![ada.id.clone()] };
        let accounts = BatchGetRequest { ids: vec![account.id.clone()] };
        assert_eq!(stranger.batch_get_contacts(contacts.clone()).await.unwrap().into_inner().contacts, []);
        assert_eq!(stranger.batch_get_accounts(accounts.clone()).await.unwrap().into_inner().accounts, []);
        assert_eq!(stranger.links_of_contacts(contacts).await.unwrap().into_inner().links, []);
        assert_eq!(stranger.links_of_accounts(accounts).await.unwrap().into_inner().links, []);
        assert_eq!(stranger.list_contacts(ListContactsRequest::default()).await.unwrap().into_inner().contacts, []);
        assert_eq!(stranger.list_accounts(ListAccountsRequest::default()).await.unwrap().into_inner().accounts, []);
        let update = UpdateContactRequest {
            id: ada.id,
            email: Some(TextChange { value: Some("eve@example.com".into()) }),
            ..Default::default()
        };
        let reply = stranger.update_contact(update).await.unwrap().into_inner();
        assert_eq!(reply.refusals[0].code, "NOT_FOUND");
    }

    async fn walls_no_call_changes_or_reads_rows_of_another_organization(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let login = ContactLink { login: Some(true), primary: Some(true), ..place(&ada) };
        let account = bench.account("Acme", vec![login]).await;
        let everything = async || {
            let ids = BatchGetRequest { ids: vec![account.id.clone()] };
            let accounts = bench.member().batch_get_accounts(ids.clone()).await.unwrap().into_inner();
            let links = bench.member().links_of_accounts(ids).await.unwrap().into_inner();
            (bench.get(contact_id(&ada)).await, accounts, links)
        };
        let before = everything().await;
        let mut stranger = bench.stranger();
        macro_rules! own {
            ($name:ident($request:expr).$thing:ident) => {
                stranger.$name($request).await.unwrap().into_inner().$thing.unwrap()
            };
        }
        let eve = own!(create_contact(client("Eve", "L", "ada@example.com")).contact);
        let theirs = CreateAccountRequest { name: "Acme".into(), kind: "COMPANY".into(), ..Default::default() };
        let theirs = own!(create_account(theirs).account);
        let foreign = ContactLink { primary: Some(true), login: Some(true), ..place(&ada) };
        let (id, account_id) = (ada.id.clone(), account.id.clone());
        macro_rules! refused {
            ($($name:ident($request:expr) => $field:literal),+ $(,)?) => {$(
                let reply = stranger.$name($request).await.unwrap().into_inner();
                let codes: Vec<_> = reply.refusals.iter().map(|refusal| (refusal.code.as_str(), refusal.field.join("."))).collect();
                assert_eq!(codes, [("NOT_FOUND", $field.to_owned())], stringify!($name));
            )+};
        }
        let into_theirs = AccountLink { account_id: Some(account.id.clone()), primary: Some(true), ..Default::default() };
        refused!(
            update_contact(UpdateContactRequest { id: id.clone(), first_name: Some("Eve".into()), ..Default::default() }) => "id",
            set_contact_active(SetContactActiveRequest { id: id.clone(), active: false }) => "id",
            create_contact(CreateContactRequest { accounts: vec![into_theirs], ..client("Uda", "L", "uda@example.com") })
                => "accounts.0.accountId",
            create_account(CreateAccountRequest { name: "Eve".into(), kind: "LLC".into(), contacts: vec![foreign.clone()], tags: vec![] })
                => "contacts.0.contactId",
            update_account(UpdateAccountRequest { id: account_id.clone(), name: Some("Eve".into()), ..Default::default() }) => "id",
            link_contact(LinkContactRequest { account_id: account_id.clone(), contact: Some(place(&eve)) }) => "accountId",
            link_contact(LinkContactRequest { account_id: theirs.id.clone(), contact: Some(foreign) }) => "contact.contactId",
            unlink_contact(UnlinkContactRequest { account_id: account_id.clone(), contact_id: id.clone() }) => "accountId",
            unlink_contact(UnlinkContactRequest { account_id: theirs.id.clone(), contact_id: id.clone() }) => "contactId",
            set_toggles(SetTogglesRequest { account_ids: vec![account_id.clone()], login: Some(false), ..Default::default() })
                => "accountIds.0",
            set_toggles(SetTogglesRequest {
                account_ids: vec![theirs.id.clone()],
                contact_id: Some(id.clone()),
                login: Some(false),
                ..Default::default()
            }) => "contactId",
        );
        let activity = ListActivityRequest { contact_id: id.clone(), page: None };
        assert_eq!(stranger.list_activity(activity).await.unwrap().into_inner().activities, []);
        let links: Vec<_> = before.2.links.iter().map(|link| link.id.clone()).collect();
        assert_eq!(stranger.batch_get_links(BatchGetRequest { ids: links }).await.unwrap().into_inner().links, []);
        for of in [
            Of::Ids(ContactIds { ids: vec![id] }),
            Of::AccountIds(ContactIds { ids: vec![account_id.clone()] }),
            Of::Filter(ContactFilter { account_ids: vec![account_id], account_ids_given: true, ..Default::default() }),
        ] {
            let request = PreviewSelectionRequest { selection: Some(ContactSelection { of: Some(of) }), action: "SEND".into() };
            assert_eq!(stranger.preview_selection(request).await.unwrap().into_inner().total, 0);
        }
        assert_eq!(everything().await, before);
    }

    async fn walls_a_contact_of_another_organization_sees_nothing(db: usher_testkit::TestDatabase) {
        let bench = Bench::new(db).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        let elsewhere = Principal {
            organization: Some(OrganizationId::new(noon())),
            ..bench.principal(Subject::Contact(contact_id(&ada)), PermissionSet::NONE)
        };
        let mut elsewhere = bench.as_principal(&elsewhere);
        let ids = BatchGetRequest { ids: vec![ada.id] };
        assert_eq!(elsewhere.batch_get_contacts(ids).await.unwrap().into_inner().contacts, []);
    }
}

#[test]
fn walls_a_lookup_by_letters_gives_nothing_of_another_organization() {
    usher_testkit::block_on(async {
        let bench = Bench::new(usher_testkit::TestDatabase::postgres().await).await;
        let ada = bench.create(client("Ada", "L", "ada@example.com")).await;
        bench.account("Acme", vec![place(&ada)]).await;
        let found = async |scope, function: &str| {
            let tx = bench.database.read(scope).await.unwrap();
            let sql = format!("SELECT count(*) FROM {function}($1, '%a%', '%', '%')");
            let row = tx
                .query_one_raw(tx.statement(sql, [bench.organization.uuid().into()]))
                .await
                .unwrap();
            row.unwrap().try_get_by_index::<i64>(0).unwrap()
        };
        for function in ["contacts_like", "accounts_like"] {
            assert_eq!(found(Scope::Organization(bench.organization), function).await, 1);
            let other = Scope::Organization(OrganizationId::new(noon()));
            assert_eq!(found(other, function).await, 0, "{function}");
            assert_eq!(
                found(Scope::System(SystemReason::Test), function).await,
                0,
                "{function}"
            );
        }
    });
}
