//! Events about what became of messages (E1).

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::{AddressStateChanged, Envelope, Lane, MessageChanged, MessageOutcome};
use usher_messaging::enqueue;
use usher_types::DeliveryState;

use super::SERVICE;
use crate::storage::{Ended, Note, Subject};

/// Publishes what has been noted, with the attempts of each.
///
/// # Errors
/// Where the database does not answer.
pub async fn publish_noted(tx: &Transaction, notes: &[(&Note, i64)]) -> Result<(), DbErr> {
    let events = notes.iter().filter_map(|(note, attempts)| {
        let error = note.outcome.error.clone();
        event(
            &note.letter.subject,
            note.outcome.state,
            *attempts,
            error,
            note.at,
        )
    });
    publish(tx, events.collect()).await
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
    for lane in Lane::ALL {
        let of_lane = events.iter().filter(|(other, _)| *other == lane);
        enqueue(tx, lane, of_lane.map(|(_, envelope)| envelope.clone()).collect()).await?;
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
