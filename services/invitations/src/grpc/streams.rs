//! Streams: a batch that is watched, and ended sessions.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::metadata::AsciiMetadataValue;
use usher_auth::{Operation, Principal, authorize};
use usher_proto::invitations::v1::{Batch, EndedSession, Revocations};
use usher_proto::{bytes_of, timestamp};
use usher_service::grpc;

use super::{Edge, convert};
use crate::app::{BatchView, RevokedNow};

pub(super) type BatchStream = Pin<Box<dyn Stream<Item = Result<Batch, Status>> + Send>>;
pub(super) type RevocationStream = Pin<Box<dyn Stream<Item = Result<Revocations, Status>> + Send>>;

/// Messages that wait for a slow listener; the newest figures replace older ones before that.
const WAITING: usize = 1;
/// How long after its token's end a stream may stand still before it ends.
const GATEWAY_FIRST: Duration = Duration::from_secs(2);
/// Sessions of one message, about 40 bytes each.
const ENDED_IN_ONE: usize = 20_000;

impl Edge {
    /// The batch now, at each change, and once more when it is over. The permission is looked at each time, and the token's
    /// end is the stream's.
    pub(super) fn batch_stream(
        &self,
        mut receiver: watch::Receiver<Option<BatchView>>,
        caller: Arc<Principal>,
        token: Option<AsciiMetadataValue>,
    ) -> BatchStream {
        let (sender, stream) = mpsc::channel(WAITING);
        let edge = self.clone();
        let left = (caller.expires_at - self.app.now()).to_std().unwrap_or_default();
        // the gateway ends its own streams with their token and says so in its own words: it shall be first
        let left = left + GATEWAY_FIRST;
        tokio::spawn(async move {
            let told = async {
                loop {
                    let view = receiver.borrow_and_update().clone();
                    let Some(view) = view else { return };
                    if let Err(status) = edge.still_permitted(&caller, token.as_ref()) {
                        // whoever does not listen any more needs no reason
                        sender.send(Err(status)).await.ok();
                        return;
                    }
                    if sender.send(Ok(convert::batch(&view))).await.is_err() || view.is_over() {
                        return;
                    }
                    tokio::select! {
                        changed = receiver.changed() => if changed.is_err() { return },
                        () = sender.closed() => return,
                        () = edge.until_revoked(&caller, token.as_ref()) => {}
                    }
                }
            };
            if tokio::time::timeout(left, told).await.is_err() {
                sender
                    .send(Err(Status::unauthenticated("the token has ended")))
                    .await
                    .ok();
            }
        });
        Box::pin(ReceiverStream::new(stream))
    }

    fn still_permitted(&self, caller: &Principal, token: Option<&AsciiMetadataValue>) -> Result<(), Status> {
        authorize(Some(caller), Operation::ReadBatches).map_err(grpc::denied)?;
        let text = token.and_then(|token| token.to_str().ok());
        let bearer = text.and_then(|text| text.strip_prefix("Bearer "));
        match bearer.map(|bearer| self.verifier.verify(bearer)) {
            Some(Ok(_)) => Ok(()),
            _ => Err(Status::unauthenticated("the session has ended")),
        }
    }

    /// Returns when the caller's session has ended, else never.
    async fn until_revoked(&self, caller: &Principal, token: Option<&AsciiMetadataValue>) {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if self.still_permitted(caller, token).is_err() {
                return;
            }
        }
    }

    /// The snapshot with our keys, then every change of either.
    pub(super) fn revocation_stream(&self, known: RevokedNow) -> RevocationStream {
        let (sender, stream) = mpsc::channel(WAITING);
        let mut receiver = self.revoked.clone();
        let mut turning = self.app.signer.watch();
        tokio::spawn(async move {
            let jwks = turning.borrow_and_update().to_string();
            let snapshot = revocations(&known, None, Some(jwks));
            let mut known = known;
            if !send_in_parts(&sender, snapshot).await {
                return;
            }
            loop {
                let now = receiver.borrow_and_update().clone();
                let news = revocations(&now, Some(&known), None);
                if !news.ended.is_empty() && !send_in_parts(&sender, news).await {
                    return;
                }
                // the snapshot was read by itself and may be newer than what is shared
                let mut all = (*known).clone();
                all.extend(now.iter().map(|(id, at)| (*id, *at)));
                known = Arc::new(all);
                tokio::select! {
                    changed = receiver.changed() => if changed.is_err() { return },
                    changed = turning.changed() => {
                        let jwks = Some(turning.borrow_and_update().to_string());
                        let news = Revocations { jwks, ..Revocations::default() };
                        if changed.is_err() || sender.send(Ok(news)).await.is_err() {
                            return;
                        }
                    }
                    () = sender.closed() => return,
                }
                prune(&mut known, &receiver.borrow().clone());
            }
        });
        Box::pin(ReceiverStream::new(stream))
    }
}

/// Sends a message in as many parts as the limit of gRPC asks for; false where nobody listens any more. The last part has the keys.
async fn send_in_parts(sender: &mpsc::Sender<Result<Revocations, Status>>, mut message: Revocations) -> bool {
    while message.ended.len() > ENDED_IN_ONE {
        let rest = message.ended.split_off(ENDED_IN_ONE);
        let part = Revocations {
            snapshot: message.snapshot,
            jwks: None,
            ended: std::mem::replace(&mut message.ended, rest),
            continues: true,
        };
        if sender.send(Ok(part)).await.is_err() {
            return false;
        }
    }
    sender.send(Ok(message)).await.is_ok()
}

/// Forgets what the table has forgotten, so that a stream that lives for weeks does not grow.
fn prune(known: &mut RevokedNow, now: &RevokedNow) {
    let Some(oldest) = now.values().min() else { return };
    if known.values().any(|at| at < oldest) {
        let kept = known.iter().filter(|(_, at)| *at >= oldest);
        *known = Arc::new(kept.map(|(id, at)| (*id, *at)).collect());
    }
}

fn revocations(now: &RevokedNow, known: Option<&RevokedNow>, jwks: Option<String>) -> Revocations {
    let ended = now
        .iter()
        .filter(|(id, _)| known.is_none_or(|known| !known.contains_key(id)))
        .map(|(id, forget_at)| EndedSession {
            session_id: bytes_of(*id),
            forget_at: Some(timestamp(*forget_at)),
        });
    Revocations {
        snapshot: known.is_none(),
        jwks,
        ended: ended.collect(),
        continues: false,
    }
}
