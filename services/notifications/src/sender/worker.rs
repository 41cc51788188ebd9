//! One connection: one mail after the other.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::{Instant, timeout};
use tracing::field::Empty;
use tracing::{Instrument, Span};
use usher_database::{Scope, SystemReason};
use usher_messaging::relate;
use usher_types::DeliveryState;

use super::Shared;
use super::noter::{Noted, Notes};
use super::queue::{Claimed, Queue};
use crate::app::publish_ended;
use crate::domain::reply::Trouble;
use crate::domain::transition::Attempt;
use crate::storage::{self, Note, Queued};
use crate::transport::{Line, Parcel};

/// How long a connection is kept without a mail.
const IDLE: Duration = Duration::from_secs(30);

/// A letter as a mail, ready to be handed over.
struct Prepared {
    letter: Queued,
    /// Or why it cannot be sent.
    parcel: Result<Parcel, Trouble>,
    lease_until: Instant,
}

impl Prepared {
    fn new(shared: &Shared, claimed: Claimed) -> Self {
        Self {
            parcel: shared
                .renderer
                .parcel(&claimed.letter, claimed.mailing.as_deref()),
            letter: claimed.letter,
            lease_until: claimed.lease_until,
        }
    }

    /// Whether nobody else can have it before we are done.
    fn is_ours(&self, shared: &Shared) -> bool {
        Instant::now() + shared.pace.dialogue < self.lease_until
    }
}

/// Sends letters from the queue until it is closed and empty.
pub async fn work(shared: Arc<Shared>, queue: Arc<Queue>, notes: Notes) {
    let mut worker = Worker {
        line: shared.transport.line(),
        shared,
        queue,
        notes,
        following: None,
    };
    let mut before = Noted::nothing();
    while let Some(prepared) = worker.next().await {
        match worker.send(prepared, before).await {
            Some(noted) => before = noted,
            None => return,
        }
    }
    before.committed().await;
    worker.line.close().await;
}

struct Worker {
    line: Line,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    notes: Notes,
    /// The letter that is sent after this one.
    following: Option<Prepared>,
}

impl Worker {
    /// The next letter. A connection that waits for long is given back to its server.
    async fn next(&mut self) -> Option<Prepared> {
        if let Some(following) = self.following.take() {
            return Some(following);
        }
        let claimed = match timeout(IDLE, self.queue.next()).await {
            Ok(next) => next?,
            Err(_) => {
                self.line.close().await;
                self.queue.next().await?
            }
        };
        Some(Prepared::new(&self.shared, claimed))
    }

    /// Sends one letter and gives its note; none where nobody takes notes any more. The mail before must be noted as sent before
    /// this one is handed over.
    async fn send(&mut self, prepared: Prepared, before: Noted) -> Option<Noted> {
        let parcel = match &prepared.parcel {
            Ok(parcel) => parcel,
            Err(trouble) => {
                if !before.committed().await {
                    return None;
                }
                let note = note(&self.shared, &prepared.letter, Err(trouble));
                return Some(self.notes.give(note).await);
            }
        };
        if !prepared.is_ours(&self.shared) {
            self.line.withdraw();
            return Some(before);
        }
        let span = dialogue(&self.shared, &prepared.letter);
        let announced = self.line.announce(parcel).instrument(span.clone()).await;
        self.following = self
            .queue
            .another()
            .map(|claimed| Prepared::new(&self.shared, claimed));
        if !before.committed().await {
            return None;
        }
        if announced.is_ok() && (self.stands_back(&prepared).await || !prepared.is_ours(&self.shared)) {
            self.line.withdraw();
            return Some(Noted::nothing());
        }
        let next = self
            .following
            .as_ref()
            .and_then(|following| following.parcel.as_ref().ok());
        let _on_the_wire = self.notes.on_the_wire();
        let sent = match announced {
            Ok(()) => {
                let handing_over = self.line.hand_over(parcel, next);
                handing_over.instrument(span.clone()).await
            }
            refused => refused,
        };
        if let Err(trouble) = &sent {
            span.record("error.type", trouble.kind());
            span.record("otel.status_code", "ERROR");
        }
        let note = note(&self.shared, &prepared.letter, sent.as_ref().copied());
        Some(self.notes.give(note).await)
    }

    /// Whether a letter that has waited for long was withdrawn (I21) or held (I4) since it was claimed; it is cancelled or given
    /// back then.
    async fn stands_back(&self, prepared: &Prepared) -> bool {
        let claimed_at = prepared.lease_until - self.shared.pace.lease;
        claimed_at.elapsed() > self.shared.pace.fresh && stand_back(&self.shared, &prepared.letter).await
    }
}

/// The span of a mail's dialogue. Of a mail that somebody waits for it is the end of the trace that began with their request.
fn dialogue(shared: &Shared, letter: &Queued) -> Span {
    let server = shared.transport.address();
    let subject = &letter.subject;
    let span = tracing::debug_span!(
        parent: None,
        "mail",
        otel.name = if server.is_some() { "smtp" } else { "capture" },
        otel.kind = "client",
        network.protocol.name = server.map(|_| "smtp"),
        server.address = server.map(|(host, _)| host),
        server.port = server.map(|(_, port)| port),
        usher.message.id = %subject.message,
        usher.lane = subject.lane.as_str(),
        "error.type" = Empty,
        otel.status_code = Empty,
    );
    relate(&span, subject.lane, subject.traceparent.as_deref());
    span
}

/// Cancels the letter if it was withdrawn, gives it back if it is held, and says whether it was either.
async fn stand_back(shared: &Shared, letter: &Queued) -> bool {
    let stood_back = async {
        let now = shared.clock.now();
        let tx = shared.database.write(Scope::System(SystemReason::Claim)).await?;
        let letter = storage::stand_back(&tx, shared.owner, letter.subject.message, now).await?;
        let stood_back = letter.is_some();
        let ended = letter.filter(|letter| letter.state == DeliveryState::Cancelled);
        publish_ended(&tx, ended.into_iter().collect(), now).await?;
        tx.commit().await?;
        Ok::<_, DbErr>(stood_back)
    };
    stood_back.await.unwrap_or_else(|error| {
        // the link of a withdrawn one is dead in any case
        tracing::debug!(%error, "whether a letter may still go out could not be asked");
        false
    })
}

fn note(shared: &Shared, letter: &Queued, result: Result<(), &Trouble>) -> Note {
    let at = shared.clock.now();
    let attempt = Attempt {
        message: letter.subject.message,
        attempts: i32::try_from(letter.attempts)
            .unwrap_or(i32::MAX)
            .saturating_add(1),
        at,
        expires_at: letter.expires_at,
    };
    let outcome = attempt.outcome(result);
    let destination = match result {
        Err(trouble) if trouble.is_about_server() => Some(shared.transport.server().to_owned()),
        _ if outcome.state == DeliveryState::Deferred => Some(letter.domain.clone()),
        _ => None,
    };
    Note {
        letter: letter.clone(),
        outcome,
        at,
        destination,
    }
}
