//! What becomes of portal access when a contact changes (I21, I6).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::Transaction;
use usher_events::{ContactFacts, Lane};
use usher_types::{ContactId, EmailState, InvitationAction, InvitationId, MailingId, OrganizationId};

use super::Failure;
use super::context::App;
use super::issue::{Sending, mailing, withdraw};
use crate::domain::access::{Access, Consequence, Person};
use crate::domain::link::InvitationState;
use crate::domain::organization::Organization;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::invitation::Ending;
use crate::storage::{access, address, invitation, organization, session};

/// What a slice asks for, by organization.
#[derive(Default)]
struct Consequences {
    ended: Vec<(InvitationId, ContactId)>,
    readdressed: Vec<(InvitationId, ContactId)>,
}

impl App {
    /// Applies a slice of news. Several about one contact are applied in their order; all rows are written once.
    pub(crate) async fn contacts_changed(
        &self,
        tx: &Transaction,
        news: &[ContactFacts],
    ) -> Result<(), Failure> {
        let now = self.now();
        let mut fresh: BTreeMap<ContactId, Access> = BTreeMap::new();
        for facts in news {
            fresh
                .entry(facts.id)
                .or_insert_with(|| Access::new(facts.id, facts.organization_id, Person::from(facts)));
        }
        let fresh: Vec<Access> = fresh.into_values().collect();
        access::insert_unknown(tx, &fresh).await?;
        let locked = access::lock(tx, fresh.iter().map(|row| row.contact)).await?;
        let before: HashMap<ContactId, Access> =
            locked.iter().map(|row| (row.contact, row.clone())).collect();
        let mut rows: BTreeMap<ContactId, Access> =
            locked.into_iter().map(|row| (row.contact, row)).collect();
        let mut asked: BTreeMap<OrganizationId, Consequences> = BTreeMap::new();
        let mut signed_out = Vec::new();
        for facts in news {
            let Some(row) = rows.get_mut(&facts.id) else {
                continue;
            };
            let asks = asked.entry(row.organization).or_default();
            match row.contact_changed(Person::from(facts), now) {
                Consequence::None => {}
                Consequence::Ended(id) => {
                    asks.readdressed.retain(|(_, contact)| *contact != row.contact);
                    asks.ended.push((id, row.contact));
                }
                Consequence::Readdress(id) => {
                    asks.readdressed.retain(|(_, contact)| *contact != row.contact);
                    asks.readdressed.push((id, row.contact));
                }
                Consequence::SignOut => signed_out.push(row.contact.uuid()),
            }
        }
        for (organization, asks) in asked {
            self.follow(tx, organization, asks, &mut rows, now).await?;
        }
        if !signed_out.is_empty() {
            session::end_all(tx, signed_out, "ACCESS_ENDED", now).await?;
        }
        let changed: Vec<Access> = rows
            .into_values()
            .filter(|row| before.get(&row.contact) != Some(row))
            .collect();
        Ok(access::save(tx, &changed).await?)
    }

    async fn follow(
        &self,
        tx: &Transaction,
        organization: OrganizationId,
        asks: Consequences,
        rows: &mut BTreeMap<ContactId, Access>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let mut ended = asks.ended;
        if !asks.readdressed.is_empty() {
            let firm = organization::find(tx, organization).await?;
            let unsendable = match firm {
                Some(firm) if firm.portal_enabled => {
                    self.readdress(tx, &firm, asks.readdressed, rows, now).await?
                }
                _ => asks.readdressed,
            };
            // the old link is dead in any case
            for (id, contact) in unsendable {
                if let Some(row) = rows.get_mut(&contact) {
                    row.end();
                    ended.push((id, contact));
                }
            }
        }
        let pairs: Vec<(InvitationId, &Access)> = ended
            .iter()
            .filter_map(|(id, contact)| rows.get(contact).map(|row| (*id, row)))
            .collect();
        if pairs.is_empty() {
            return Ok(());
        }
        let ending = Ending {
            state: InvitationState::Cancelled,
            at: now,
            by_batch: None,
        };
        withdraw(tx, (organization, Lane::Interactive), &pairs, ending).await?;
        let actor = contacts_service();
        for (_, row) in pairs {
            let line = Line {
                organization,
                actor: &actor,
                action: "invitation.cancelled",
                contact: Some(row.contact),
                subject: None,
                summary: "The contact changed; the invitation has ended".to_owned(),
            };
            activity::write(tx, line, now).await?;
        }
        Ok(())
    }

    /// Sends new invitations to new addresses; those that cannot be sent to are returned.
    async fn readdress(
        &self,
        tx: &Transaction,
        firm: &Organization,
        asked: Vec<(InvitationId, ContactId)>,
        rows: &mut BTreeMap<ContactId, Access>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(InvitationId, ContactId)>, Failure> {
        let mut unsendable = Vec::new();
        for (id, contact) in asked {
            let Some(row) = rows.get_mut(&contact) else {
                continue;
            };
            let canonical = row.person.email_canonical.clone().unwrap_or_default();
            let states = address::states(tx, firm.id, &[canonical.as_str()]).await?;
            let state = states.get(&canonical).copied().unwrap_or(EmailState::Valid);
            if row.eligibility(InvitationAction::Resend, state, now).is_err() {
                unsendable.push((id, contact));
                continue;
            }
            invitation::bury_older(tx, [contact], now).await?;
            let by = row.invited_by.clone().unwrap_or_default();
            let sending = Sending {
                mailing: mailing(firm, MailingId::new(now), Some(&by), None),
                lane: Lane::Interactive,
                batch: None,
                by: &by,
                by_id: None,
                life: TimeDelta::seconds(firm.invitation_life),
                now,
            };
            let replaced = self.issue(tx, &sending, std::slice::from_mut(row)).await?;
            let commands = super::issue::withdrawals(firm.id, &replaced, now);
            usher_messaging::enqueue(tx, Lane::Interactive, commands).await?;
            let actor = contacts_service();
            let line = Line {
                organization: firm.id,
                actor: &actor,
                action: "invitation.readdressed",
                contact: Some(contact),
                subject: row.invitation.map(Into::into),
                summary: "The address changed; a new invitation went to the new one".to_owned(),
            };
            activity::write(tx, line, now).await?;
        }
        Ok(unsendable)
    }
}

fn contacts_service() -> Actor {
    Actor {
        kind: "service",
        id: None,
        name: "contacts".to_owned(),
    }
}
