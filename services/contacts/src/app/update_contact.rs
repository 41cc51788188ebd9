//! updateContact: absent stays, null clears, CONFLICT where another version was expected (C16).

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_auth::{Denied, Permission};
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{ContactId, PortalStatus};

use super::{App, Caller, Failure, address, visible};
use crate::domain::activity::{Activity, action, changed_summary};
use crate::domain::address::Address;
use crate::domain::contact::Contact;
use crate::domain::contact_change::{ContactChange, ContactChangeInput};
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::storage::batch::Batch;
use crate::storage::organization::{self, Organization};
use crate::storage::search::{self, Searched};
use crate::storage::told::Told;
use crate::storage::view::{self, View};
use crate::storage::{activity, claim, contacts, facts, placeholder};

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
        let settings = match change.email {
            // Before the contact, as where the list of placeholder domains changes.
            Some(_) => Some(organization::for_writer(&tx, caller.organization).await?),
            None => None,
        };
        let seen = expected(&tx, caller, id, expected_version, settings.is_some()).await?;
        let edit = Edit::new(change, seen, &settings.unwrap_or_default(), now)?;
        if edit.changed.is_empty() {
            return Ok(edit.seen);
        }
        edit.may_have_address(&tx, caller).await?;
        let told = match contacts::update(&tx, &edit.after).await {
            Ok(told) => told,
            Err(error) => {
                drop(tx);
                return Err(self
                    .lost_race(caller, edit.address.as_ref(), Some(id), error)
                    .await);
            }
        };
        edit.write_around(&tx, caller, &told, now).await?;
        let mut all = edit.left_alone(&tx, now).await?;
        all.push(told.clone());
        facts::publish_updates(&tx, Lane::Interactive, &all, now).await?;
        tx.commit().await?;
        Ok(edit.seen.after(told))
    }
}

/// A change of one contact.
struct Edit {
    seen: View,
    after: Contact,
    /// The names of the fields that become different.
    changed: Vec<&'static str>,
    /// What the contact gets, where it gets another address.
    address: Option<Address>,
}

impl Edit {
    fn new(
        change: ContactChange,
        seen: View,
        settings: &Organization,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal<Code>> {
        let before = &seen.contact;
        if let Some(refusal) = change.missing_email(before) {
            return Err(refusal);
        }
        let changed = change.changed(before);
        let new_address = change.new_address(before);
        let listed = &settings.placeholder_domains;
        let address = new_address.map(|email| email.map(|email| Address::new(email, listed)));
        let mut after = Contact {
            version: before.version.next(),
            updated_at: now,
            ..change.applied(before)
        };
        if let Some(address) = &address {
            after = after.with_address(address.as_ref());
        }
        Ok(Self {
            after,
            changed,
            address: address.flatten(),
            seen,
        })
    }

    fn is_readdressed(&self) -> bool {
        self.after.email_canonical != self.seen.contact.email_canonical
    }

    /// Another address must be free. For a contact who was invited it decides who gets in, and so needs `portal.invite` too
    /// (I6).
    async fn may_have_address(&self, tx: &Transaction, caller: &Caller) -> Result<(), Failure<Code>> {
        if !self.is_readdressed() {
            return Ok(());
        }
        if self.seen.portal.stored != PortalStatus::Waiting && !caller.has(Permission::PortalInvite) {
            return Err(Denied::Forbidden.into());
        }
        let Some(address) = &self.address else {
            return Ok(());
        };
        let by = Some(self.after.id);
        let claim = claim::find(tx, caller.organization, &address.canonical, by).await?;
        address::taken(address, claim).map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// Tags, accounts, search and activity, after the contact's own row.
    async fn write_around(
        &self,
        tx: &Transaction,
        caller: &Caller,
        told: &Told,
        now: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        let mut batch = Batch::new(tx);
        contacts::retag(&mut batch, &self.seen.contact, &self.after);
        visible::recount_accounts(tx, &mut batch, &self.seen.contact, &self.after).await?;
        if self.changed.iter().any(|field| SEARCHED.contains(field)) {
            search::write(&mut batch, [Searched::from(told)]);
        }
        let line = Activity {
            contact: Some(self.after.id),
            ..caller.activity(now, action::CONTACT_UPDATED, changed_summary(&self.changed))
        };
        activity::insert(&mut batch, &[line]);
        batch.run(tx).await
    }

    /// Who shared the former address and now has it alone.
    async fn left_alone(&self, tx: &Transaction, now: DateTime<Utc>) -> Result<Vec<Told>, DbErr> {
        let before = &self.seen.contact;
        match &before.email_canonical {
            Some(canonical) if before.email_duplicate && self.is_readdressed() => {
                placeholder::settle(tx, before.organization, canonical, now).await
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// The contact, ours until the transaction ends, in the version that the caller saw. `still`: see [`view::lock`].
pub(super) async fn expected(
    tx: &Transaction,
    caller: &Caller,
    id: ContactId,
    version: Option<i64>,
    still: bool,
) -> Result<View, Failure<Code>> {
    let seen = view::lock(tx, caller.organization, id, still).await?;
    let missing = || Refusal::new(Code::NotFound, &["id"], "There is no such contact.");
    let seen = seen.ok_or_else(missing)?;
    if version.is_some_and(|version| version != seen.contact.version.counter()) {
        let message = "Somebody has changed this contact meanwhile.";
        return Err(Refusal::new(Code::Conflict, &["expectedVersion"], message).into());
    }
    Ok(seen)
}
