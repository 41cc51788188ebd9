//! What contacts, accounts and links look like on the wire.

use chrono::{DateTime, Utc};
use usher_database::keyset::Page;
use usher_proto::common::v1::PageInfo;
use usher_proto::contacts::v1 as pb;
use usher_proto::{bytes_of, timestamp};
use usher_types::{ContactId, Version};

use crate::app::{Listing, Shown, ShownLink};
use crate::domain::account::Account;
use crate::domain::portal::Portal;
use crate::storage::activity::Line;
use crate::storage::links::Opened;
use crate::storage::view::View;

/// A contact, as much of it as is shown.
pub(super) fn contact(view: View, shown: Shown, now: DateTime<Utc>) -> pb::Contact {
    match shown {
        Shown::Full => full(view, now),
        Shown::Own => own(view, now),
        Shown::Name => name(view),
    }
}

fn full(view: View, now: DateTime<Utc>) -> pb::Contact {
    let portal = portal(&view, now);
    let email_state = view.email_state();
    let display_name = view.contact.display_name();
    let contact = view.contact;
    pb::Contact {
        id: bytes_of(contact.id),
        role: contact.role.as_str().to_owned(),
        first_name: contact.first_name,
        last_name: contact.last_name,
        display_name,
        email: contact.email,
        email_state: email_state.as_str().to_owned(),
        phone: contact.phone,
        notes: contact.notes,
        tags: contact.tags,
        external_id: contact.external_id,
        active: contact.active,
        test: contact.test,
        version: contact.version.counter(),
        created_at: Some(timestamp(contact.created_at)),
        updated_at: Some(timestamp(contact.updated_at)),
        portal: Some(portal),
        raw_version: contact.version.raw(),
    }
}

/// A contact's own: never notes, tags or the external id, nor what members may do (I22).
fn own(view: View, now: DateTime<Utc>) -> pb::Contact {
    let mut contact = full(view, now);
    contact.notes = None;
    contact.tags.clear();
    contact.external_id = None;
    if let Some(portal) = &mut contact.portal {
        portal.actions.clear();
        portal.invited_by = None;
    }
    contact
}

/// Somebody on the same account: the name alone (I22). Texts that say more are empty.
fn name(view: View) -> pb::Contact {
    pb::Contact {
        id: bytes_of(view.contact.id),
        display_name: view.contact.display_name(),
        first_name: view.contact.first_name,
        last_name: view.contact.last_name,
        ..pb::Contact::default()
    }
}

fn portal(view: &View, now: DateTime<Utc>) -> pb::Portal {
    let Portal {
        invited_at,
        invited_by,
        expires_at,
        accepted_at,
        first_signed_in_at,
        last_signed_in_at,
        ..
    } = &view.portal;
    let moment = |at: &Option<DateTime<Utc>>| at.map(timestamp);
    pb::Portal {
        status: view.portal.status(now).as_str().to_owned(),
        actions: view
            .actions(now)
            .iter()
            .map(|action| action.as_str().to_owned())
            .collect(),
        login_enabled: view.login().enabled(),
        pending_activation: view.pending_activation(),
        invited_at: moment(invited_at),
        invited_by: invited_by.clone(),
        expires_at: moment(expires_at),
        accepted_at: moment(accepted_at),
        first_signed_in_at: moment(first_signed_in_at),
        last_signed_in_at: moment(last_signed_in_at),
    }
}

/// An account; its tags are the firm's own (I22).
pub(super) fn account(account: Account, for_contact: bool) -> pb::Account {
    pb::Account {
        id: bytes_of(account.id),
        portal_status: account.portal_status().to_owned(),
        name: account.name,
        kind: account.kind.as_str().to_owned(),
        tags: if for_contact { Vec::new() } else { account.tags },
        version: account.version.counter(),
        created_at: Some(timestamp(account.created_at)),
        updated_at: Some(timestamp(account.updated_at)),
    }
}

/// A link with its account. Of others' links a contact sees who is primary, and no toggles.
pub(super) fn link(shown: ShownLink) -> pb::Link {
    let toggles = shown.link.toggles;
    let with_toggles = shown.shown != Shown::Name;
    pb::Link {
        id: bytes_of(shown.link.id),
        account_id: bytes_of(shown.link.account),
        contact_id: bytes_of(shown.link.contact),
        primary: toggles.primary,
        login: toggles.login && with_toggles,
        notify: toggles.notify && with_toggles,
        email_sync: toggles.email_sync && with_toggles,
        account: Some(account(shown.account, shown.shown != Shown::Full)),
    }
}

pub(super) fn contact_version((contact, version): (ContactId, Version)) -> pb::ContactVersion {
    pb::ContactVersion {
        contact_id: bytes_of(contact),
        raw_version: version.raw(),
    }
}

/// What decides about a contact, for invitations.
pub(super) fn walked(view: View, opened: Vec<Opened>) -> pb::WalkedContact {
    let email_state = view.email_state();
    let contact = view.contact;
    pb::WalkedContact {
        id: bytes_of(contact.id),
        raw_version: contact.version.raw(),
        role: contact.role.as_str().to_owned(),
        active: contact.active,
        links: contact.links,
        links_with_login: contact.links_with_login,
        email: contact.email,
        email_canonical: contact.email_canonical,
        email_state: email_state.as_str().to_owned(),
        email_duplicate: contact.email_duplicate,
        test: contact.test,
        first_name: contact.first_name,
        last_name: contact.last_name,
        locale: contact.locale,
        time_zone: contact.time_zone,
        opened: opened.into_iter().map(opened_account).collect(),
    }
}

fn opened_account(opened: Opened) -> pb::OpenedAccount {
    pb::OpenedAccount {
        id: bytes_of(opened.account),
        name: opened.name,
        at: opened.at.map(timestamp),
    }
}

pub(super) fn activity(line: Line) -> pb::Activity {
    pb::Activity {
        id: bytes_of(line.id),
        at: Some(timestamp(line.at)),
        actor: line.actor,
        action: line.action,
        summary: line.summary,
    }
}

/// A page's nodes and what is known about its place.
pub(super) fn page<T, U>(listing: Listing<T>, node: impl Fn(T) -> U) -> (Vec<U>, PageInfo) {
    let Page {
        edges,
        has_next_page,
        has_previous_page,
    } = listing.page;
    let (cursors, nodes) = edges
        .into_iter()
        .map(|edge| (edge.cursor, node(edge.node)))
        .unzip();
    let info = PageInfo {
        has_next_page,
        has_previous_page,
        cursors,
        total: listing.total,
    };
    (nodes, info)
}
