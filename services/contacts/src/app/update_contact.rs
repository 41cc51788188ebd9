//! updateContact: absent stays, null clears, CONFLICT where another version was expected (C16).

use usher_auth::{Denied, Permission};
use usher_database::Transaction;
use usher_types::{ContactId, PortalStatus};

use super::{App, Caller, Failure, address};
use crate::domain::activity::{Activity, action, changed_summary};
use crate::domain::address::Address;
use crate::domain::contact::Contact;
use crate::domain::contact_change::{ContactChange, ContactChangeInput};
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::storage::facts::{self, Speech};
use crate::storage::view::{self, View};
use crate::storage::{activity, contacts, organization, placeholder, portal, search};

/// What is found by search.
const SEARCHED: [&str; 4] = ["firstName", "lastName", "email", "phone"];

impl App {
    /// Changes a contact.
    pub(crate) async fn update_contact(
        &self,
        caller: &Caller,
        id: ContactId,
        expected_version: Option<i64>,
        input: ContactChangeInput,
    ) -> Result<View, Failure<Code>> {
        let change = ContactChange::new(input)?;
        let now = self.now();
        let tx = self.write(caller).await?;
        // Before the contact, as where the list of placeholder domains changes.
        let settings = organization::for_writer(&tx, caller.organization).await?;
        let before = expected(&tx, caller, id, expected_version).await?;
        if let Some(refusal) = change.missing_email(&before) {
            return Err(refusal.into());
        }
        let changed = change.changed(&before);
        if changed.is_empty() {
            return found(&tx, caller, id).await;
        }
        let mut also_changed = Vec::new();
        if let Some(email) = change.new_address(&before) {
            let address = email.map(|email| Address::new(email, &settings.placeholder_domains));
            if let Err(failure) = readdress(&tx, caller, &before, address.as_ref()).await {
                drop(tx);
                return Err(match failure {
                    Failure::Database(error) => {
                        self.lost_race(caller, address.as_ref(), Some(id), error).await
                    }
                    other => other,
                });
            }
            let canonical = address.map(|address| address.canonical);
            if let Some(old) = before
                .email_canonical
                .as_ref()
                .filter(|old| canonical.as_ref() != Some(*old))
            {
                also_changed = placeholder::settle(&tx, caller.organization, old, now).await?;
            }
        }
        let after = Contact {
            version: before.version.next(),
            updated_at: now,
            ..applied(&before, change)
        };
        contacts::update(&tx, &after).await?;
        if after.tags != before.tags {
            contacts::replace_tags(&tx, &after).await?;
        }
        if after.role != before.role {
            super::visible::recount_accounts(&tx, caller.organization, id).await?;
        }
        if changed.iter().any(|field| SEARCHED.contains(field)) {
            search::rebuild(&tx, caller.organization, &[id]).await?;
        }
        let line = caller.activity(now, action::CONTACT_UPDATED, changed_summary(&changed));
        activity::insert(
            &tx,
            &[Activity {
                contact: Some(id),
                ..line
            }],
        )
        .await?;
        also_changed.push(id);
        facts::publish_contacts(&tx, caller.organization, &also_changed, Speech::interactive(now)).await?;
        let view = found(&tx, caller, id).await?;
        tx.commit().await?;
        Ok(view)
    }
}

/// The contact, ours until the transaction ends, in the version that the caller saw.
pub(super) async fn expected(
    tx: &Transaction,
    caller: &Caller,
    id: ContactId,
    version: Option<i64>,
) -> Result<Contact, Failure<Code>> {
    let contact = contacts::lock(tx, caller.organization, [id])
        .await?
        .pop()
        .ok_or_else(missing)?;
    if version.is_some_and(|version| version != contact.version.counter()) {
        let message = "Somebody has changed this contact meanwhile.";
        return Err(Refusal::new(Code::Conflict, &["expectedVersion"], message).into());
    }
    Ok(contact)
}

/// The contact as it is now in this transaction.
pub(super) async fn found(tx: &Transaction, caller: &Caller, id: ContactId) -> Result<View, Failure<Code>> {
    Ok(view::find_one(tx, caller.organization, id)
        .await?
        .ok_or_else(missing)?)
}

pub(super) fn missing() -> Refusal<Code> {
    Refusal::new(Code::NotFound, &["id"], "There is no such contact.")
}

/// Writes another address. For a contact who was invited it decides who gets in, and so needs `portal.invite` too (I6).
async fn readdress(
    tx: &Transaction,
    caller: &Caller,
    before: &Contact,
    address: Option<&Address>,
) -> Result<(), Failure<Code>> {
    let canonical = address.map(|address| address.canonical.as_str());
    let respelled = canonical.is_some() && canonical == before.email_canonical.as_deref();
    if !respelled {
        let status = portal::stored_status(tx, caller.organization, before.id).await?;
        if status != PortalStatus::Waiting && !caller.has(Permission::PortalInvite) {
            return Err(Denied::Forbidden.into());
        }
        if let Some(address) = address
            && let Some(refusal) = address::taken(tx, caller.organization, address, Some(before.id)).await?
        {
            return Err(refusal.into());
        }
    }
    let duplicate = respelled && before.email_duplicate;
    contacts::set_address(tx, before, address, duplicate).await?;
    Ok(())
}

fn applied(before: &Contact, change: ContactChange) -> Contact {
    let contact = before.clone();
    Contact {
        role: change.role.unwrap_or(contact.role),
        first_name: change.first_name.unwrap_or(contact.first_name),
        last_name: change.last_name.unwrap_or(contact.last_name),
        phone: change.phone.unwrap_or(contact.phone),
        notes: change.notes.unwrap_or(contact.notes),
        tags: change.tags.unwrap_or(contact.tags),
        ..contact
    }
}
