//! A batch that is followed: the owner's stream, and the next one where that breaks off, as it does when the service is started
//! anew. Whoever watches notices nothing but the next figures.

use std::time::Duration;

use futures::stream::{Stream, unfold};
use tokio::time::sleep;
use tonic::{Code as GrpcCode, Status, Streaming};
use usher_proto::invitations::v1::invitations_client::InvitationsClient;
use usher_proto::invitations::v1::{Batch, WatchBatchRequest};
use usher_service::PeerChannel;
use usher_service::grpc::Bearer;

use super::types::InvitationBatch;
use crate::fault::Fault;

/// Between two looks for a service that does not answer; it grows.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whoever follows a batch.
struct Follower {
    client: InvitationsClient<PeerChannel>,
    bearer: Bearer,
    request: WatchBatchRequest,
    stream: Option<Streaming<Batch>>,
    last: Option<Batch>,
    pause: Duration,
}

/// The batch at each change, from `stream` on, until nothing of it will move any more. With its token a stream ends in the transport,
/// which says so in the way of its protocol.
pub(super) fn follow(
    client: InvitationsClient<PeerChannel>,
    bearer: Bearer,
    (request, stream): (WatchBatchRequest, Streaming<Batch>),
) -> impl Stream<Item = Result<InvitationBatch, Fault>> + use<> {
    let follower = Follower {
        client,
        bearer,
        request,
        stream: Some(stream),
        last: None,
        pause: FIRST_PAUSE,
    };
    unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        match follower.next().await {
            Ok(Some(batch)) => Some((Ok(InvitationBatch(batch)), Some(follower))),
            Ok(None) => None,
            Err(status) => Some((Err(status.into()), None)),
        }
    })
}

impl Follower {
    /// What the batch looks like next; none when it is over.
    async fn next(&mut self) -> Result<Option<Batch>, Status> {
        loop {
            if self.last.as_ref().is_some_and(is_over) {
                return Ok(None);
            }
            let Some(stream) = &mut self.stream else {
                self.open_again().await?;
                continue;
            };
            match stream.message().await {
                Ok(Some(batch)) => {
                    self.pause = FIRST_PAUSE;
                    // a new stream begins with what the last one may have told already
                    if self.last.as_ref() != Some(&batch) {
                        self.last = Some(batch.clone());
                        return Ok(Some(batch));
                    }
                }
                // it is not over: the service has stopped
                Ok(None) => self.stream = None,
                Err(status) if is_away(&status) => self.stream = None,
                Err(status) => return Err(status),
            }
        }
    }

    async fn open_again(&mut self) -> Result<(), Status> {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        match self
            .client
            .watch_batch(self.bearer.on(self.request.clone()))
            .await
        {
            Ok(opened) => self.stream = Some(opened.into_inner()),
            Err(status) if is_away(&status) => {}
            Err(status) => return Err(status),
        }
        Ok(())
    }
}

/// Whether nothing of it will move any more.
fn is_over(batch: &Batch) -> bool {
    batch.state == "DONE" || batch.state == "CANCELLED" && batch.finished_at.is_some() && batch.queued == 0
}

/// Whether the connection broke rather than that the service refused: a broken one has several codes.
fn is_away(status: &Status) -> bool {
    matches!(
        status.code(),
        GrpcCode::Unavailable
            | GrpcCode::Unknown
            | GrpcCode::Internal
            | GrpcCode::Cancelled
            | GrpcCode::Aborted
            | GrpcCode::DeadlineExceeded
    )
}
