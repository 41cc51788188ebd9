//! A batch with its figures.

use sea_orm::DbErr;
use usher_database::Transaction;
use usher_database::keyset::{
    CursorValue, Direction, Fingerprint, Keyset, Order, Page, Position, Window, fingerprint,
};
use usher_types::{BatchId, ContactId, OrganizationId};

use super::Failure;
use super::context::App;
use crate::storage::batch::{self, Batch};
use crate::storage::figures::{self, Figures, figures};

/// What the API shows of a batch.
#[derive(Clone, Debug)]
pub(crate) struct BatchView {
    pub(crate) batch: Batch,
    pub(crate) figures: Figures,
}

impl BatchView {
    /// Whether nothing will move any more.
    pub(crate) fn is_over(&self) -> bool {
        self.batch.finished_at.is_some() && self.figures.queued == 0
    }

    /// Whether a watcher would see a difference.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        self.figures != other.figures
            || self.batch.state != other.batch.state
            || self.batch.reason != other.batch.reason
            || self.batch.waits_until() != other.batch.waits_until()
            || self.batch.finished_at != other.batch.finished_at
            || self.figures.total(&self.batch) != other.figures.total(&other.batch)
    }
}

/// Figures beside their batches.
pub(crate) async fn with_figures(
    tx: &Transaction,
    organization: OrganizationId,
    batches: Vec<Batch>,
) -> Result<Vec<BatchView>, DbErr> {
    let ids: Vec<BatchId> = batches.iter().map(|batch| batch.id).collect();
    let mut all = if ids.is_empty() {
        Default::default()
    } else {
        figures(tx, organization, &ids).await?
    };
    let view = |batch: Batch| BatchView {
        figures: all.remove(&batch.id).unwrap_or_default(),
        batch,
    };
    Ok(batches.into_iter().map(view).collect())
}

/// One batch as it stands in this transaction.
pub(crate) async fn view(
    tx: &Transaction,
    organization: OrganizationId,
    id: BatchId,
) -> Result<Option<BatchView>, DbErr> {
    let found = batch::find_all(tx, organization, [id]).await?;
    Ok(with_figures(tx, organization, found).await?.pop())
}

fn list_of(parts: &[&[u8]]) -> Fingerprint {
    fingerprint(parts.iter().copied())
}

impl App {
    /// Batches of an organization by their ids, in the order asked for; unknown ones are left out.
    pub(crate) async fn batches(
        &self,
        organization: OrganizationId,
        ids: Vec<BatchId>,
    ) -> Result<Vec<BatchView>, Failure> {
        let tx = self.read(organization).await?;
        let found = batch::find_all(&tx, organization, ids.iter().copied()).await?;
        let mut views = with_figures(&tx, organization, found).await?;
        views.sort_by_key(|view| ids.iter().position(|id| *id == view.batch.id));
        Ok(views)
    }

    /// A page of an organization's batches, newest first, and their number where asked for.
    pub(crate) async fn list_batches(
        &self,
        organization: OrganizationId,
        window: Window,
        with_total: bool,
    ) -> Result<(Page<BatchView>, Option<i64>), Failure> {
        let order = Order::new("BATCH", "id").column("created_at", Direction::Descending);
        let filter = list_of(&[organization.uuid().as_bytes()]);
        let keyset = Keyset::new(order, window, filter, self.now()).map_err(window_error)?;
        let tx = self.read(organization).await?;
        let rows = batch::list(&tx, organization, &keyset).await?;
        let views = with_figures(&tx, organization, rows).await?;
        let total = match with_total {
            true => Some(batch::count(&tx, organization).await?),
            false => None,
        };
        let page = keyset.page(views, |view| {
            let created_at = CursorValue::Time(view.batch.created_at);
            Position::new(view.batch.id, [created_at])
        });
        Ok((page, total))
    }

    /// A page of the contacts that a batch left out for one reason, in the order of their ids.
    pub(crate) async fn list_skipped(
        &self,
        organization: OrganizationId,
        (id, reason): (BatchId, &str),
        window: Window,
        with_total: bool,
    ) -> Result<(Page<ContactId>, Option<i64>), Failure> {
        let filter = list_of(&[id.uuid().as_bytes(), reason.as_bytes()]);
        let keyset = Keyset::new(Order::new("SKIPPED", "contact_id"), window, filter, self.now())
            .map_err(window_error)?;
        let tx = self.read(organization).await?;
        let rows = figures::list_skipped(&tx, (organization, id), reason, &keyset).await?;
        let total = match with_total {
            true => view(&tx, organization, id)
                .await?
                .map(|view| skipped_for(&view, reason)),
            false => None,
        };
        Ok((keyset.page(rows, |contact| Position::new(*contact, [])), total))
    }
}

fn skipped_for(view: &BatchView, reason: &str) -> i64 {
    let skipped = view.figures.skipped.iter();
    let mut counts = skipped
        .filter(|(name, _)| name.as_str() == reason)
        .map(|(_, count)| *count);
    counts.next().unwrap_or(0)
}

/// A page that cannot be: BAD_USER_INPUT.
pub(crate) fn window_error(error: usher_database::keyset::WindowError) -> Failure {
    usher_service::grpc::invalid(error.to_string()).into()
}
