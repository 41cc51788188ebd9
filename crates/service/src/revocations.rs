//! Follows the verification keys and the ended sessions of `invitations`, so that every service verifies by itself.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::Status;
use usher_auth::{Service, Verifier, VerifyingKeys};
use usher_proto::invitations::v1::sessions_client::SessionsClient;
use usher_proto::invitations::v1::{Revocations, WatchRevocationsRequest};
use usher_proto::{datetime, id_from};
use usher_types::SessionId;

use crate::grpc::ServiceCaller;
use crate::{Lifecycle, PeerChannel};

/// The pause after the first broken stream; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// The pause between two looks whether the first snapshot has arrived.
const LOOK: Duration = Duration::from_millis(5);

/// Starts following in the background, until the life's stop.
///
/// The stream begins with a snapshot of keys and ended sessions. Until the first one has arrived, requests with a
/// token are answered UNAVAILABLE (see `grpc::Server`). A broken stream is opened again with growing pauses;
/// meanwhile what is known stays in force.
pub fn follow(verifier: Verifier, invitations: PeerChannel, caller: ServiceCaller, lifecycle: &Lifecycle) {
    let stop = lifecycle.stopping();
    lifecycle.spawn("revocations", async move {
        let mut pause = FIRST_PAUSE;
        loop {
            let watched = tokio::select! {
                () = stop.cancelled() => return,
                watched = watch(&verifier, invitations.clone(), &caller, &mut pause) => watched,
            };
            if let Err(status) = watched {
                tracing::debug!(code = ?status.code(), "the stream of ended sessions broke");
            }
            if pause_unless(&stop, pause).await {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    });
}

/// Waits for the first snapshot: from then on requests with a token can be answered, and a service is ready.
pub async fn first_snapshot(verifier: &Verifier) {
    while !verifier.is_ready() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether the stop came during the pause.
async fn pause_unless(stop: &CancellationToken, pause: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(pause) => false,
    }
}

/// One stream, from its snapshot to its end.
async fn watch(
    verifier: &Verifier,
    invitations: PeerChannel,
    caller: &ServiceCaller,
    pause: &mut Duration,
) -> Result<(), Status> {
    let bearer = caller.bearer(Service::Invitations, None)?;
    let mut client = SessionsClient::new(invitations);
    let mut stream = client
        .watch_revocations(bearer.on(WatchRevocationsRequest {}))
        .await?
        .into_inner();
    let mut begun = Vec::new();
    while let Some(mut news) = stream.message().await? {
        *pause = FIRST_PAUSE;
        begun.append(&mut news.ended);
        // a snapshot in parts counts when it is whole, or it would let somebody in meanwhile
        if !news.continues {
            news.ended = std::mem::take(&mut begun);
            apply(verifier, news)?;
        }
    }
    Ok(())
}

/// Takes one whole message of the stream into the verifier.
fn apply(verifier: &Verifier, news: Revocations) -> Result<(), Status> {
    let broken = || Status::invalid_argument("an ended session without its id or its end");
    let mut ended = Vec::with_capacity(news.ended.len());
    for session in &news.ended {
        let id: SessionId = id_from(&session.session_id).ok_or_else(broken)?;
        ended.push((id, session.forget_at.and_then(datetime).ok_or_else(broken)?));
    }
    // sessions first: with the keys in place, tokens are taken
    if news.snapshot {
        verifier.reset_ended(ended);
    } else {
        verifier.add_ended(ended);
    }
    if let Some(jwks) = &news.jwks {
        let keys =
            VerifyingKeys::from_jwks(jwks).map_err(|error| Status::invalid_argument(error.to_string()))?;
        verifier.set_keys(keys);
    }
    Ok(())
}
