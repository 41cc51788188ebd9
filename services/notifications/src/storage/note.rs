//! Noting what became of letters: one statement for many.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use usher_database::Transaction;
use usher_types::{DeliveryState, MessageId};
use uuid::Uuid;

use super::Queued;
use super::records::{Kind, get, hex, id, parameter, planned, records, time};
use crate::domain::transition::Outcome;

/// What became of a claimed letter.
#[derive(Debug)]
pub struct Note {
    /// Which letter.
    pub letter: Queued,
    /// What became of it.
    pub outcome: Outcome,
    /// When.
    pub at: DateTime<Utc>,
    /// The destination that failed or worked, where that is worth remembering.
    pub destination: Option<String>,
}

const COLUMNS: [(&str, Kind); 7] = [
    ("letter", Kind::Uuid),
    ("outcome", Kind::Text),
    ("again", Kind::Boolean),
    ("next_at", Kind::Time),
    ("words", Kind::Text),
    ("sent", Kind::Time),
    ("ended", Kind::Time),
];

/// Notes outcomes and erases the seals of what has come to its end. Returns the attempts of those that were still `owner`'s:
/// what somebody else has claimed since is theirs to note, and a note repeated after a lost answer changes nothing.
///
/// # Errors
/// Where the database does not answer.
pub async fn note(tx: &Transaction, owner: Uuid, notes: &[Note]) -> Result<HashMap<MessageId, i64>, DbErr> {
    let sql = format!(
        "UPDATE message SET state = n.outcome, pending = n.again, attempts = attempts + 1, \
         next_attempt_at = coalesce(n.next_at, next_attempt_at), lease_owner = NULL, lease_until = NULL, \
         sealed_token = CASE WHEN n.again THEN sealed_token END, last_error = n.words, sent_at = n.sent, \
         updated_at = n.ended FROM {} WHERE id = n.letter AND lease_owner = $2 AND state = 'SENDING' \
         RETURNING id, attempts",
        records(tx.dialect(), "n", &COLUMNS)
    );
    let rows: Vec<Json> = notes.iter().map(row).collect();
    let rows = tx
        .query_all_raw(planned(tx, sql, [parameter(&rows)?, owner.into()]))
        .await?;
    rows.iter().map(|row| Ok((id(row, 0)?, get(row, 1)?))).collect()
}

fn row(note: &Note) -> Json {
    let outcome = &note.outcome;
    json!({
        "letter": hex(note.letter.subject.message),
        "outcome": outcome.state.as_str(),
        "again": outcome.state == DeliveryState::Deferred,
        "next_at": outcome.next_attempt_at.map(time),
        "words": outcome.error,
        "sent": (outcome.state == DeliveryState::Sent).then(|| time(note.at)),
        "ended": time(note.at),
    })
}
