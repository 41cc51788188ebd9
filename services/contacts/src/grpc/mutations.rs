//! Requests that change something.

use tonic::Status;
use usher_proto::contacts::v1 as pb;
use usher_proto::{id_from, timestamp};
use usher_types::{AccountId, AccountKind, ContactId};

use super::answer;
use super::failure::refused;
use super::request::{change, name};
use crate::app::{App, Caller, ChangedAccount, Created, Failure, Shown, ToggleInput, attempt};
use crate::domain::account::AccountChange;
use crate::domain::account_draft::AccountDraft;
use crate::domain::contact_change::ContactChangeInput;
use crate::domain::contact_draft::ContactInput;
use crate::domain::link::{LinkInput, MemberInput};
use crate::domain::refusal::{AccountCode, ContactCode, Refusal};
use crate::storage::links::ToggleChange;
use crate::storage::view::View;

pub(super) async fn create_contact(
    app: &App,
    caller: &Caller,
    request: pb::CreateContactRequest,
) -> Result<pb::ContactReply, Status> {
    let input = ContactInput {
        role: name(&request.role, "role")?,
        first_name: request.first_name,
        last_name: request.last_name,
        email: request.email,
        phone: request.phone,
        notes: request.notes,
        tags: request.tags,
        external_id: request.external_id,
        accounts: request.accounts.into_iter().map(account_link).collect(),
        invite: request.invite,
        message: request.message,
        test: false,
    };
    created_reply(app, attempt(|| app.create_contact(caller, input.clone())).await)
}

pub(super) async fn create_test_client(
    app: &App,
    caller: &Caller,
    request: pb::CreateTestClientRequest,
) -> Result<pb::ContactReply, Status> {
    created_reply(
        app,
        app.create_test_client(caller, &request.email, &request.name)
            .await,
    )
}

fn created_reply(
    app: &App,
    created: Result<Created, Failure<ContactCode>>,
) -> Result<pb::ContactReply, Status> {
    match created {
        Ok(created) => Ok(pb::ContactReply {
            contact: Some(answer::contact(created.view, Shown::Full, app.now())),
            refusals: Vec::new(),
            invite_key: created.invite_key,
        }),
        Err(failure) => contact_reply(app, Err(failure)),
    }
}

pub(super) async fn update_contact(
    app: &App,
    caller: &Caller,
    request: pb::UpdateContactRequest,
) -> Result<pb::ContactReply, Status> {
    let input = ContactChangeInput {
        role: request
            .role
            .as_deref()
            .map(|role| name(role, "role"))
            .transpose()?,
        first_name: request.first_name,
        last_name: request.last_name,
        email: change(request.email),
        phone: change(request.phone),
        notes: change(request.notes),
        tags: request.tags.map(|list| list.values),
        nulled: request.nulled,
    };
    let Some(id) = id_from::<ContactId>(&request.id) else {
        return contact_reply(app, Err(no_such_contact()));
    };
    let version = request.expected_version;
    contact_reply(
        app,
        attempt(|| app.update_contact(caller, id, version, input.clone())).await,
    )
}

pub(super) async fn set_contact_active(
    app: &App,
    caller: &Caller,
    request: pb::SetContactActiveRequest,
) -> Result<pb::ContactReply, Status> {
    let Some(id) = id_from::<ContactId>(&request.id) else {
        return contact_reply(app, Err(no_such_contact()));
    };
    contact_reply(
        app,
        attempt(|| app.set_contact_active(caller, id, request.active)).await,
    )
}

pub(super) async fn create_account(
    app: &App,
    caller: &Caller,
    request: pb::CreateAccountRequest,
) -> Result<pb::AccountReply, Status> {
    let kind: AccountKind = name(&request.kind, "kind")?;
    let contacts: Vec<MemberInput> = request.contacts.iter().map(member).collect();
    let changed = match AccountDraft::new(&request.name, kind, &request.tags, &contacts) {
        Ok(draft) => attempt(|| app.create_account(caller, draft.clone())).await,
        Err(refusals) => Err(refusals.into()),
    };
    account_reply(changed)
}

