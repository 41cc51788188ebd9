//! Events about what became of messages (E1).

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::{AddressStateChanged, Envelope, Lane, MessageChanged, MessageOutcome};
use usher_messaging::enqueue;
use usher_types::{DeliveryState, MessageId};

use super::SERVICE;
use crate::storage::{self, Ended, Note, Subject};

/// Publishes what has been noted, with the attempts of each. What was put off, and was withdrawn while it was under way, is
/// over instead (I21).
///
/// # Errors
/// Where the database does not answer.
pub async fn publish_noted(tx: &Transaction, notes: &[(&Note, i64)]) -> Result<(), DbErr> {
    let ended = cancel_put_off(tx, notes).await?;
    let over: HashSet<MessageId> = ended.iter().map(|ended| ended.subject.message).collect();
    let noted = notes
        .iter()
        .filter(|(note, _)| !over.contains(&note.letter.subject.message));
    let events = noted.filter_map(|(note, attempts)| {
        let error = note.outcome.error.clone();
        event(
            &note.letter.subject,
            note.outcome.state,
            *attempts,
            error,
            note.at,
        )
    });
    publish(tx, events.collect()).await?;
    match notes.last() {
        Some((note, _)) => publish_ended(tx, ended, note.at).await,
        None => Ok(()),
    }
}

async fn cancel_put_off(tx: &Transaction, notes: &[(&Note, i64)]) -> Result<Vec<Ended>, DbErr> {
    let mut put_off = Vec::new();
    let mut at = None;
    for (note, _) in notes {
        if note.outcome.state == DeliveryState::Deferred {
            put_off.push(note.letter.subject.message);
            at = at.max(Some(note.at));
        }
    }
    match at {
        Some(at) => storage::cancel_withdrawn(tx, put_off, at).await,
        None => Ok(Vec::new()),
    }
}

/// Publishes what came to its end without an attempt.
///
/// # Errors
/// Where the database does not answer.
pub async fn publish_ended(tx: &Transaction, ended: Vec<Ended>, now: DateTime<Utc>) -> Result<(), DbErr> {
    let events = ended
        .into_iter()
        .filter_map(|ended| event(&ended.subject, ended.state, ended.attempts, ended.error, now));
    publish(tx, events.collect()).await
}

/// Publishes addresses whose state has changed.
///
/// # Errors
/// Where the database does not answer.
pub async fn publish_addresses(
    tx: &Transaction,
    changed: &[AddressStateChanged],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let events = changed.iter().map(|event| Envelope::event(SERVICE, now, event));
    enqueue(tx, Lane::Interactive, events.collect()).await
}

async fn publish(tx: &Transaction, events: Vec<(Lane, Envelope)>) -> Result<(), DbErr> {
    let (urgent, bulk): (Vec<_>, Vec<_>) = events
        .into_iter()
        .partition(|(lane, _)| *lane == Lane::Interactive);
    for (lane, events) in [(Lane::Interactive, urgent), (Lane::Bulk, bulk)] {
        enqueue(
            tx,
            lane,
            events.into_iter().map(|(_, envelope)| envelope).collect(),
        )
        .await?;
    }
    Ok(())
}

/// The event about a message; none for states that are not announced.
fn event(
    subject: &Subject,
    state: DeliveryState,
    attempts: i64,
    error: Option<String>,
    at: DateTime<Utc>,
) -> Option<(Lane, Envelope)> {
    let outcome = match state {
        DeliveryState::Sent => MessageOutcome::Sent,
        DeliveryState::Deferred => MessageOutcome::Deferred,
        DeliveryState::Failed => MessageOutcome::Failed,
        DeliveryState::Bounced => MessageOutcome::Bounced,
        DeliveryState::Suppressed => MessageOutcome::Suppressed,
        DeliveryState::Cancelled => MessageOutcome::Cancelled,
        DeliveryState::Queued | DeliveryState::Sending => return None,
    };
    let changed = MessageChanged {
        outcome,
        message_id: subject.message,
        organization_id: subject.organization,
        contact_id: subject.contact,
        invitation_id: Some(subject.invitation),
        attempts: i32::try_from(attempts).unwrap_or(i32::MAX),
        error,
        at,
    };
    let mut envelope = Envelope::event(SERVICE, at, &changed);
    envelope.traceparent.clone_from(&subject.traceparent);
    Some((subject.lane, envelope))
}
