//! createContact with `invite`: the wish that contacts wrote together with the contact. The gateway's direct call has the same
//! key, and one of the two does nothing.

use usher_auth::Permission;
use usher_database::Transaction;
use usher_events::Invite;

use super::chunk::Job;
use super::context::App;
use super::round::Chunk;
use super::selection::Walked;
use super::start_batch::new_batch;
use super::{Failure, StartBatch};
use crate::domain::portal::Person;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::idempotency::{self, Key};
use crate::storage::{batch, member, organization};

impl App {
    /// Invites the contact, unless that was done, or is not possible or permitted any more.
    pub(crate) async fn invite(&self, tx: &Transaction, invite: Invite) -> Result<(), Failure> {
        let now = self.now();
        let found = member::find(tx, invite.organization_id, invite.member_id).await?;
        let Some(member) =
            found.filter(|member| member.active && member.permissions.contains(Permission::PortalInvite))
        else {
            return Ok(());
        };
        let firm = organization::find(tx, invite.organization_id).await?;
        let Some(firm) = firm.filter(|firm| firm.portal_enabled) else {
            return Ok(());
        };
        let start = wish(&invite);
        let actor = Actor::of_member(&member);
        let mut new = new_batch(&start, &actor, firm.id, now);
        new.created_by_id = Some(member.id);
        new.responsible = new.created_by_id;
        new.walked = true;
        new.expected = 1;
        new.started_at = Some(now);
        let key = Key {
            organization: firm.id,
            owner: member.id.uuid(),
            text: &invite.idempotency_key,
        };
        if !idempotency::take_if_free(tx, &key, &start.hash(), new.id, now).await? {
            return Ok(());
        }
        batch::insert(tx, &new).await?;
        let job = Job {
            batch: &new,
            organization: &firm,
            inviter_address: member.address(),
            now,
        };
        let walked = Walked {
            contact: invite.contact_id,
            person: Person::from(&invite.contact),
            email_state: invite.contact.email_state,
            opened: Vec::new(),
        };
        let outcome = self.work_on(tx, &job, Chunk::whole(vec![walked])).await?;
        outcome.settle(tx, &new, true).await?;
        if outcome.eligible == 0 {
            batch::finish(tx, new.of(), usher_types::BatchState::Done, now).await?;
        }
        let line = Line {
            organization: firm.id,
            actor: &actor,
            action: "invitations.sent",
            contact: Some(invite.contact_id),
            subject: Some(new.id.uuid()),
            summary: "Sent invitations".to_owned(),
        };
        Ok(activity::write(tx, line, now).await?)
    }
}

/// The same input as the direct call's.
fn wish(invite: &Invite) -> StartBatch {
    StartBatch {
        message: invite.message.clone(),
        key: Some(invite.idempotency_key.clone()),
        ..StartBatch::to([invite.contact_id])
    }
}
