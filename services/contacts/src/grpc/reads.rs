//! Requests that only read.

use tonic::Status;
use usher_proto::contacts::v1 as pb;
use usher_service::grpc::invalid;

use super::failure::status;
use super::request::{id, ids, name, names, window};
use super::{answer, filter};
use crate::app::{App, Caller, LinksBy, Shown};
use crate::domain::filter::{SEARCH, VALUES};
use crate::domain::order::{ContactOrder, OrderField};
use crate::domain::search::words;
use crate::storage::list::{ContactList, Listed};
use crate::storage::list_accounts::{AccountFilter, AccountList};

pub(super) async fn list_contacts(
    app: &App,
    caller: &Caller,
    request: pb::ListContactsRequest,
) -> Result<pb::ListContactsReply, Status> {
    let list = ContactList {
        organization: caller.organization,
        listed: Listed::Filter(filter::filter(request.filter.as_ref())?),
        order: order(request.order.as_ref())?,
    };
    contacts(app, caller, &list, request.page).await
}

/// One page of any list of contacts.
pub(super) async fn contacts(
    app: &App,
    caller: &Caller,
    list: &ContactList,
    page: Option<usher_proto::common::v1::PageRequest>,
) -> Result<pb::ListContactsReply, Status> {
    let listing = app
        .list_contacts(caller, list, window(page)?)
        .await
        .map_err(status)?;
    let now = listing.now;
    let (contacts, page) = answer::page(listing, |view| answer::contact(view, Shown::Full, now));
    Ok(pb::ListContactsReply {
        contacts,
        page: Some(page),
    })
}

fn order(given: Option<&pb::ContactOrder>) -> Result<ContactOrder, Status> {
    let Some(given) = given else {
        return Ok(ContactOrder::default());
    };
    let field: OrderField = name(&given.field, "order")?;
    Ok(ContactOrder {
        field,
        descending: given.descending,
    })
}

pub(super) async fn list_accounts(
    app: &App,
    caller: &Caller,
    request: pb::ListAccountsRequest,
) -> Result<pb::ListAccountsReply, Status> {
    let list = AccountList {
        organization: caller.organization,
        filter: account_filter(&request)?,
    };
    let listing = app
        .list_accounts(caller, &list, window(request.page)?)
        .await
        .map_err(status)?;
    let (accounts, page) = answer::page(listing, |account| answer::account(account, false));
    Ok(pb::ListAccountsReply {
        accounts,
        page: Some(page),
    })
}

fn account_filter(request: &pb::ListAccountsRequest) -> Result<AccountFilter, Status> {
    let search = request.search.as_deref().unwrap_or_default();
    if search.chars().count() > SEARCH {
        return Err(invalid(format!("a search can have at most {SEARCH} characters")));
    }
    if request.kinds.len() > VALUES || request.tags.len() > VALUES {
        return Err(invalid(format!(
            "a list in a filter can have at most {VALUES} values"
        )));
    }
    let kinds_given = request.kinds_given || !request.kinds.is_empty();
    let tags_given = request.tags_given || !request.tags.is_empty();
    let trimmed = || {
        request
            .tags
            .iter()
            .map(|tag| tag.trim().replace('\0', ""))
            .collect()
    };
    Ok(AccountFilter {
        words: words(search),
        kinds: if kinds_given {
            Some(names(&request.kinds, "kind")?)
        } else {
            None
        },
        tags: tags_given.then(trimmed),
        portal_active: match request.portal_status.as_deref() {
            None => None,
            Some("ACTIVE") => Some(true),
            Some("OFFLINE") => Some(false),
            Some(_) => return Err(invalid("portal status is not known")),
        },
    })
}

pub(super) async fn list_activity(
    app: &App,
    caller: &Caller,
    request: pb::ListActivityRequest,
) -> Result<pb::ListActivityReply, Status> {
    let contact = id(&request.contact_id, "contact_id")?;
    let listing = app
        .list_activity(caller, contact, window(request.page)?)
        .await
        .map_err(status)?;
    let (activities, page) = answer::page(listing, answer::activity);
    Ok(pb::ListActivityReply {
        activities,
        page: Some(page),
    })
}

pub(super) async fn get_contacts(
    app: &App,
    caller: &Caller,
    request: pb::BatchGetRequest,
) -> Result<pb::BatchGetContactsReply, Status> {
    let found = app
        .get_contacts(caller, &ids(&request.ids)?)
        .await
        .map_err(status)?;
    let now = app.now();
    let contacts = found
        .into_iter()
        .map(|(view, shown)| answer::contact(view, shown, now))
        .collect();
    Ok(pb::BatchGetContactsReply { contacts })
}

pub(super) async fn get_accounts(
    app: &App,
    caller: &Caller,
    request: pb::BatchGetRequest,
) -> Result<pb::BatchGetAccountsReply, Status> {
    let found = app
        .get_accounts(caller, &ids(&request.ids)?)
        .await
        .map_err(status)?;
    let for_contact = caller.contact().is_some();
    let accounts = found
        .into_iter()
        .map(|account| answer::account(account, for_contact))
        .collect();
    Ok(pb::BatchGetAccountsReply { accounts })
}

pub(super) async fn get_links(
    app: &App,
    caller: &Caller,
    by: LinksBy,
) -> Result<pb::BatchGetLinksReply, Status> {
    let found = app.get_links(caller, &by).await.map_err(status)?;
    Ok(pb::BatchGetLinksReply {
        links: found.into_iter().map(answer::link).collect(),
    })
}
