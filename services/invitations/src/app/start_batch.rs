//! sendInvitations, resendInvitations, cancelInvitations (I2, I3, I4).

use std::time::Duration;

use chrono::{DateTime, Utc};
use prost::Message;
use sha2::{Digest, Sha256};
use usher_auth::{Permission, Principal, Service};
use usher_database::Transaction;
use usher_events::Lane;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{
    AwaitPortalRequest, ContactSelection, ContactVersion, PreviewSelectionRequest,
};
use usher_proto::{bytes_of, id_from};
use usher_service::grpc;
use usher_types::{BatchId, BatchState, ContactId, InvitationAction, MailingId, OrganizationId};

use super::batch_view::view;
use super::chunk::{Job, Outcome};
use super::context::{App, actor_of, organization_of};
use super::selection::{Walked, ids_of, unknown_ids};
use super::{BatchView, Failure, refuse};
use crate::domain::organization::Organization;
use crate::storage::access;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::batch::{self, Batch};
use crate::storage::idempotency::{self, Key};
use crate::storage::member;

/// Up to so many contacts are worked on before the answer; more are left to the worker.
const AT_ONCE: usize = 100;
/// I17.
const MOST_IDS: usize = 10_000;
const LONGEST_KEY: usize = 255;
/// How long the answer waits for the lists to follow.
const LISTS_MS: i32 = 1000;
/// Two batches over the same people can lock each other out.
const TRIES: usize = 5;

/// The input of one of the three mutations.
#[derive(Clone, Debug)]
pub(crate) struct StartBatch {
    pub(crate) action: InvitationAction,
    pub(crate) selection: ContactSelection,
    pub(crate) message: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) expect_eligible: Option<i64>,
    pub(crate) key: Option<String>,
}

impl StartBatch {
    /// What the same key must come with again. The wire's form has no freedom of its own.
    pub(crate) fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        let texts = [&self.message, &self.subject, &self.body];
        let expected = self.expect_eligible.map(|number| number.to_string());
        for text in texts.into_iter().chain([&expected]) {
            let text = text
                .as_ref()
                .map_or("-".to_owned(), |text| format!("{}:{text}", text.len()));
            hash.update(text.as_bytes());
        }
        hash.update(self.action.as_str().as_bytes());
        hash.update(self.selection.encode_to_vec());
        hash.finalize().to_vec()
    }
}

/// Everything that was found out before the transaction.
struct Plan {
    organization: Organization,
    actor: Actor,
    inviter_address: Option<String>,
    batch: Batch,
    /// The people, where they are few enough to be worked on at once.
    people: Option<Vec<Walked>>,
}

impl App {
    /// Accepts a batch, whatever its size; a small one is worked on before the answer.
    ///
    /// # Errors
    /// Refusals with the codes of `InvitationErrorCode`; PERMISSION_DENIED without `email.bulk` for a bulk selection.
    pub(crate) async fn start_batch(
        &self,
        principal: &Principal,
        start: StartBatch,
    ) -> Result<BatchView, Failure> {
        let organization = grpc::organization(principal)?;
        let owner = principal.member().map(Into::into).unwrap_or_default();
        let hash = start.hash();
        if let Some(known) = self.known_batch(organization, owner, &start, &hash).await? {
            self.follow_known(organization, &start).await?;
            return Ok(known);
        }
        match self.start_new(principal, &start, owner, &hash).await {
            // somebody else was faster with this key, maybe so fast that nobody was left to invite
            Err(failure) => match self.known_batch(organization, owner, &start, &hash).await? {
                Some(known) => {
                    self.follow_known(organization, &start).await?;
                    Ok(known)
                }
                None => Err(failure),
            },
            started => started,
        }
    }

