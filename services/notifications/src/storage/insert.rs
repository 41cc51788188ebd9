//! New mailings and letters.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction, names, records};
use usher_events::{Lane, Letter, Mailing};
use usher_types::domain_of;

use super::Ended;
use super::hold::HELD;
use super::row::{SUBJECT, get, state, subject};
use crate::discreet::discreet;

/// Rows a statement.
const CHUNK: usize = 1000;

const MAILING: [Column<Mailing>; 11] = [
    Column::uuid("id", |mailing| mailing.id.uuid()),
    Column::uuid("organization_id", |mailing| mailing.organization_id.uuid()),
    Column::text("kind", |mailing| mailing.kind.as_str()),
    Column::text("organization_name", |mailing| &mailing.organization_name),
    Column::text_option("invited_by", |mailing| mailing.invited_by.as_deref()),
    Column::text_option("reply_to", |mailing| mailing.reply_to.as_deref()),
    Column::text("locale", |mailing| &mailing.locale),
    Column::text("time_zone", |mailing| &mailing.time_zone),
    Column::text_option("subject", |mailing| mailing.subject.as_deref()),
    Column::text_option("body", |mailing| mailing.body.as_deref()),
    Column::text_option("message", |mailing| mailing.message.as_deref()),
];

/// How much older than its newest letter a mailing's time may be: it is written anew once a day, not with every slice.
const STALE: TimeDelta = TimeDelta::days(1);

/// Stores mailings that are not there yet, and notes of the others that letters still come, so that they are not dropped before those.
///
/// # Errors
/// Where the database does not answer.
pub async fn insert_mailings(
    tx: &Transaction,
    mailings: &[&Mailing],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let names = names(&MAILING);
    for chunk in mailings.chunks(CHUNK) {
        let fixed = [now.into(), (now - STALE).into()];
        let (from, values) = records(tx.dialect(), fixed, &MAILING, chunk.iter().copied());
        let sql = format!(
            "INSERT INTO mailing ({names}, created_at) SELECT {names}, $1 FROM {from} WHERE true \
             ON CONFLICT (id) DO UPDATE SET created_at = $1 WHERE mailing.created_at < $2"
        );
        tx.execute_raw(tx.statement(sql, values)).await?;
    }
    Ok(())
}

/// One letter to be stored.
#[derive(Clone)]
pub struct NewLetter<'a> {
    /// Its sending.
    pub mailing: &'a Mailing,
    /// What was asked for.
    pub letter: &'a Letter,
    /// What a person waits for goes first.
    pub lane: Lane,
    /// Its sending is held.
    pub held: bool,
    /// The Message-ID header.
    pub rfc_message_id: String,
    /// The trace that it belongs to.
    pub traceparent: Option<&'a str>,
}

discreet!(NewLetter<'_>, |new| message: new.letter.message_id, mailing: new.mailing.id, lane: new.lane);

fn columns<'a>() -> [Column<NewLetter<'a>>; 19] {
    [
        Column::uuid("id", |new| new.letter.message_id.uuid()),
        Column::uuid("organization_id", |new| new.mailing.organization_id.uuid()),
        Column::uuid("mailing_id", |new| new.mailing.id.uuid()),
        Column::uuid("invitation_id", |new| new.letter.invitation_id.uuid()),
        Column::uuid_option("contact_id", |new| new.letter.contact_id.map(Into::into)),
        Column::number("generation", |new| new.letter.generation),
        Column::text("lane", |new| if new.held { HELD } else { new.lane.as_str() }),
        Column::text("recipient", |new| &new.letter.email),
        Column::text("canonical", |new| &new.letter.email_canonical),
        Column::text("domain", |new| domain_of(&new.letter.email_canonical)),
        Column::text("first_name", |new| &new.letter.first_name),
        Column::text("last_name", |new| &new.letter.last_name),
        Column::text_option("locale", |new| new.letter.locale.as_deref()),
        Column::text_option("time_zone", |new| new.letter.time_zone.as_deref()),
        Column::text_option("sealed_token", |new| new.letter.sealed_token.as_deref()),
        Column::time("expires_at", |new| new.letter.expires_at),
        Column::text("rfc_message_id", |new| &new.rfc_message_id),
        Column::text_option("traceparent", |new| new.traceparent),
        Column::text_option("accounts", |new| new.letter.accounts.as_deref()),
    ]
}

/// A letter is withdrawn where its invitation has ended, or a newer one went to the same contact (I21). `{row}` is the letter.
pub(super) fn withdrawn(row: &str) -> String {
    format!(
        "(EXISTS (SELECT 1 FROM tombstone t WHERE t.organization_id = {row}.organization_id \
         AND t.invitation_id = {row}.invitation_id) \
         OR EXISTS (SELECT 1 FROM message newer WHERE newer.contact_id = {row}.contact_id \
         AND newer.generation > {row}.generation AND newer.organization_id = {row}.organization_id))"
    )
}

/// Stores letters that are not there yet (N2). Those that were withdrawn before they came are born CANCELLED, without their
/// seal; they are returned.
///
/// # Errors
/// Where the database does not answer.
pub async fn insert_letters(
    tx: &Transaction,
    letters: &[NewLetter<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Ended>, DbErr> {
    let columns = columns();
    let values = columns
        .each_ref()
        .map(|column| match column.name() {
            "sealed_token" => "CASE WHEN NOT n.dead THEN n.sealed_token END".to_owned(),
            name => format!("n.{name}"),
        })
        .join(", ");
    let (names, dead) = (names(&columns), withdrawn("r"));
    let mut ended = Vec::new();
    for chunk in letters.chunks(CHUNK) {
        let (from, parameters) = records(tx.dialect(), [now.into()], &columns, chunk);
        // Materialized, or PostgreSQL would ask for each use of `dead` again.
        let sql = format!(
            "WITH n AS MATERIALIZED (SELECT r.*, {dead} AS dead FROM {from}) \
             INSERT INTO message ({names}, state, pending, attempts, next_attempt_at, created_at, updated_at) \
             SELECT {values}, CASE WHEN n.dead THEN 'CANCELLED' ELSE 'QUEUED' END, NOT n.dead, 0, $1, $1, $1 \
             FROM n WHERE true ON CONFLICT (id) DO NOTHING RETURNING {SUBJECT}, state"
        );
        let inserted = tx.query_all_raw(tx.statement(sql, parameters)).await?;
        for row in &inserted {
            if get::<String>(row, 6)? == "CANCELLED" {
                ended.push(Ended {
                    subject: subject(row)?,
                    state: state(row, 6)?,
                    attempts: 0,
                    error: None,
                });
            }
        }
    }
    Ok(ended)
}
