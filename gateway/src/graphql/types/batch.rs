//! Bulk actions: what one would do, and what one has done.

use async_graphql::{Context, ID, Object};
use bytes::Bytes;
use usher_auth::Operation;
use usher_proto::contacts::v1::{self as contacts, ContactSelection};
use usher_proto::invitations::v1 as wire;
use usher_types::{BatchId, ContactId};

use super::{
    BatchState, Contact, ContactConnection, IneligibleReason, InvitationAction, Moment, PauseReason, Window,
    count, from_wire, moment, required_moment,
};
use crate::fault::Fault;
use crate::graphql::scope::{Scope, answer};
use crate::ids::shown;

/// Whose contacts a group's list shows.
#[derive(Clone, Debug)]
enum Of {
    Preview {
        selection: ContactSelection,
        action: String,
    },
    Batch(Bytes),
}

/// Contacts that an action leaves out for one reason.
#[derive(Clone, Debug)]
pub struct IneligibleGroup {
    row: contacts::IneligibleCount,
    of: Of,
}

impl IneligibleGroup {
    pub(crate) fn of_preview(
        row: contacts::IneligibleCount,
        selection: &ContactSelection,
        action: &str,
    ) -> Self {
        let of = Of::Preview {
            selection: selection.clone(),
            action: action.to_owned(),
        };
        Self { row, of }
    }

    async fn skipped(
        &self,
        scope: &Scope,
        batch: &Bytes,
        page: usher_proto::common::v1::PageRequest,
    ) -> Result<ContactConnection, Fault> {
        let request = scope.ask(wire::ListSkippedRequest {
            batch_id: batch.clone(),
            reason: self.row.reason.clone(),
            page: Some(page),
        });
        let reply = answer(scope.backends.invitations.clone().list_skipped(request).await)?;
        let ids: Vec<Option<ContactId>> = reply
            .contact_ids
            .iter()
            .map(|id| usher_proto::id_from(id))
            .collect();
        let mut page = reply.page.unwrap_or_default();
        let found = scope.contacts(ids.iter().flatten().copied().collect()).await?;
        // a contact that was deleted since keeps its place in the batch and has none in the list
        let mut cursors = std::mem::take(&mut page.cursors).into_iter();
        let mut nodes = Vec::with_capacity(ids.len());
        for id in ids {
            let cursor = cursors.next();
            if let (Some(contact), Some(cursor)) = (id.and_then(|id| found.get(&id)), cursor) {
                nodes.push(contact.clone());
                page.cursors.push(cursor);
            }
        }
        Ok(ContactConnection::new(nodes, Some(page)))
    }
}

/// A page of those whom an action leaves out for a reason; of those whom it reaches where there is none.
pub(super) async fn previewed(
    scope: &Scope,
    (selection, action): (&ContactSelection, &str),
    reason: &str,
    page: usher_proto::common::v1::PageRequest,
) -> Result<ContactConnection, Fault> {
    let request = scope.ask(contacts::ListIneligibleRequest {
        selection: Some(selection.clone()),
        action: action.to_owned(),
        reason: reason.to_owned(),
        page: Some(page),
    });
    let reply = answer(scope.backends.contacts.clone().list_ineligible(request).await)?;
    let nodes = reply.contacts.into_iter().map(|row| Contact::new(row, scope));
    Ok(ContactConnection::new(nodes.collect(), reply.page))
}

/// Contacts that an action leaves out for one reason.
#[Object]
impl IneligibleGroup {
    /// Why.
    async fn reason(&self) -> Result<IneligibleReason, Fault> {
        from_wire(&self.row.reason)
    }

    /// How many.
    async fn count(&self) -> i32 {
        count(self.row.count)
    }

    /// Who.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
    ) -> Result<Option<ContactConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListContacts)?;
        let page = Window {
            first,
            after,
            last,
            before,
        }
        .request(ctx)?;
        let connection = match &self.of {
            Of::Preview { selection, action } => {
                previewed(scope, (selection, action), &self.row.reason, page).await?
            }
            Of::Batch(batch) => self.skipped(scope, batch, page).await?,
        };
        Ok(Some(connection))
    }
}

/// total = skipped + queued + sent + failed + cancelled, once every contact of the selection has been looked at.
#[derive(Clone, Debug)]
pub struct InvitationBatch(pub(crate) wire::Batch);

/// total = skipped + queued + sent + failed + cancelled, once every contact of the selection has been looked at.
#[Object]
impl InvitationBatch {
    /// The batch's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<BatchId>(&self.0.id)
    }

    /// What it does.
    async fn action(&self) -> Result<InvitationAction, Fault> {
        from_wire(&self.0.action)
    }

    /// Where it is.
    async fn state(&self) -> Result<BatchState, Fault> {
        from_wire(&self.0.state)
    }

    /// Why it stands still; null where it does not.
    async fn pause_reason(&self) -> Result<Option<PauseReason>, Fault> {
        self.0.pause_reason.as_deref().map(from_wire).transpose()
    }

    /// How many contacts the selection has.
    async fn total(&self) -> i32 {
        count(self.0.total)
    }

    /// Left out, by reason.
    async fn skipped(&self) -> Vec<IneligibleGroup> {
        let group = |row: &contacts::IneligibleCount| IneligibleGroup {
            row: row.clone(),
            of: Of::Batch(self.0.id.clone()),
        };
        self.0.skipped.iter().map(group).collect()
    }

    /// How many wait for their mail.
    async fn queued(&self) -> i32 {
        count(self.0.queued)
    }

    /// How many have been mailed.
    async fn sent(&self) -> i32 {
        count(self.0.sent)
    }

    /// How many could not be mailed.
    async fn failed(&self) -> i32 {
        count(self.0.failed)
    }

    /// By CANCEL, by cancelBatch, or because the invitation ended before its mail went out.
    async fn cancelled(&self) -> i32 {
        count(self.0.cancelled)
    }

    /// How many have chosen a password since.
    async fn accepted(&self) -> i32 {
        count(self.0.accepted)
    }

    /// Who started it.
    async fn created_by(&self) -> &str {
        &self.0.created_by
    }

    /// When it was asked for.
    async fn created_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.created_at)
    }

    /// When it is to start, or was; null where it was to start at once.
    async fn send_at(&self) -> Option<Moment> {
        moment(self.0.send_at)
    }

    /// When it began.
    async fn started_at(&self) -> Option<Moment> {
        moment(self.0.started_at)
    }

    /// Set while a budget of invitation mails holds it: it goes on by itself then. Whoever was not invited yet keeps their status.
    async fn waiting_until(&self) -> Option<Moment> {
        moment(self.0.waiting_until)
    }

    /// A CSV with one line for each contact that was looked at: who, what became of them (where the mail is, SKIPPED, or WAITING for
    /// their own budget) and why, when they were invited, until when, and when they accepted. To be fetched with the caller's
    /// token in the header `Authorization`; needs `contacts.read`.
    async fn results_url(&self, ctx: &Context<'_>) -> Result<Option<String>, Fault> {
        let id = shown::<BatchId>(&self.0.id);
        let base = &Scope::of(ctx)?.backends.public_url;
        Ok(Some(format!("{base}/batches/{}/results.csv", id.0)))
    }

    /// When it was done, or taken back.
    async fn finished_at(&self) -> Option<Moment> {
        moment(self.0.finished_at)
    }
}
