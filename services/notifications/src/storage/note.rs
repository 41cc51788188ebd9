//! Noting what became of letters: one statement for many.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use std::collections::HashMap;
use usher_database::{Column, Transaction, records};
use usher_types::{DeliveryState, MessageId};
use uuid::Uuid;

use super::Queued;
use super::row::{get, id};
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

const COLUMNS: [Column<Note>; 7] = [
    Column::uuid("letter", |note| note.letter.subject.message.uuid()),
    Column::text("outcome", |note| note.outcome.state.as_str()),
    Column::flag("again", |note| note.outcome.state == DeliveryState::Deferred),
    Column::time_option("next_at", |note| note.outcome.next_attempt_at),
    Column::text_option("words", |note| note.outcome.error.as_deref()),
    Column::time_option("sent", |note| {
        (note.outcome.state == DeliveryState::Sent).then_some(note.at)
    }),
    Column::time("ended", |note| note.at),
];

/// Notes outcomes and erases the seals of what has come to its end. Returns the attempts of those that were still `owner`'s:
/// what somebody else has claimed since is theirs to note, and a note repeated after a lost answer changes nothing.
///
/// # Errors
/// Where the database does not answer.
pub async fn note(tx: &Transaction, owner: Uuid, notes: &[Note]) -> Result<HashMap<MessageId, i64>, DbErr> {
    let (from, values) = records(tx.dialect(), [owner.into()], &COLUMNS, notes);
    let sql = format!(
        "UPDATE message SET state = r.outcome, pending = r.again, attempts = attempts + 1, \
         next_attempt_at = coalesce(r.next_at, next_attempt_at), lease_owner = NULL, lease_until = NULL, \
         sealed_token = CASE WHEN r.again THEN sealed_token END, last_error = r.words, sent_at = r.sent, \
         updated_at = r.ended FROM {from} WHERE id = r.letter AND lease_owner = $1 AND state = 'SENDING' \
         RETURNING id, attempts"
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| Ok((id(row, 0)?, get(row, 1)?))).collect()
}
