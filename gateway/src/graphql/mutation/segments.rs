//! Segments.

use async_graphql::{Context, Object, SimpleObject};
use usher_auth::Operation;
use usher_proto::contacts::v1 as wire;

use crate::fault::Fault;
use crate::graphql::input::{CreateSegmentInput, DeleteSegmentInput, UpdateSegmentInput};
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::{Family, Segment, SegmentError};

/// The segment as it is now, or what stands in the way.
#[derive(SimpleObject, Debug)]
pub struct SegmentPayload {
    /// The segment.
    segment: Option<Segment>,
    /// What the caller can mend.
    user_errors: Vec<SegmentError>,
}

impl SegmentPayload {
    fn new(reply: wire::SegmentReply) -> Result<Self, Fault> {
        Ok(Self {
            segment: reply.segment.map(Segment),
            user_errors: SegmentError::all(reply.refusals)?,
        })
    }
}

/// What stood in the way of removing a segment; nothing: it is gone.
#[derive(SimpleObject, Debug)]
pub struct DeleteSegmentPayload {
    /// What the caller can mend.
    user_errors: Vec<SegmentError>,
}

#[derive(Debug, Default)]
pub(super) struct SegmentMutations;

#[Object]
impl SegmentMutations {
    /// Names a filter. Needs `contacts.write`.
    async fn create_segment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The segment.")] input: CreateSegmentInput,
    ) -> Result<SegmentPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::CreateSegment)?;
        let request = scope.ask(input.into_wire()?);
        SegmentPayload::new(answer(
            scope.backends.segments.clone().create_segment(request).await,
        )?)
    }

    /// Changes a segment. Batches that went by it go on with the filter that it had. Needs `contacts.write`.
    async fn update_segment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateSegmentInput,
    ) -> Result<SegmentPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::UpdateSegment)?;
        let request = scope.ask(input.into_wire()?);
        SegmentPayload::new(answer(
            scope.backends.segments.clone().update_segment(request).await,
        )?)
    }

    /// Removes a segment; its contacts stay. Batches that went by it go on. Needs `contacts.write`.
    async fn delete_segment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The segment.")] input: DeleteSegmentInput,
    ) -> Result<DeleteSegmentPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::DeleteSegment)?;
        let request = scope.ask(input.into_wire());
        let reply = answer(scope.backends.segments.clone().delete_segment(request).await)?;
        Ok(DeleteSegmentPayload {
            user_errors: SegmentError::all(reply.refusals)?,
        })
    }
}
