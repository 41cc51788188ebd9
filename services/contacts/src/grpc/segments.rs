//! Requests about segments.

use prost::Message;
use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::contacts::v1 as pb;
use usher_proto::contacts::v1::segments_server::Segments;
use usher_proto::{bytes_of, id_from, timestamp};
use usher_service::grpc;
use usher_types::SegmentId;
use uuid::Uuid;

use super::answer;
use super::failure::{refused, status};
use super::filter;
use super::request::{caller, ids, window};
use crate::app::{App, Caller, Failure, SegmentInput};
use crate::domain::refusal::SegmentCode;
use crate::domain::segment::Segment;

/// The gRPC face of segments.
#[derive(Clone, Debug)]
pub(crate) struct SegmentsService {
    app: App,
}

impl SegmentsService {
    pub(crate) const fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl Segments for SegmentsService {
    async fn create_segment(
        &self,
        request: Request<pb::CreateSegmentRequest>,
    ) -> Result<Response<pb::SegmentReply>, Status> {
        let caller = caller(&request, Operation::CreateSegment)?;
        let request = request.into_inner();
        let input = SegmentInput {
            name: Some(request.name),
            filter: read(request.filter)?,
        };
        reply(self.app.create_segment(&caller, input).await)
    }

    async fn update_segment(
        &self,
        request: Request<pb::UpdateSegmentRequest>,
    ) -> Result<Response<pb::SegmentReply>, Status> {
        let caller = caller(&request, Operation::UpdateSegment)?;
        let request = request.into_inner();
        let input = SegmentInput {
            name: request.name,
            filter: read(request.filter)?,
        };
        let (id, version) = (known(&request.id), request.expected_version);
        reply(self.app.update_segment(&caller, id, version, input).await)
    }

    async fn delete_segment(
        &self,
        request: Request<pb::DeleteSegmentRequest>,
    ) -> Result<Response<pb::DeleteSegmentReply>, Status> {
        let caller = caller(&request, Operation::DeleteSegment)?;
        let deleted = self
            .app
            .delete_segment(&caller, known(&request.into_inner().id))
            .await;
        let refusals = match deleted {
            Ok(()) => Vec::new(),
            Err(failure) => refused(failure)?,
        };
        Ok(Response::new(pb::DeleteSegmentReply { refusals }))
    }

    async fn list_segments(
        &self,
        request: Request<pb::ListSegmentsRequest>,
    ) -> Result<Response<pb::ListSegmentsReply>, Status> {
        let caller = caller(&request, Operation::ReadSegments)?;
        let listed = self
            .app
            .list_segments(&caller, window(request.into_inner().page)?)
            .await;
        let listing = listed.map_err(status)?;
        let (segments, page) = answer::page(listing, shown);
        Ok(Response::new(pb::ListSegmentsReply {
            segments: segments.into_iter().collect::<Result<_, _>>()?,
            page: Some(page),
        }))
    }

    async fn batch_get_segments(
        &self,
        request: Request<pb::BatchGetSegmentsRequest>,
    ) -> Result<Response<pb::BatchGetSegmentsReply>, Status> {
        let caller = caller(&request, Operation::ReadSegments)?;
        let found = self
            .app
            .get_segments(&caller, &ids(&request.into_inner().ids)?)
            .await;
        let segments = found.map_err(status)?.into_iter().map(shown);
        Ok(Response::new(pb::BatchGetSegmentsReply {
            segments: segments.collect::<Result<_, _>>()?,
        }))
    }
}

/// What cannot be an id is nobody's.
fn known(bytes: &[u8]) -> SegmentId {
    id_from(bytes).unwrap_or_else(|| Uuid::nil().into())
}

/// A filter within its bounds, as it is stored.
fn read(given: Option<pb::ContactFilter>) -> Result<Option<Vec<u8>>, Status> {
    filter::filter(given.as_ref())?;
    Ok(given.map(|given| given.encode_to_vec()))
}

fn reply(changed: Result<Segment, Failure<SegmentCode>>) -> Result<Response<pb::SegmentReply>, Status> {
    let reply = match changed {
        Ok(segment) => pb::SegmentReply {
            segment: Some(shown(segment)?),
            refusals: Vec::new(),
        },
        Err(failure) => pb::SegmentReply {
            segment: None,
            refusals: refused(failure)?,
        },
    };
    Ok(Response::new(reply))
}

fn shown(segment: Segment) -> Result<pb::Segment, Status> {
    Ok(pb::Segment {
        id: bytes_of(segment.id),
        name: segment.name,
        filter: Some(stored(&segment.filter)?),
        version: segment.version.counter(),
        created_at: Some(timestamp(segment.created_at)),
        updated_at: Some(timestamp(segment.updated_at)),
    })
}

fn stored(filter: &[u8]) -> Result<pb::ContactFilter, Status> {
    pb::ContactFilter::decode(filter).map_err(|error| grpc::internal(&error))
}

/// A selection by a segment as the selection by its filter; any other as it is. None where there is no such segment.
pub(super) async fn resolved(
    app: &App,
    caller: &Caller,
    given: Option<pb::ContactSelection>,
) -> Result<Option<pb::ContactSelection>, Status> {
    use pb::contact_selection::Of;
    let Some(pb::ContactSelection {
        of: Some(Of::SegmentId(id)),
    }) = given
    else {
        return Ok(Some(given.unwrap_or_default()));
    };
    let found = app.get_segments(caller, &[known(&id)]).await.map_err(status)?;
    let filter = found.first().map(|segment| stored(&segment.filter)).transpose()?;
    Ok(filter.map(|filter| pb::ContactSelection {
        of: Some(Of::Filter(filter)),
    }))
}
