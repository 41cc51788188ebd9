//! What became of each contact of a batch, as a stream in flat memory: a page is read when the one before was taken.

use std::pin::Pin;

use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use usher_proto::invitations::v1::{ResultRow, Results};
use usher_proto::{bytes_of, timestamp};

use crate::app::{App, Failure};
use crate::storage::batch;
use crate::storage::results::{Outcome, Part, page};

pub(super) type ResultStream = Pin<Box<dyn Stream<Item = Result<Results, Status>> + Send>>;

/// Rows of one message.
const PAGE: usize = 1000;

/// Reads on while somebody takes what was read.
pub(super) fn results(app: App, of: batch::Of) -> ResultStream {
    let (sender, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        for part in Part::ALL {
            let mut after = None;
            loop {
                let read = async {
                    let tx = app.read(of.0).await?;
                    page(&tx, of, part, after.as_ref(), PAGE).await
                };
                let (rows, place) = match read.await {
                    Ok(read) => read,
                    Err(error) => {
                        // whoever does not listen any more needs no reason
                        sender.send(Err(Failure::from(error).status())).await.ok();
                        return;
                    }
                };
                let more = rows.len() == PAGE;
                let rows: Vec<ResultRow> = rows.into_iter().map(row).collect();
                if !rows.is_empty() && sender.send(Ok(Results { rows })).await.is_err() {
                    return;
                }
                if !more {
                    break;
                }
                after = place;
            }
        }
    });
    Box::pin(ReceiverStream::new(stream))
}

fn row(outcome: Outcome) -> ResultRow {
    ResultRow {
        contact_id: bytes_of(outcome.contact),
        first_name: outcome.first_name,
        last_name: outcome.last_name,
        email: outcome.email,
        outcome: outcome.outcome,
        reason: outcome.reason,
        error: outcome.error,
        invited_at: outcome.invited_at.map(timestamp),
        expires_at: outcome.expires_at.map(timestamp),
        accepted_at: outcome.accepted_at.map(timestamp),
    }
}