    async fn start_new(
        &self,
        principal: &Principal,
        start: &StartBatch,
        owner: uuid::Uuid,
        hash: &[u8],
    ) -> Result<BatchView, Failure> {
        let plan = self
            .plan(principal, grpc::organization(principal)?, start)
            .await?;
        for _ in 1..TRIES {
            match self.write_batch(&plan, start, owner, hash).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_batch(&plan, start, owner, hash).await
    }

    /// The lists get a moment to follow also where somebody else did the work, as the `Invite` command of a new contact does.
    async fn follow_known(&self, organization: OrganizationId, start: &StartBatch) -> Result<(), Failure> {
        let Some(Of::Ids(ids)) = &start.selection.of else {
            return Ok(());
        };
        let [only] = ids.ids.as_slice() else {
            return Ok(());
        };
        let Some(contact) = id_from::<ContactId>(only) else {
            return Ok(());
        };
        let tx = self.read(organization).await?;
        let row = access::find(&tx, contact).await?;
        drop(tx);
        let moved = row.filter(|row| row.organization == organization);
        let outcome = Outcome {
            moved: moved.iter().map(|row| (contact, row.version.raw())).collect(),
            ..Outcome::default()
        };
        self.follow_up(organization, &outcome).await;
        Ok(())
    }

    /// The batch that this key already stands for.
    async fn known_batch(
        &self,
        organization: OrganizationId,
        owner: uuid::Uuid,
        start: &StartBatch,
        hash: &[u8],
    ) -> Result<Option<BatchView>, Failure> {
        let Some(text) = start.key.as_deref() else {
            return Ok(None);
        };
        if text.is_empty() || text.len() > LONGEST_KEY || text.contains('\0') {
            let message = "a key has 1 to 255 bytes, none of them zero";
            return Err(refuse("INVALID", &["idempotencyKey"], message).into());
        }
        let key = Key {
            organization,
            owner,
            text,
        };
        let tx = self.read(organization).await?;
        match idempotency::find(&tx, &key, self.now()).await? {
            None => Ok(None),
            Some((known, _)) if known != hash => Err(refuse(
                "CONFLICT",
                &["idempotencyKey"],
                "this key was used with another input",
            )
            .into()),
            Some((_, id)) => Ok(view(&tx, organization, id).await?),
        }
    }

    async fn plan(
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
        let bulk = ids.as_ref().is_none_or(|ids| ids.len() > 1);
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
        if start.action != InvitationAction::Cancel && !firm.portal_enabled {
            return Err(refuse("PORTAL_DISABLED", &[], "the portal is switched off").into());
        }
        self.check_texts(&firm, start).await?;
        let now = self.now();
        let mut batch = new_batch(start, &actor, organization, now);
        batch.created_by_id = principal.member();
        batch.needs_bulk = bulk;
        let people = self
            .people(organization, start, ids.as_deref(), &mut batch)
            .await?;
        Ok(Plan {
            organization: firm,
            actor,
            inviter_address: inviter.map(|member| member.email),
            batch,
            people,
        })
    }

    /// Whom it is for: the people themselves where they are few, else their number.
    async fn people(
        &self,
        organization: OrganizationId,
        start: &StartBatch,
        ids: Option<&[usher_types::ContactId]>,
        batch: &mut Batch,
    ) -> Result<Option<Vec<Walked>>, Failure> {
        match ids {
            Some([]) => return Err(nobody()),
            Some(ids) if ids.len() <= AT_ONCE => {
                let people = self.walk_all(organization, start).await?;
                if people.len() < ids.len() {
                    return Err(unknown_ids());
                }
                return Ok(Some(people));
            }
            _ => {}
        }
        let request = PreviewSelectionRequest {
            selection: Some(start.selection.clone()),
            action: start.action.as_str().to_owned(),
        };
        let bearer = self.bearer(Service::Contacts, organization)?;
        let reply = self
            .contacts()
            .preview_selection(bearer.on(request))
            .await?
            .into_inner();
        if !reply.refusals.is_empty() {
            return Err(Failure::Refused(reply.refusals));
        }
        let total = usize::try_from(reply.total).unwrap_or_default();
        if ids.is_some_and(|ids| total < ids.len()) {
            return Err(unknown_ids());
        }
        if total <= AT_ONCE {
            return Ok(Some(self.walk_all(organization, start).await?));
        }
        check_eligible(reply.eligible, start)?;
        batch.expected = reply.total;
        Ok(None)
    }

    async fn walk_all(
        &self,
        organization: OrganizationId,
        start: &StartBatch,
    ) -> Result<Vec<Walked>, Failure> {
        let mut people = Vec::new();
        loop {
            let after = people.last().map(|walked: &Walked| walked.contact);
            let (more, last) = self.walk(organization, &start.selection, after, 1000).await?;
            let empty = more.is_empty();
            people.extend(more);
            if last || empty {
                return Ok(people);
            }
        }
    }

    async fn write_batch(
        &self,
        plan: &Plan,
        start: &StartBatch,
        owner: uuid::Uuid,
        hash: &[u8],
    ) -> Result<BatchView, Failure> {
        let organization = plan.organization.id;
        let mut batch = plan.batch.clone();
        let tx = self.write(organization).await?;
        if let Some(text) = &start.key {
            let key = Key {
                organization,
                owner,
                text,
            };
            idempotency::take(&tx, &key, hash, batch.id, batch.created_at).await?;
        }
        batch.walked = plan.people.is_some();
        batch.started_at = batch.walked.then_some(batch.created_at);
        batch::insert(&tx, &batch).await?;
        let outcome = match &plan.people {
            Some(people) => self.work_at_once(&tx, plan, start, people.clone()).await?,
            None => Outcome::default(),
        };
        log(&tx, plan, &batch).await?;
        let view = view(&tx, organization, batch.id).await?;
        tx.commit().await?;
        if batch.walked {
            self.follow_up(organization, &outcome).await;
        } else {
            self.batches.notify_one();
        }
        view.ok_or_else(|| Failure::broken("a batch that was just written is not there"))
    }

    async fn work_at_once(
        &self,
        tx: &Transaction,
        plan: &Plan,
        start: &StartBatch,
        people: Vec<Walked>,
    ) -> Result<Outcome, Failure> {
        let job = Job {
            batch: &plan.batch,
            organization: &plan.organization,
            inviter_address: plan.inviter_address.as_deref(),
            now: plan.batch.created_at,
        };
        let outcome = self.work_on(tx, &job, people).await?;
        check_eligible(outcome.eligible, start)?;
        if start.action == InvitationAction::Cancel {
            batch::finish(tx, plan.batch.id, BatchState::Done, plan.batch.created_at).await?;
        }
        Ok(outcome)
    }

    /// After the commit: mail that is over is stopped ahead of the queue, and the lists get a moment to follow.
    async fn follow_up(&self, organization: OrganizationId, outcome: &Outcome) {
        let lists = async {
            let contacts = outcome.moved.iter().map(|(contact, version)| ContactVersion {
                contact_id: bytes_of(*contact),
                raw_version: *version,
            });
            let request = AwaitPortalRequest {
                contacts: contacts.collect(),
                within_ms: LISTS_MS,
            };
            if outcome.moved.is_empty() {
                return;
            }
            let Ok(bearer) = self.bearer(Service::Contacts, organization) else {
                return;
            };
            let mut request = bearer.on(request);
            request.set_timeout(Duration::from_millis(1500));
            if let Err(status) = self.contacts().await_portal(request).await {
                tracing::debug!(code = ?status.code(), "the lists follow later");
            }
        };
        tokio::join!(lists, self.cancel_messages(organization, &outcome.withdrawn));
    }
}

fn nobody() -> Failure {
    refuse("NOBODY_ELIGIBLE", &["contacts"], "this reaches nobody").into()
}

fn check_eligible(eligible: i64, start: &StartBatch) -> Result<(), Failure> {
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

pub(crate) fn new_batch(
    start: &StartBatch,
    actor: &Actor,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Batch {
    let few = ids_of(&start.selection)
        .and_then(Result::ok)
        .is_some_and(|ids| ids.len() <= AT_ONCE);
    Batch {
        id: BatchId::new(now),
        organization,
        action: start.action,
        state: BatchState::Running,
        reason: None,
        lane: if few { Lane::Interactive } else { Lane::Bulk },
        selection: start.selection.encode_to_vec(),
        message: start.message.clone(),
        subject: start.subject.clone(),
        body: start.body.clone(),
        expected: 0,
        walked: false,
        last_contact: None,
        mailing: MailingId::new(now),
        created_by: actor.name.clone(),
        created_by_id: None,
        needs_bulk: false,
        created_at: now,
        started_at: None,
        finished_at: None,
        fence: 0,
        tries: 0,
    }
}

async fn log(tx: &Transaction, plan: &Plan, batch: &Batch) -> Result<(), Failure> {
    let (action, summary) = match batch.action {
        InvitationAction::Send => ("invitations.sent", "Sent invitations"),
        InvitationAction::Resend => ("invitations.resent", "Sent invitations again"),
        InvitationAction::Cancel => ("invitations.cancelled", "Took invitations back"),
    };
    let only = match plan.people.as_deref() {
        Some([only]) => Some(only.contact),
        _ => None,
    };
    let line = Line {
        organization: batch.organization,
        actor: &plan.actor,
        action,
        contact: only,
        subject: Some(batch.id.uuid()),
        summary: summary.to_owned(),
    };
    Ok(activity::write(tx, line, batch.created_at).await?)
}