pub(super) async fn update_account(
    app: &App,
    caller: &Caller,
    request: pb::UpdateAccountRequest,
) -> Result<pb::AccountReply, Status> {
    let kind = request
        .kind
        .as_deref()
        .map(|kind| name(kind, "kind"))
        .transpose()?;
    let tags = request.tags.as_ref().map(|list| list.values.as_slice());
    let change = AccountChange::new(request.name.as_deref(), kind, tags, &request.nulled);
    let changed = match (id_from::<AccountId>(&request.id), change) {
        (None, _) => Err(no_such_account("id")),
        (_, Err(refusals)) => Err(refusals.into()),
        (Some(id), Ok(change)) => {
            let version = request.expected_version;
            attempt(|| app.update_account(caller, id, version, change.clone())).await
        }
    };
    account_reply(changed)
}

pub(super) async fn link_contact(
    app: &App,
    caller: &Caller,
    request: pb::LinkContactRequest,
) -> Result<pb::AccountReply, Status> {
    let input = member(&request.contact.unwrap_or_default());
    account_reply(match id_from::<AccountId>(&request.account_id) {
        None => Err(no_such_account("accountId")),
        Some(account) => attempt(|| app.link_contact(caller, account, input)).await,
    })
}

pub(super) async fn unlink_contact(
    app: &App,
    caller: &Caller,
    request: pb::UnlinkContactRequest,
) -> Result<pb::AccountReply, Status> {
    let contact = id_from(&request.contact_id);
    account_reply(match id_from::<AccountId>(&request.account_id) {
        None => Err(no_such_account("accountId")),
        Some(account) => attempt(|| app.unlink_contact(caller, account, contact)).await,
    })
}

pub(super) async fn set_toggles(
    app: &App,
    caller: &Caller,
    request: pb::SetTogglesRequest,
) -> Result<pb::SetTogglesReply, Status> {
    let input = ToggleInput {
        accounts: request.account_ids.iter().map(|bytes| id_from(bytes)).collect(),
        contact: request.contact_id.as_ref().map(|bytes| id_from(bytes)),
        except: request
            .except_contact_ids
            .iter()
            .filter_map(|bytes| id_from(bytes))
            .collect(),
        change: ToggleChange {
            login: request.login,
            notify: request.notify,
            email_sync: request.email_sync,
        },
    };
    match attempt(|| app.set_toggles(caller, input.clone())).await {
        Ok(toggled) => Ok(pb::SetTogglesReply {
            since: Some(timestamp(toggled.since)),
            accounts: toggled
                .accounts
                .into_iter()
                .map(|account| answer::account(account, false))
                .collect(),
            contacts: toggled
                .contacts
                .into_iter()
                .map(answer::contact_version)
                .collect(),
            refusals: Vec::new(),
        }),
        Err(failure) => Ok(pb::SetTogglesReply {
            refusals: refused(failure)?,
            ..Default::default()
        }),
    }
}

fn account_link(link: pb::AccountLink) -> LinkInput {
    LinkInput {
        account: link.account_id.as_ref().map(|bytes| id_from(bytes)),
        new_company: link.new_company,
        primary: link.primary,
        login: link.login,
        notify: link.notify,
        email_sync: link.email_sync,
    }
}

fn member(link: &pb::ContactLink) -> MemberInput {
    MemberInput {
        contact: id_from(&link.contact_id),
        primary: link.primary,
        login: link.login,
        notify: link.notify,
        email_sync: link.email_sync,
    }
}

fn contact_reply(app: &App, changed: Result<View, Failure<ContactCode>>) -> Result<pb::ContactReply, Status> {
    let mut reply = pb::ContactReply::default();
    match changed {
        Ok(view) => reply.contact = Some(answer::contact(view, Shown::Full, app.now())),
        Err(failure) => reply.refusals = refused(failure)?,
    }
    Ok(reply)
}

fn account_reply(changed: Result<ChangedAccount, Failure<AccountCode>>) -> Result<pb::AccountReply, Status> {
    match changed {
        Ok(changed) => Ok(pb::AccountReply {
            account: Some(answer::account(changed.account, false)),
            refusals: Vec::new(),
            touched: changed.touched.into_iter().map(answer::contact_version).collect(),
        }),
        Err(failure) => Ok(pb::AccountReply {
            refusals: refused(failure)?,
            ..Default::default()
        }),
    }
}

fn no_such_contact() -> Failure<ContactCode> {
    Refusal::new(ContactCode::NotFound, &["id"], "There is no such contact.").into()
}

fn no_such_account(field: &str) -> Failure<AccountCode> {
    Refusal::new(AccountCode::NotFound, &[field], "There is no such account.").into()
}
