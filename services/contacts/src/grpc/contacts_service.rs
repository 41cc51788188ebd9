//! The generated service: who may call what, and which function answers.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::contacts::v1::contacts_server::Contacts;
use usher_proto::contacts::v1::{
    AccountReply, AwaitPortalReply, AwaitPortalRequest, BatchGetAccountsReply, BatchGetContactsReply,
    BatchGetLinksReply, BatchGetRequest, ContactReply, CreateAccountRequest, CreateContactRequest,
    CreateTestClientRequest, LinkContactRequest, ListAccountsReply, ListAccountsRequest, ListActivityReply,
    ListActivityRequest, ListContactsReply, ListContactsRequest, ListIneligibleRequest,
    PreviewSelectionReply, PreviewSelectionRequest, SetContactActiveRequest, SetTogglesReply,
    SetTogglesRequest, SizeSelectionReply, UnlinkContactRequest, UpdateAccountRequest, UpdateContactRequest,
    WalkSelectionReply, WalkSelectionRequest,
};

use super::request::{caller, ids, reader};
use super::{mutations, reads, selections};
use crate::app::{App, LinksBy};

/// The gRPC face of contacts.
#[derive(Clone, Debug)]
pub(crate) struct ContactsService {
    app: App,
}

impl ContactsService {
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

/// `name: Request => Reply, who, operation, function;`
macro_rules! serve {
    ($($name:ident: $request:ty => $reply:ty, $who:ident($operation:ident), $answer:path;)+) => {
        #[tonic::async_trait]
        impl Contacts for ContactsService {
            $(async fn $name(&self, request: Request<$request>) -> Result<Response<$reply>, Status> {
                let caller = $who(&request, Operation::$operation)?;
                $answer(&self.app, &caller, request.into_inner()).await.map(Response::new)
            })+

            async fn batch_get_links(
                &self,
                request: Request<BatchGetRequest>,
            ) -> Result<Response<BatchGetLinksReply>, Status> {
                let caller = reader(&request, Operation::GetLinks)?;
                let by = LinksBy::Ids(ids(&request.into_inner().ids)?);
                reads::get_links(&self.app, &caller, by).await.map(Response::new)
            }

            async fn links_of_contacts(
                &self,
                request: Request<BatchGetRequest>,
            ) -> Result<Response<BatchGetLinksReply>, Status> {
                let caller = reader(&request, Operation::GetLinks)?;
                let by = LinksBy::Contacts(ids(&request.into_inner().ids)?);
                reads::get_links(&self.app, &caller, by).await.map(Response::new)
            }

            async fn links_of_accounts(
                &self,
                request: Request<BatchGetRequest>,
            ) -> Result<Response<BatchGetLinksReply>, Status> {
                let caller = reader(&request, Operation::GetLinks)?;
                let by = LinksBy::Accounts(ids(&request.into_inner().ids)?);
                reads::get_links(&self.app, &caller, by).await.map(Response::new)
            }
        }
    };
}

serve! {
    create_contact: CreateContactRequest => ContactReply, caller(CreateContact), mutations::create_contact;
    create_test_client: CreateTestClientRequest => ContactReply, caller(CreateTestClient), mutations::create_test_client;
    update_contact: UpdateContactRequest => ContactReply, caller(UpdateContact), mutations::update_contact;
    set_contact_active: SetContactActiveRequest => ContactReply, caller(SetContactActive), mutations::set_contact_active;
    create_account: CreateAccountRequest => AccountReply, caller(CreateAccount), mutations::create_account;
    update_account: UpdateAccountRequest => AccountReply, caller(UpdateAccount), mutations::update_account;
    link_contact: LinkContactRequest => AccountReply, caller(LinkContact), mutations::link_contact;
    unlink_contact: UnlinkContactRequest => AccountReply, caller(UnlinkContact), mutations::unlink_contact;
    set_toggles: SetTogglesRequest => SetTogglesReply, caller(SetToggles), mutations::set_toggles;
    list_contacts: ListContactsRequest => ListContactsReply, caller(ListContacts), reads::list_contacts;
    list_accounts: ListAccountsRequest => ListAccountsReply, caller(ListAccounts), reads::list_accounts;
    batch_get_contacts: BatchGetRequest => BatchGetContactsReply, reader(GetContacts), reads::get_contacts;
    batch_get_accounts: BatchGetRequest => BatchGetAccountsReply, reader(GetAccounts), reads::get_accounts;
    list_activity: ListActivityRequest => ListActivityReply, caller(ListActivity), reads::list_activity;
    preview_selection: PreviewSelectionRequest => PreviewSelectionReply, caller(PreviewSelection), selections::preview;
    size_selection: PreviewSelectionRequest => SizeSelectionReply, caller(WalkSelection), selections::size;
    list_ineligible: ListIneligibleRequest => ListContactsReply, caller(ListContacts), selections::list_ineligible;
    walk_selection: WalkSelectionRequest => WalkSelectionReply, caller(WalkSelection), selections::walk;
    await_portal: AwaitPortalRequest => AwaitPortalReply, caller(AwaitPortal), selections::await_portal;
}
