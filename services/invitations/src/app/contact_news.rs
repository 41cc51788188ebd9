//! What becomes of portal access when a contact changes (I21, I6).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::{ContactFacts, Lane, Withdrawn};
use usher_messaging::enqueue;
use usher_types::{ContactId, OrganizationId, Version};

use super::Failure;
use super::context::App;
use super::email_change::tell;
use super::issue::{withdraw, withdrawals, withdrawn_notice};
use super::readdress::log;
use super::resync::restated;
use crate::domain::link::InvitationState;
use crate::domain::portal::{Access, Act, Effects, Person, transition};
use crate::storage::invitation::Ending;
use crate::storage::{access, invitation, organization, session};

/// A row, and what is asked for beside it.
pub(super) type Moved = (Access, Effects);

impl App {
    /// Applies a slice of news. Several about one contact are applied in their order; all rows are written once.
    pub(crate) async fn contacts_changed(
        &self,
        tx: &Transaction,
        news: &[ContactFacts],
    ) -> Result<(), Failure> {
        let now = self.now();
        let mut heard: BTreeMap<(OrganizationId, ContactId), Vec<Person>> = BTreeMap::new();
        for facts in news {
            let of = (facts.organization_id, facts.id);
            heard.entry(of).or_default().push(Person::from(facts));
        }
        let fresh = heard.iter().filter_map(|((organization, contact), people)| {
            Some(Access::new(*contact, *organization, people.first()?.clone()))
        });
        let fresh: Vec<Access> = fresh.collect();
        access::insert_unknown(tx, &fresh).await?;
        let before = access::lock_each(tx, heard.keys().copied()).await?;
        // whoever is made in a later epoch was forgotten here by a restore: contacts remembers what is not so any more
        let forgotten = before
            .iter()
            .filter(|row| row.version > Version::FIRST && fresh.contains(row));
        let forgotten: Vec<Access> = forgotten.cloned().collect();
        enqueue(tx, Lane::Bulk, restated(&forgotten, now)).await?;
        let mut moved: BTreeMap<OrganizationId, Vec<Moved>> = BTreeMap::new();
        for row in &before {
            let people = heard.remove(&(row.organization, row.contact));
            let act = Act::Hear(people.unwrap_or_default());
            let row = transition(row.clone(), act, now).map_err(|_| Failure::broken("news was refused"))?;
            moved.entry(row.0.organization).or_default().push(row);
        }
        let mut rows = Vec::with_capacity(before.len());
        for (organization, moved) in moved {
            rows.extend(self.follow(tx, organization, moved, now).await?);
        }
        let before: HashMap<ContactId, Access> = before.into_iter().map(|row| (row.contact, row)).collect();
        rows.retain(|row| before.get(&row.contact) != Some(row));
        Ok(access::save(tx, &rows).await?)
    }

    /// Does what news of one organization's contacts asks for; the rows as they are then are returned.
    async fn follow(
        &self,
        tx: &Transaction,
        organization: OrganizationId,
        moved: Vec<Moved>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Access>, Failure> {
        let (elsewhere, mut moved): (Vec<Moved>, Vec<Moved>) =
            moved.into_iter().partition(|(_, effects)| effects.elsewhere);
        let mut readdressed = Vec::new();
        if !elsewhere.is_empty() {
            let rows = elsewhere.into_iter().map(|(row, _)| row).collect();
            let firm = organization::find(tx, organization).await?;
            let (sent, unsent) = match firm.filter(|firm| firm.portal_enabled) {
                Some(firm) => self.readdress(tx, &firm, rows, now).await?,
                None => (Vec::new(), rows),
            };
            readdressed = sent;
            // the old link is dead in any case
            let over = unsent
                .into_iter()
                .map(|row| transition(row, Act::Cancel, now).ok());
            moved.extend(over.flatten());
        }
        end_invitations(tx, organization, &moved, now).await?;
        tell(tx, organization, &moved, now).await?;
        self.ask_to_confirm(tx, organization, &moved, now).await?;
        shut_out(tx, organization, &moved, now).await?;
        let rows = moved.into_iter().chain(readdressed).map(|(row, _)| row);
        Ok(rows.collect())
    }
}

/// Signs those out whose access has ended. Mails that were to tell them of further accounts do not go out.
async fn shut_out(
    tx: &Transaction,
    organization: OrganizationId,
    moved: &[Moved],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let out = moved.iter().filter(|(_, effects)| effects.sign_out);
    let out: Vec<ContactId> = out.map(|(row, _)| row.contact).collect();
    if out.is_empty() {
        return Ok(());
    }
    let subjects = out.iter().map(|contact| contact.uuid());
    session::end_all(tx, organization, subjects, "ACCESS_ENDED", now).await?;
    let notices = invitation::take_back_notices_of(tx, organization, &out, now).await?;
    let gone: Vec<Withdrawn> = notices.into_iter().map(withdrawn_notice).collect();
    Ok(enqueue(tx, Lane::Interactive, withdrawals(organization, &gone, now)).await?)
}

/// Ends invitations, and says so in the log.
async fn end_invitations(
    tx: &Transaction,
    organization: OrganizationId,
    moved: &[Moved],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let over = || moved.iter().filter(|(_, effects)| effects.ended.is_some());
    if over().next().is_none() {
        return Ok(());
    }
    let ending = Ending {
        state: InvitationState::Cancelled,
        at: now,
        by_batch: None,
    };
    let pairs = over().map(|(row, effects)| (row, effects));
    withdraw(tx, (organization, Lane::Interactive), pairs, ending).await?;
    let summary = "The contact changed; the invitation has ended";
    let about = over().map(|(row, _)| (row, None));
    log(tx, about, ("invitation.cancelled", summary), now).await
}
