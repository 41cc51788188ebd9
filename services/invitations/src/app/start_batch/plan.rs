//! What is found out before anything is written.

use chrono::{DateTime, TimeDelta, Utc};
use prost::Message;
use usher_auth::{Permission, Principal, Service};
use usher_proto::contacts::v1::{ContactSelection, PreviewSelectionRequest, SizeSelectionReply};
use usher_service::grpc;
use usher_types::{ContactId, InvitationAction, OrganizationId};

use super::write::new_batch;
use super::{AT_ONCE, StartBatch};
use crate::app::context::{actor_of, organization_of};
use crate::app::selection::{Walked, ids_of, is_bulk, unknown_ids};
use crate::app::{App, Failure, refuse};
use crate::domain::organization::Organization;
use crate::storage::activity::Actor;
use crate::storage::batch::Batch;
use crate::storage::member;

const LONGEST_WAIT: TimeDelta = TimeDelta::days(366);
/// I17.
const MOST_IDS: usize = 10_000;

/// Everything that was found out before the transaction.
pub(super) struct Plan {
    pub(super) actor: Actor,
    pub(super) inviter_address: Option<String>,
    pub(super) batch: Batch,
    /// The people, where they are few enough to be worked on at once.
    pub(super) people: Option<Vec<Walked>>,
}

impl App {
    /// Checks what can be checked, and looks at whom it is for.
    pub(super) async fn plan(
        &self,
        principal: &Principal,
        organization: OrganizationId,
        start: &StartBatch,
    ) -> Result<Plan, Failure> {
        let ids = ids_of(&start.selection).transpose()?;
        if ids.as_ref().is_some_and(|ids| ids.len() > MOST_IDS) {
            let message = "at most 10,000 ids in one selection; a filter takes any number";
            return Err(refuse("LIMIT_REACHED", &["contacts", "ids"], message).into());
        }
        let bulk = is_bulk(&start.selection, ids.as_deref());
        if bulk && !principal.has(Permission::EmailBulk) {
            return Err(grpc::denied(usher_auth::Denied::Forbidden).into());
        }
        let tx = self.read(organization).await?;
        let firm = organization_of(&tx, organization).await?;
        let actor = actor_of(&tx, organization, principal).await?;
        let inviter = match principal.member() {
            Some(id) => member::find(&tx, organization, id).await?,
            None => None,
        };
        drop(tx);
        if start.action != InvitationAction::Cancel {
            check_portal(&firm)?;
        }
        let texts = [&start.subject, &start.body, &start.message];
        self.check_texts(&firm, texts).await?;
        let now = self.now();
        check_time(start.send_at, now)?;
        let mut batch = new_batch(start, &actor, organization, now);
        batch.created_by_id = principal.member();
        batch.responsible = batch.created_by_id;
        batch.needs_bulk = bulk;
        let people = self
            .people(organization, start, ids.as_deref(), &mut batch)
            .await?;
        Ok(Plan {
            actor,
            inviter_address: inviter.and_then(|member| member.address().map(str::to_owned)),
            batch,
            people,
        })
    }

    /// Whom it is for: the people themselves where they are few, else their number.
    async fn people(
        &self,
        organization: OrganizationId,
        start: &StartBatch,
        ids: Option<&[ContactId]>,
        batch: &mut Batch,
    ) -> Result<Option<Vec<Walked>>, Failure> {
        match ids {
            Some([]) => return Err(nobody()),
            Some(ids) if ids.len() <= AT_ONCE && start.send_at.is_none() => {
                let people = self.walk_all(organization, &start.selection).await?;
                if people.len() < ids.len() {
                    return Err(unknown_ids());
                }
                return Ok(Some(people));
            }
            _ => {}
        }
        let (found, reached) = self.look_at(organization, start).await?;
        // a segment may change or go while the batch is worked on: what was looked at counts
        let selection = found.resolved.as_ref().unwrap_or(&start.selection);
        batch.selection = selection.encode_to_vec();
        let total = usize::try_from(found.total).unwrap_or_default();
        if ids.is_some_and(|ids| total < ids.len()) {
            return Err(unknown_ids());
        }
        if total <= AT_ONCE && start.send_at.is_none() {
            return Ok(Some(self.walk_all(organization, selection).await?));
        }
        // whom a batch that waits is for is found out at its start
        if start.send_at.is_none() || start.expect_eligible.is_some() {
            check_eligible(reached, start)?;
        }
        batch.expected = found.total;
        Ok(None)
    }

    /// What contacts says of the selection, and how many the action reaches: counting those looks at every contact, so where nobody
    /// asks for the number it is only told whether there is one.
    async fn look_at(
        &self,
        organization: OrganizationId,
        start: &StartBatch,
    ) -> Result<(SizeSelectionReply, i64), Failure> {
        let bearer = self.bearer(Service::Contacts, organization)?;
        let mut contacts = self.contacts();
        let request = bearer.on(PreviewSelectionRequest {
            selection: Some(start.selection.clone()),
            action: start.action.as_str().to_owned(),
        });
        let (found, reached) = if start.expect_eligible.is_some() {
            let preview = contacts.preview_selection(request).await?.into_inner();
            let found = SizeSelectionReply {
                total: preview.total,
                reaches_somebody: preview.eligible > 0,
                refusals: preview.refusals,
                resolved: preview.resolved,
            };
            (found, preview.eligible)
        } else {
            let found = contacts.size_selection(request).await?.into_inner();
            let reached = i64::from(found.reaches_somebody);
            (found, reached)
        };
        match found.refusals.is_empty() {
            true => Ok((found, reached)),
            false => Err(Failure::Refused(found.refusals)),
        }
    }

    async fn walk_all(
        &self,
        organization: OrganizationId,
        selection: &ContactSelection,
    ) -> Result<Vec<Walked>, Failure> {
        let mut people = Vec::new();
        loop {
            let after = people.last().map(|walked: &Walked| walked.contact);
            let (more, last) = self.walk(organization, selection, after, 1000).await?;
            let empty = more.is_empty();
            people.extend(more);
            if last || empty {
                return Ok(people);
            }
        }
    }
}

/// A batch can wait for up to a year (I4).
fn check_time(send_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Failure> {
    let message = match send_at {
        Some(at) if at <= now => "the time to send must be later than now",
        Some(at) if at > now + LONGEST_WAIT => "the time to send must be within a year",
        _ => return Ok(()),
    };
    Err(refuse("INVALID", &["sendAt"], message).into())
}

/// SEND and RESEND need the portal switched on (I3).
pub(crate) fn check_portal(firm: &Organization) -> Result<(), Failure> {
    if firm.portal_enabled {
        return Ok(());
    }
    Err(refuse("PORTAL_DISABLED", &[], "the portal is switched off").into())
}

fn nobody() -> Failure {
    refuse("NOBODY_ELIGIBLE", &["contacts"], "this reaches nobody").into()
}

/// Whether so many are what was asked for (I2).
pub(super) fn check_eligible(eligible: i64, start: &StartBatch) -> Result<(), Failure> {
    match start.expect_eligible {
        Some(expected) if expected != eligible => Err(refuse(
            "CONFLICT",
            &["expectEligible"],
            format!("this now reaches {eligible}"),
        )
        .into()),
        _ if eligible == 0 => Err(nobody()),
        _ => Ok(()),
    }
}
