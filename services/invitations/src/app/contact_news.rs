//! What becomes of portal access when a contact changes (I21, I6).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::{ContactFacts, Lane, Withdrawn};
use usher_messaging::enqueue;
use usher_types::{ContactId, EmailState, InvitationId, MailingId, OrganizationId};
use uuid::Uuid;

use super::Failure;
use super::context::App;
use super::issue::{Sending, mailing, withdraw, withdrawals};
use crate::domain::link::InvitationState;
use crate::domain::organization::Organization;
use crate::domain::portal::{Access, Act, Effects, Offer, Person, transition};
use crate::storage::activity::{self, Actor, Line};
use crate::storage::invitation::Ending;
use crate::storage::{access, address, invitation, organization, session};

/// A row, and what is asked for beside it.
type Moved = (Access, Effects);

impl App {
    /// Applies a slice of news. Several about one contact are applied in their order; all rows are written once.
    pub(crate) async fn contacts_changed(
        &self,
        tx: &Transaction,
        news: &[ContactFacts],
    ) -> Result<(), Failure> {
        let now = self.now();
        let mut heard: BTreeMap<ContactId, (OrganizationId, Vec<Person>)> = BTreeMap::new();
        for facts in news {
            let (_, people) = heard
                .entry(facts.id)
                .or_insert_with(|| (facts.organization_id, Vec::new()));
            people.push(Person::from(facts));
        }
        let first = |(contact, (organization, people)): (&ContactId, &(OrganizationId, Vec<Person>))| {
            let person = people.first()?.clone();
            Some(Access::new(*contact, *organization, person))
        };
        let fresh: Vec<Access> = heard.iter().filter_map(first).collect();
        access::insert_unknown(tx, &fresh).await?;
        let before = access::lock_each(tx, heard.iter().map(|(contact, (of, _))| (*of, *contact))).await?;
        let mut moved: BTreeMap<OrganizationId, Vec<Moved>> = BTreeMap::new();
        for row in &before {
            let people = heard.remove(&row.contact).map(|(_, people)| people);
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
        let out: Vec<Uuid> = moved
            .iter()
            .filter(|(_, effects)| effects.sign_out)
            .map(|(row, _)| row.contact.uuid())
            .collect();
        if !out.is_empty() {
            session::end_all(tx, organization, out, "ACCESS_ENDED", now).await?;
        }
        let rows = moved.into_iter().chain(readdressed).map(|(row, _)| row);
        Ok(rows.collect())
    }

    /// Sends new invitations to new addresses; those that cannot be sent to are returned, too, as they were.
    async fn readdress(
        &self,
        tx: &Transaction,
        firm: &Organization,
        rows: Vec<Access>,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Moved>, Vec<Access>), Failure> {
        let addresses: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.person.email_canonical.as_deref())
            .collect();
        let states = address::states(tx, firm.id, &addresses).await?;
        let life = TimeDelta::seconds(firm.invitation_life);
        let (mut sent, mut unsent) = (Vec::new(), Vec::new());
        for row in rows {
            let state = row
                .person
                .email_canonical
                .as_ref()
                .and_then(|address| states.get(address));
            let offer = Offer {
                invitation: InvitationId::new(now),
                by: row.invited_by.clone().unwrap_or_default(),
                expires_at: now + life,
                address: state.copied().unwrap_or(EmailState::Valid),
            };
            match transition(row.clone(), Act::Readdress(offer), now) {
                Ok(moved) => sent.push(moved),
                Err(_) => unsent.push(row),
            }
        }
        invitation::bury_older(tx, firm.id, sent.iter().map(|(row, _)| row.contact), now).await?;
        // one sending for each who had invited: mails name one inviter
        let inviter = |(row, _): &Moved| row.invited_by.clone().unwrap_or_default();
        sent.sort_by_key(inviter);
        for moved in sent.chunk_by(|one, other| inviter(one) == inviter(other)) {
            let by = moved.first().map(inviter).unwrap_or_default();
            let sending = Sending {
                mailing: mailing(firm, MailingId::new(now), Some(&by), None),
                lane: Lane::Interactive,
                batch: None,
                by: &by,
                by_id: None,
                life,
                now,
            };
            let replaced: Vec<Withdrawn> = self.issue(tx, &sending, moved).await?;
            enqueue(tx, Lane::Interactive, withdrawals(firm.id, &replaced, now)).await?;
        }
        for (row, _) in &sent {
            let (subject, summary) = (
                row.invitation,
                "The address changed; a new invitation went to the new one",
            );
            log(tx, row, ("invitation.readdressed", summary), subject, now).await?;
        }
        Ok((sent, unsent))
    }
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
    for (row, _) in over() {
        let summary = "The contact changed; the invitation has ended";
        log(tx, row, ("invitation.cancelled", summary), None, now).await?;
    }
    Ok(())
}

async fn log(
    tx: &Transaction,
    row: &Access,
    (action, summary): (&'static str, &str),
    subject: Option<InvitationId>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let actor = Actor {
        kind: "service",
        id: None,
        name: "contacts".to_owned(),
    };
    let line = Line {
        organization: row.organization,
        actor: &actor,
        action,
        contact: Some(row.contact),
        subject: subject.map(Into::into),
        summary: summary.to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}
