//! setContactActive (C4): an inactive contact keeps history and address and loses access at once.

use usher_database::Transaction;
use usher_events::Lane;
use usher_types::ContactId;

use super::update_contact::expected;
use super::{App, Caller, Failure, visible};
use crate::domain::activity::{Activity, action};
use crate::domain::contact::Contact;
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::storage::batch::Batch;
use crate::storage::view::View;
use crate::storage::{activity, claim, contacts, facts};

impl App {
    /// Makes a contact active or inactive.
    pub(crate) async fn set_contact_active(
        &self,
        caller: &Caller,
        id: ContactId,
        active: bool,
    ) -> Result<View, Failure<Code>> {
        let now = self.now();
        let tx = self.write(caller).await?;
        let seen = expected(&tx, caller, id, None, false).await?;
        if seen.contact.active == active {
            return Ok(seen);
        }
        if active {
            keeps_address(&tx, &seen.contact).await?;
        }
        let after = Contact {
            active,
            version: seen.contact.version.next(),
            updated_at: now,
            ..seen.contact.clone()
        };
        let told = contacts::update(&tx, &after).await?;
        let mut batch = Batch::new(&tx);
        visible::recount_accounts(&tx, &mut batch, &seen.contact, &after).await?;
        let (action, summary) = if active {
            (action::CONTACT_ACTIVATED, "Made active")
        } else {
            (action::CONTACT_DEACTIVATED, "Made inactive")
        };
        let line = Activity {
            contact: Some(id),
            ..caller.activity(now, action, summary.to_owned())
        };
        activity::insert(&mut batch, &[line]);
        batch.run(&tx).await?;
        facts::publish_updates(&tx, Lane::Interactive, std::slice::from_ref(&told), now).await?;
        tx.commit().await?;
        Ok(seen.after(told))
    }
}

/// EMAIL_TAKEN where another active contact has the address now. Only one of several who share it can be in that place: what a
/// contact has alone nobody else can take, for an inactive contact keeps it (C3, C4).
async fn keeps_address(tx: &Transaction, contact: &Contact) -> Result<(), Failure<Code>> {
    let Some(canonical) = contact
        .email_canonical
        .as_ref()
        .filter(|_| contact.email_duplicate)
    else {
        return Ok(());
    };
    let claim = claim::find(tx, contact.organization, canonical, Some(contact.id)).await?;
    match claim.holder.filter(|holder| holder.active) {
        None => Ok(()),
        Some(holder) => {
            let message = "Another contact has this contact's e-mail address now.";
            let refusal = Refusal::new(Code::EmailTaken, &["id"], message);
            Err(refusal.because_of(holder.id).into())
        }
    }
}
