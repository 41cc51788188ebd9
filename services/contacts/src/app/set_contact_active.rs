//! setContactActive (C4): an inactive contact keeps history and address and loses access at once.

use usher_types::{ContactId, EmailState};

use super::update_contact::{expected, found};
use super::{App, Caller, Failure, visible};
use crate::domain::activity::{Activity, action};
use crate::domain::contact::Contact;
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::storage::facts::{self, Speech};
use crate::storage::view::View;
use crate::storage::{activity, contacts};

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
        let before = expected(&tx, caller, id, None).await?;
        if before.active == active {
            return found(&tx, caller, id).await;
        }
        if active
            && before.email_state == EmailState::Valid
            && let Some(canonical) = &before.email_canonical
        {
            let holder = contacts::holder(&tx, caller.organization, canonical, Some(id)).await?;
            if let Some(holder) = holder.filter(|holder| holder.active) {
                let message = "Another contact has this contact's e-mail address now.";
                return Err(Refusal::new(Code::EmailTaken, &["id"], message)
                    .because_of(holder.id)
                    .into());
            }
        }
        let after = Contact {
            active,
            version: before.version.next(),
            updated_at: now,
            ..before
        };
        contacts::update(&tx, &after).await?;
        visible::recount_accounts(&tx, caller.organization, id).await?;
        let (action, summary) = if active {
            (action::CONTACT_ACTIVATED, "Made active")
        } else {
            (action::CONTACT_DEACTIVATED, "Made inactive")
        };
        let line = caller.activity(now, action, summary.to_owned());
        activity::insert(
            &tx,
            &[Activity {
                contact: Some(id),
                ..line
            }],
        )
        .await?;
        facts::publish_contacts(&tx, caller.organization, &[id], Speech::interactive(now)).await?;
        let view = found(&tx, caller, id).await?;
        tx.commit().await?;
        Ok(view)
    }
}
