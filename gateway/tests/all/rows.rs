//! Rows that the stand-ins answer with.

use chrono::TimeDelta;
use usher_proto::common::v1::PageInfo;
use usher_proto::contacts::v1 as contacts;
use usher_proto::invitations::v1 as invitations;
use usher_proto::{bytes_of, timestamp};
use usher_types::{AccountId, ContactId, LinkId};

use super::harness::Harness;

pub fn contact(harness: &Harness, id: ContactId) -> contacts::Contact {
    contacts::Contact {
        id: bytes_of(id),
        role: "CLIENT".to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        display_name: "Ada Lovelace".to_owned(),
        email: Some("ada@example.com".to_owned()),
        email_state: "VALID".to_owned(),
        notes: Some("likes engines".to_owned()),
        tags: vec!["vip".to_owned()],
        active: true,
        version: 1,
        created_at: Some(timestamp(harness.now())),
        updated_at: Some(timestamp(harness.now())),
        portal: Some(contacts::Portal {
            status: "WAITING".to_owned(),
            actions: vec!["SEND".to_owned()],
            login_enabled: true,
            ..contacts::Portal::default()
        }),
        ..contacts::Contact::default()
    }
}

pub fn account(harness: &Harness, id: AccountId) -> contacts::Account {
    contacts::Account {
        id: bytes_of(id),
        name: "Engines Ltd".to_owned(),
        kind: "COMPANY".to_owned(),
        portal_status: "ACTIVE".to_owned(),
        version: 1,
        created_at: Some(timestamp(harness.now())),
        updated_at: Some(timestamp(harness.now())),
        ..contacts::Account::default()
    }
}

/// A list of `count` contacts, each linked to an account of its own.
pub fn list(harness: &Harness, count: i64) -> Vec<ContactId> {
    let ids: Vec<ContactId> = (0..count)
        .map(|n| ContactId::new(harness.now() + TimeDelta::milliseconds(n)))
        .collect();
    let rows: Vec<contacts::Contact> = ids.iter().map(|id| contact(harness, *id)).collect();
    let now = harness.now();
    let row = account(harness, AccountId::new(now));
    harness
        .fakes
        .on("ListContacts", move |question: contacts::ListContactsRequest| {
            Ok(contacts::ListContactsReply {
                page: Some(PageInfo {
                    cursors: (0..rows.len()).map(|n| n.to_string()).collect(),
                    has_next_page: true,
                    total: question.page.filter(|page| page.with_total).map(|_| 1234),
                    ..PageInfo::default()
                }),
                contacts: rows.clone(),
            })
        })
        .on("LinksOfContacts", move |question: contacts::BatchGetRequest| {
            let link = |contact_id| contacts::Link {
                id: bytes_of(LinkId::new(now)),
                account_id: row.id.clone(),
                contact_id,
                login: true,
                account: Some(row.clone()),
                ..contacts::Link::default()
            };
            Ok(contacts::BatchGetLinksReply {
                links: question.ids.into_iter().map(link).collect(),
            })
        })
        .on(
            "BatchGetPortalAccess",
            |question: invitations::BatchGetRequest| {
                let access = |contact_id| invitations::PortalAccess {
                    contact_id,
                    delivery: Some("SENT".to_owned()),
                    ..invitations::PortalAccess::default()
                };
                Ok(invitations::BatchGetPortalAccessReply {
                    access: question.ids.into_iter().map(access).collect(),
                })
            },
        );
    ids
}
