//! The service `Batches`.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::id_from;
use usher_proto::invitations::v1::batches_server::Batches;
use usher_proto::invitations::v1::{BatchReply, PauseBatchRequest, ResumeBatchRequest, StreamResultsRequest};
use usher_service::grpc;

use super::results::{ResultStream, results};
use super::{Edge, convert};
use crate::app::{Failure, refuse};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Batches for Edge {
    async fn pause_batch(&self, request: Request<PauseBatchRequest>) -> Answer<BatchReply> {
        let caller = grpc::require(&request, Operation::PauseBatch)?;
        let paused = match id_from(&request.get_ref().id) {
            Some(id) => self.app.pause_batch(&caller, id).await,
            None => Err(refuse("NOT_FOUND", &["id"], "there is no such batch").into()),
        };
        convert::batch_reply(paused)
    }

    async fn resume_batch(&self, request: Request<ResumeBatchRequest>) -> Answer<BatchReply> {
        let caller = grpc::require(&request, Operation::ResumeBatch)?;
        let resumed = match id_from(&request.get_ref().id) {
            Some(id) => self.app.resume_batch(&caller, id).await,
            None => Err(refuse("NOT_FOUND", &["id"], "there is no such batch").into()),
        };
        convert::batch_reply(resumed)
    }

    type StreamResultsStream = ResultStream;

    async fn stream_results(&self, request: Request<StreamResultsRequest>) -> Answer<ResultStream> {
        let caller = grpc::require(&request, Operation::ReadBatches)?;
        let organization = grpc::organization(&caller)?;
        let id = id_from(&request.get_ref().id);
        let found = self.app.batches(organization, id.into_iter().collect()).await;
        let found = found.map_err(Failure::status)?.pop();
        let found = found.ok_or_else(|| Status::not_found("there is no such batch"))?;
        Ok(Response::new(results(self.app.clone(), found.batch.of())))
    }
}
