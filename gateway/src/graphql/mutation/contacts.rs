//! Contacts, accounts and links.

use async_graphql::{Context, Object, SimpleObject};
use usher_auth::{Operation, Principal};
use usher_proto::contacts::v1 as wire;
use usher_proto::invitations::v1::StartBatchRequest;
use usher_types::ContactId;

use crate::fault::Fault;
use crate::graphql::input::{
    CreateAccountInput, CreateContactInput, LinkContactInput, SetContactActiveInput, UnlinkContactInput,
    UpdateAccountInput, UpdateContactInput,
};
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::{Account, AccountError, Contact, ContactError, Family};

/// The contact as it is now, or what stands in the way.
#[derive(SimpleObject, Debug)]
pub struct ContactPayload {
    /// The contact.
    contact: Option<Contact>,
    /// What the caller can mend.
    user_errors: Vec<ContactError>,
}

impl ContactPayload {
    fn new(reply: wire::ContactReply, scope: &Scope) -> Result<Self, Fault> {
        Ok(Self {
            contact: reply.contact.map(|row| Contact::new(row, scope)),
            user_errors: ContactError::all(reply.refusals)?,
        })
    }
}

/// The account as it is now, or what stands in the way.
#[derive(SimpleObject, Debug)]
pub struct AccountPayload {
    /// The account.
    account: Option<Account>,
    /// What the caller can mend.
    user_errors: Vec<AccountError>,
}

impl AccountPayload {
    fn new(reply: wire::AccountReply, scope: &Scope) -> Result<Self, Fault> {
        Ok(Self {
            account: reply.account.map(|row| Account::new(row, scope)),
            user_errors: AccountError::all(reply.refusals)?,
        })
    }
}

/// Invites the contact that was just made, and gives it back as it is then. Whatever fails here, the contact exists and
/// the command that `contacts` wrote beside it invites under the same key, so the answer is never an error: it shows
/// WAITING a moment longer.
async fn invite(scope: &Scope, made: wire::Contact, key: String, message: Option<String>) -> wire::Contact {
    use wire::contact_selection::Of;
    let ids = wire::ContactIds {
        ids: vec![made.id.clone()],
    };
    let request = scope.ask(StartBatchRequest {
        action: "SEND".to_owned(),
        selection: Some(wire::ContactSelection {
            of: Some(Of::Ids(ids)),
        }),
        message,
        idempotency_key: Some(key),
        ..StartBatchRequest::default()
    });
    if let Err(status) = scope.backends.invitations.clone().start_batch(request).await {
        tracing::warn!(code = %status.code(), "a new contact is invited by the command alone");
        return made;
    }
    let id = usher_proto::id_from::<ContactId>(&made.id);
    let found = match id {
        Some(id) => scope.contact(id).await.ok().flatten(),
        None => None,
    };
    found.map_or(made, |contact| contact.row)
}

#[derive(Debug, Default)]
pub(super) struct ContactMutations;

#[Object]
impl ContactMutations {
    /// Makes a contact, with its links, and invites it where asked to. Needs `contacts.write`; with `invite` also
    /// `portal.invite`.
    async fn create_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact.")] input: CreateContactInput,
    ) -> Result<ContactPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::CreateContact)?;
        if input.invite.unwrap_or_default() {
            // refused before anything is made
            Scope::permitted(ctx, Operation::StartBatch)?;
        }
        let message = input.into_wire();
        let words = message.message.clone();
        let mut reply = answer(
            scope
                .backends
                .contacts
                .clone()
                .create_contact(scope.ask(message))
                .await,
        )?;
        // without a key there is nothing to invite, and the contact stays as it is
        if let Some(key) = reply.invite_key.take()
            && let Some(made) = reply.contact.take()
        {
            reply.contact = Some(invite(scope, made, key, words).await);
        }
        ContactPayload::new(reply, scope)
    }

    /// Makes a CLIENT to try the portal with, at a plus-address of the asking member's own address, such as
    /// `grace+client@firm.example`: its mail arrives where the member reads. It is listed like any contact and linked to
    /// nothing; `Contact.test` tells it, and funnel and statistics leave it out. Asking again makes a further one, at
    /// `+client2` and so on, at most 20 for one address. Needs `contacts.write`.
    async fn create_test_client(&self, ctx: &Context<'_>) -> Result<ContactPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::CreateTestClient)?;
        let id = scope.principal().and_then(Principal::member);
        let member = match id {
            Some(id) => scope.member(id).await?,
            None => None,
        };
        let member = member.ok_or_else(|| Fault::internal("a member's token is of nobody"))?;
        let request = scope.ask(wire::CreateTestClientRequest {
            email: member.0.email,
            name: member.0.display_name,
        });
        ContactPayload::new(
            answer(scope.backends.contacts.clone().create_test_client(request).await)?,
            scope,
        )
    }

    /// Changes a contact. A field left out stays, null clears. Needs `contacts.write`.
    async fn update_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateContactInput,
    ) -> Result<ContactPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::UpdateContact)?;
        let request = scope.ask(input.into_wire());
        ContactPayload::new(
            answer(scope.backends.contacts.clone().update_contact(request).await)?,
            scope,
        )
    }

    /// Switches a contact on or off. One that is off keeps history and address and loses access at once. Needs
    /// `contacts.write`.
    async fn set_contact_active(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The contact, and what it shall be.")] input: SetContactActiveInput,
    ) -> Result<ContactPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::SetContactActive)?;
        let request = scope.ask(input.into_wire());
        ContactPayload::new(
            answer(scope.backends.contacts.clone().set_contact_active(request).await)?,
            scope,
        )
    }

    /// Makes an account, with its links. Needs `contacts.write`.
    async fn create_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] input: CreateAccountInput,
    ) -> Result<AccountPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::CreateAccount)?;
        let request = scope.ask(input.into_wire());
        AccountPayload::new(
            answer(scope.backends.contacts.clone().create_account(request).await)?,
            scope,
        )
    }

    /// Changes an account. A field left out stays, null clears. Needs `contacts.write`.
    async fn update_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateAccountInput,
    ) -> Result<AccountPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::UpdateAccount)?;
        let request = scope.ask(input.into_wire());
        AccountPayload::new(
            answer(scope.backends.contacts.clone().update_account(request).await)?,
            scope,
        )
    }

    /// Links a contact to an account. Needs `contacts.write`.
    async fn link_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Account, contact and toggles.")] input: LinkContactInput,
    ) -> Result<AccountPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::LinkContact)?;
        let request = scope.ask(input.into_wire());
        AccountPayload::new(
            answer(scope.backends.contacts.clone().link_contact(request).await)?,
            scope,
        )
    }

    /// Takes the link between a contact and an account away. Needs `contacts.write`.
    async fn unlink_contact(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Account and contact.")] input: UnlinkContactInput,
    ) -> Result<AccountPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::UnlinkContact)?;
        let request = scope.ask(input.into_wire());
        AccountPayload::new(
            answer(scope.backends.contacts.clone().unlink_contact(request).await)?,
            scope,
        )
    }
}
