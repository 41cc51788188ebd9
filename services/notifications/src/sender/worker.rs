//! One connection: one mail after the other.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::{Instant, timeout};
use usher_database::{Scope, SystemReason};
use usher_types::DeliveryState;

use super::Shared;
use super::noter::{Noted, Notes};
use super::queue::{Claimed, Queue};
use crate::app::publish_ended;
use crate::domain::reply::Trouble;
use crate::domain::transition::Attempt;
use crate::storage::{self, Note, Queued};
use crate::transport::Line;

/// How long a connection is kept without a mail.
const IDLE: Duration = Duration::from_secs(30);

/// Sends letters from the queue until it is closed and empty.
pub async fn work(shared: Arc<Shared>, queue: Arc<Queue>, notes: Notes) {
    let mut line = shared.transport.line();
    let mut before = Noted::nothing();
    while let Some(claimed) = next(&queue, &mut line).await {
        match send(&shared, &mut line, claimed, before, &notes).await {
            Some(noted) => before = noted,
            None => return,
        }
    }
    before.committed().await;
    line.close().await;
}

/// The next letter. A connection that waits for long is given back to its server.
async fn next(queue: &Queue, line: &mut Line) -> Option<Claimed> {
    if let Ok(next) = timeout(IDLE, queue.next()).await {
        return next;
    }
    line.close().await;
    queue.next().await
}

/// Sends one letter and gives its note; none where nobody takes notes any more. The mail before must be noted as sent before
/// this one is handed over.
async fn send(
    shared: &Shared,
    line: &mut Line,
    claimed: Claimed,
    before: Noted,
    notes: &Notes,
) -> Option<Noted> {
    let Claimed {
        letter,
        mailing,
        lease_until,
    } = claimed;
    let parcel = match shared.renderer.parcel(&letter, mailing.as_deref()) {
        Ok(parcel) => parcel,
        Err(trouble) => {
            if !before.committed().await {
                return None;
            }
            return Some(notes.give(note(shared, letter, Err(&trouble))).await);
        }
    };
    let outlasts = || Instant::now() + shared.pace.dialogue < lease_until;
    if !outlasts() {
        // Somebody else may have it before we are done: it is theirs.
        return Some(before);
    }
    let announced = line.announce(&parcel).await;
    if !before.committed().await {
        return None;
    }
    let claimed_at = lease_until - shared.pace.lease;
    if announced.is_ok() && claimed_at.elapsed() > shared.pace.fresh && is_withdrawn(shared, &letter).await {
        line.withdraw();
        return Some(Noted::nothing());
    }
    let _on_the_wire = notes.on_the_wire();
    let sent = match announced {
        Ok(()) if outlasts() => line.hand_over(&parcel).await,
        Ok(()) => {
            line.withdraw();
            return Some(Noted::nothing());
        }
        refused => refused,
    };
    Some(notes.give(note(shared, letter, sent.as_ref().copied())).await)
}

/// Whether the letter was withdrawn since it was claimed; it is cancelled then (I21).
async fn is_withdrawn(shared: &Shared, letter: &Queued) -> bool {
    let cancelled = async {
        let now = shared.clock.now();
        let tx = shared.database.write(Scope::System(SystemReason::Claim)).await?;
        let ended = storage::cancel_claimed(&tx, shared.owner, letter.subject.message, now).await?;
        let cancelled = !ended.is_empty();
        publish_ended(&tx, ended, now).await?;
        tx.commit().await?;
        Ok::<_, DbErr>(cancelled)
    };
    cancelled.await.unwrap_or_else(|error| {
        // its link is dead in any case
        tracing::debug!(%error, "whether a letter was withdrawn could not be asked");
        false
    })
}

fn note(shared: &Shared, letter: Queued, result: Result<(), &Trouble>) -> Note {
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
        letter,
        outcome,
        at,
        destination,
    }
}
