//! createSegment, updateSegment, deleteSegment (C9), and reading them.

use sea_orm::DbErr;
use usher_database::is_unique_violation;
use usher_types::{SegmentId, Version};

use super::{App, Caller, Failure, Listing, Window};
use crate::domain::activity::{action, changed_summary};
use crate::domain::refusal::{Refusal, SegmentCode as Code};
use crate::domain::segment::{Segment, SegmentChange};
use crate::domain::text;
use crate::storage::batch::Batch;
use crate::storage::{activity, segments};

/// What the caller says of a segment. A filter has been read, so that it is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentInput {
    pub(crate) name: Option<String>,
    pub(crate) filter: Option<Vec<u8>>,
}

impl App {
    /// Makes a segment.
    pub(crate) async fn create_segment(
        &self,
        caller: &Caller,
        input: SegmentInput,
    ) -> Result<Segment, Failure<Code>> {
        let change = checked(SegmentInput {
            name: Some(input.name.unwrap_or_default()),
            ..input
        })?;
        let now = self.now();
        let segment = Segment {
            id: SegmentId::new(now),
            organization: caller.organization,
            name: change.name.unwrap_or_default(),
            filter: change.filter.unwrap_or_default(),
            version: Version::FIRST,
            created_at: now,
            updated_at: now,
        };
        let tx = self.write(caller).await?;
        segments::insert(&tx, &segment).await.map_err(taken)?;
        let summary = format!("Made the segment {}", segment.name);
        let mut batch = Batch::new(&tx);
        activity::insert(
            &mut batch,
            &[caller.activity(now, action::SEGMENT_CREATED, summary)],
        );
        batch.run(&tx).await?;
        tx.commit().await?;
        Ok(segment)
    }

    /// Changes a segment.
    pub(crate) async fn update_segment(
        &self,
        caller: &Caller,
        id: SegmentId,
        expected_version: Option<i64>,
        input: SegmentInput,
    ) -> Result<Segment, Failure<Code>> {
        let change = checked(input)?;
        let now = self.now();
        let tx = self.write(caller).await?;
        let before = segments::lock(&tx, caller.organization, id).await?;
        let before = before.ok_or_else(no_such_segment)?;
        if expected_version.is_some_and(|version| version != before.version.counter()) {
            let message = "Somebody has changed this segment meanwhile.";
            return Err(Refusal::new(Code::Conflict, &["expectedVersion"], message).into());
        }
        let (after, changed) = change.applied(&before, now);
        if changed.is_empty() {
            return Ok(before);
        }
        segments::update(&tx, &after).await.map_err(taken)?;
        let summary = format!("{} of the segment {}", changed_summary(&changed), after.name);
        let mut batch = Batch::new(&tx);
        activity::insert(
            &mut batch,
            &[caller.activity(now, action::SEGMENT_UPDATED, summary)],
        );
        batch.run(&tx).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Removes a segment. Batches that went by it go on: they hold its filter.
    pub(crate) async fn delete_segment(&self, caller: &Caller, id: SegmentId) -> Result<(), Failure<Code>> {
        let tx = self.write(caller).await?;
        let name = segments::delete(&tx, caller.organization, id).await?;
        let summary = format!("Deleted the segment {}", name.ok_or_else(no_such_segment)?);
        let mut batch = Batch::new(&tx);
        activity::insert(
            &mut batch,
            &[caller.activity(self.now(), action::SEGMENT_DELETED, summary)],
        );
        batch.run(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Those of these segments that are the caller's.
    pub(crate) async fn get_segments(
        &self,
        caller: &Caller,
        ids: &[SegmentId],
    ) -> Result<Vec<Segment>, Failure<Code>> {
        let tx = self.read(caller).await?;
        Ok(segments::find(&tx, caller.organization, ids).await?)
    }

    /// A page of segments, by name.
    pub(crate) async fn list_segments(
        &self,
        caller: &Caller,
        window: Window,
    ) -> Result<Listing<Segment>, Failure<Code>> {
        let now = self.now();
        let keyset = segments::keyset(caller.organization, window.window, now)?;
        let tx = self.read(caller).await?;
        let page = segments::page(&tx, caller.organization, &keyset).await?;
        let total = if window.with_total {
            Some(segments::count(&tx, caller.organization).await?)
        } else {
            None
        };
        Ok(Listing { page, total, now })
    }
}

fn checked(input: SegmentInput) -> Result<SegmentChange, Vec<Refusal<Code>>> {
    let mut refusals = Vec::new();
    let name = input.name.map(|name| text::name(&name, &["name"], &mut refusals));
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let filter = input.filter;
    Ok(SegmentChange { name, filter })
}

fn taken(error: DbErr) -> Failure<Code> {
    if is_unique_violation(&error) {
        let message = "Another segment has this name.";
        return Refusal::new(Code::NameTaken, &["name"], message).into();
    }
    error.into()
}

fn no_such_segment() -> Refusal<Code> {
    Refusal::new(Code::NotFound, &["id"], "There is no such segment.")
}
