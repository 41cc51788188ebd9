//! Letters that are not to go out any more (I21).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::{Column, Transaction, records};
use usher_events::Withdrawn;
use usher_types::{ContactId, DeliveryState, MessageId, OrganizationId};
use uuid::Uuid;

use super::Ended;
use super::hold::HELD;
use super::insert::withdrawn;
use super::row::{SUBJECT, get, state, subject};

/// What a cancelled message looks like. One that is under way stays with whoever sends it, for it may arrive; its link is
/// dead. Its seal is erased all the same (I9): the sender has its own copy, and nobody tries it again.
const CANCELLED: &str = "state = CASE WHEN state = 'SENDING' THEN state ELSE 'CANCELLED' END, pending = (state = 'SENDING'), \
     sealed_token = NULL, updated_at = $1";

const WITHDRAWN: [Column<(OrganizationId, Withdrawn)>; 3] = [
    Column::uuid("org", |one| one.0.uuid()),
    Column::uuid("invitation", |one| one.1.invitation_id.uuid()),
    Column::uuid_option("contact", |one| one.1.contact_id.map(ContactId::uuid)),
];

/// Ends invitations: marks them, so that letters that come later are not sent, and cancels what waits. Returns what was
/// cancelled.
///
/// # Errors
/// Where the database does not answer.
pub async fn cancel_invitations(
    tx: &Transaction,
    invitations: &[(OrganizationId, Withdrawn)],
    now: DateTime<Utc>,
) -> Result<Vec<Ended>, DbErr> {
    let (from, values) = records(tx.dialect(), [now.into()], &WITHDRAWN, invitations);
    let mark = format!(
        "INSERT INTO tombstone (organization_id, invitation_id, created_at) SELECT r.org, r.invitation, $1 \
         FROM {from} WHERE true ON CONFLICT DO NOTHING"
    );
    tx.execute_raw(tx.statement(mark, values)).await?;
    let (contacts, others): (Vec<_>, Vec<_>) = invitations
        .iter()
        .partition(|(_, withdrawn)| withdrawn.contact_id.is_some());
    // Each has an index of its own.
    let mut cancelled = Vec::new();
    for (whose, letters) in [
        ("message.contact_id = r.contact", contacts),
        ("message.contact_id IS NULL", others),
    ] {
        if letters.is_empty() {
            continue;
        }
        let (from, values) = records(tx.dialect(), [now.into()], &WITHDRAWN, letters);
        let cancel = format!(
            "UPDATE message SET {CANCELLED} FROM {from} WHERE pending AND {whose} \
             AND message.invitation_id = r.invitation AND message.organization_id = r.org \
             RETURNING {SUBJECT}, state, attempts"
        );
        cancelled.extend(ended(tx, cancel, values).await?);
    }
    Ok(cancelled)
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
    const COLUMNS: [Column<(OrganizationId, ContactId, i64)>; 3] = [
        Column::uuid("org", |newest| newest.0.uuid()),
        Column::uuid("contact", |newest| newest.1.uuid()),
        Column::number("newest", |newest| newest.2),
    ];
    if newest.is_empty() {
        return Ok(Vec::new());
    }
    let (from, values) = records(tx.dialect(), [now.into()], &COLUMNS, newest);
    let cancel = format!(
        "UPDATE message SET {CANCELLED} FROM {from} WHERE pending AND message.contact_id = r.contact \
         AND message.organization_id = r.org AND message.generation < r.newest RETURNING {SUBJECT}, state, attempts"
    );
    ended(tx, cancel, values).await
}

async fn ended(tx: &Transaction, sql: String, values: Vec<Value>) -> Result<Vec<Ended>, DbErr> {
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut ended: Vec<Ended> = rows.iter().map(read).collect::<Result<_, _>>()?;
    ended.retain(|ended| ended.state == DeliveryState::Cancelled);
    Ok(ended)
}

/// Cancels those of the letters that were put off and are withdrawn: they were under way when that happened. Returns what was
/// cancelled. `pending` is not asked for: PostgreSQL could go through all letters that wait instead of to these.
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
        "UPDATE message SET {CANCELLED} WHERE state = 'DEFERRED' AND {} AND {} RETURNING {SUBJECT}, state, attempts",
        dialect.in_uuids("id", 2),
        withdrawn("message")
    );
    let ids = dialect.uuids(letters.into_iter().map(MessageId::uuid));
    let rows = tx.query_all_raw(tx.statement(sql, [now.into(), ids])).await?;
    rows.iter().map(read).collect()
}

/// What becomes of a letter that `owner` has claimed and not handed over, where it must not go out now: CANCELLED if it is
/// withdrawn, given back if its sending is held (I4). None where it may go out.
///
/// # Errors
/// Where the database does not answer.
pub async fn stand_back(
    tx: &Transaction,
    owner: Uuid,
    letter: MessageId,
    now: DateTime<Utc>,
) -> Result<Option<Ended>, DbErr> {
    let sql = format!(
        "UPDATE message SET state = CASE WHEN v.dead THEN 'CANCELLED' WHEN attempts = 0 THEN 'QUEUED' ELSE 'DEFERRED' END, \
         pending = NOT v.dead, sealed_token = CASE WHEN NOT v.dead THEN sealed_token END, lease_owner = NULL, \
         lease_until = NULL, updated_at = $3 \
         FROM (SELECT m.id AS claimed_id, {} AS dead FROM message m WHERE m.id = $1) AS v \
         WHERE id = v.claimed_id AND id = $1 AND lease_owner = $2 AND state = 'SENDING' AND (v.dead OR lane = '{HELD}') \
         RETURNING {SUBJECT}, state, attempts",
        withdrawn("m")
    );
    let values = [letter.uuid().into(), owner.into(), now.into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &QueryResult) -> Result<Ended, DbErr> {
    Ok(Ended {
        subject: subject(row)?,
        state: state(row, 6)?,
        attempts: get(row, 7)?,
        error: None,
    })
}
