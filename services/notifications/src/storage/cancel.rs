//! Letters that are not to go out any more (I21).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde_json::{Value as Json, json};
use usher_database::Transaction;
use usher_types::{ContactId, DeliveryState, InvitationId, MessageId, OrganizationId};
use uuid::Uuid;

use super::Ended;
use super::insert::withdrawn;
use super::records::{Kind, SUBJECT, get, hex, parameter, planned, records, state, subject};

/// What a cancelled message looks like. One that is under way stays with whoever sends it, for it may arrive; its link is
/// dead. Its seal is erased all the same (I9): the sender has its own copy, and nobody tries it again.
const CANCELLED: &str = "state = CASE WHEN state = 'SENDING' THEN state ELSE 'CANCELLED' END, pending = (state = 'SENDING'), \
     sealed_token = NULL, updated_at = $2";

/// Ends invitations: marks them, so that letters that come later are not sent, and cancels what waits. Returns what was
/// cancelled.
///
/// # Errors
/// Where the database does not answer.
pub async fn cancel_invitations(
    tx: &Transaction,
    invitations: &[(OrganizationId, InvitationId)],
    now: DateTime<Utc>,
) -> Result<Vec<Ended>, DbErr> {
    const COLUMNS: [(&str, Kind); 2] = [("org", Kind::Uuid), ("invitation", Kind::Uuid)];
    let rows: Vec<Json> = invitations
        .iter()
        .map(|(organization, invitation)| json!({"org": hex(*organization), "invitation": hex(*invitation)}))
        .collect();
    let withdrawn = records(tx.dialect(), "n", &COLUMNS);
    let mark = format!(
        "INSERT INTO tombstone (organization_id, invitation_id, created_at) SELECT n.org, n.invitation, $2 \
         FROM {withdrawn} WHERE true ON CONFLICT DO NOTHING"
    );
    tx.execute_raw(planned(tx, mark, [parameter(&rows)?, now.into()]))
        .await?;
    let cancel = format!(
        "UPDATE message SET {CANCELLED} FROM {withdrawn} WHERE pending AND message.invitation_id = n.invitation \
         AND message.organization_id = n.org RETURNING {SUBJECT}, state, attempts"
    );
    ended(tx, cancel, &rows, now).await
}

/// Cancels waiting letters of older generations to the same contacts. Returns what was cancelled.
///
/// # Errors
/// Where the database does not answer.
pub async fn cancel_older_generations(
    tx: &Transaction,
    newest: &[(OrganizationId, ContactId, i64)],
    now: DateTime<Utc>,
) -> Result<Vec<Ended>, DbErr> {
    const COLUMNS: [(&str, Kind); 3] = [
        ("org", Kind::Uuid),
        ("contact", Kind::Uuid),
        ("newest", Kind::Bigint),
    ];
    if newest.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Json> = newest
        .iter()
        .map(|(organization, contact, generation)| {
            json!({"org": hex(*organization), "contact": hex(*contact), "newest": generation})
        })
        .collect();
    let cancel = format!(
        "UPDATE message SET {CANCELLED} FROM {} WHERE pending AND message.contact_id = n.contact \
         AND message.organization_id = n.org AND message.generation < n.newest RETURNING {SUBJECT}, state, attempts",
        records(tx.dialect(), "n", &COLUMNS)
    );
    ended(tx, cancel, &rows, now).await
}

async fn ended(
    tx: &Transaction,
    sql: String,
    rows: &[Json],
    now: DateTime<Utc>,
) -> Result<Vec<Ended>, DbErr> {
    let rows = tx
        .query_all_raw(planned(tx, sql, [parameter(rows)?, now.into()]))
        .await?;
    let mut ended: Vec<Ended> = rows.iter().map(read).collect::<Result<_, _>>()?;
    ended.retain(|ended| ended.state == DeliveryState::Cancelled);
    Ok(ended)
}

/// Cancels those of the letters that were put off and are withdrawn: they were under way when that happened. Returns what was
/// cancelled.
///
/// # Errors
/// Where the database does not answer.
pub async fn cancel_withdrawn(
    tx: &Transaction,
    letters: impl IntoIterator<Item = MessageId>,
    now: DateTime<Utc>,
) -> Result<Vec<Ended>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "UPDATE message SET {CANCELLED} WHERE pending AND {} AND {} RETURNING {SUBJECT}, state, attempts",
        dialect.in_uuids("id", 1),
        withdrawn("message")
    );
    let ids = dialect.uuids(letters.into_iter().map(MessageId::uuid));
    let rows = tx.query_all_raw(planned(tx, sql, [ids, now.into()])).await?;
    rows.iter().map(read).collect()
}

/// Cancels a letter that `owner` has claimed and not handed over, if it is withdrawn. Returns it then.
///
/// # Errors
/// Where the database does not answer.
pub async fn cancel_claimed(
    tx: &Transaction,
    owner: Uuid,
    letter: MessageId,
    now: DateTime<Utc>,
) -> Result<Vec<Ended>, DbErr> {
    let sql = format!(
        "UPDATE message SET state = 'CANCELLED', pending = (1 = 0), sealed_token = NULL, lease_owner = NULL, \
         lease_until = NULL, updated_at = $3 WHERE id = $1 AND lease_owner = $2 AND state = 'SENDING' AND {} \
         RETURNING {SUBJECT}, state, attempts",
        withdrawn("message")
    );
    let values = [letter.uuid().into(), owner.into(), now.into()];
    let rows = tx.query_all_raw(planned(tx, sql, values)).await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Ended, DbErr> {
    Ok(Ended {
        subject: subject(row)?,
        state: state(row, 6)?,
        attempts: get(row, 7)?,
        error: None,
    })
}
