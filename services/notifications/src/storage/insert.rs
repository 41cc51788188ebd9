//! New mailings and letters.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use serde_json::{Value as Json, json};
use usher_database::Transaction;
use usher_events::{Lane, Letter, Mailing};
use usher_types::domain_of;
use uuid::Uuid;

use super::Ended;
use super::records::{
    Kind, SUBJECT, as_hex, as_hex_option, as_time, get, hex, parameter, planned, records, state, subject,
};

/// Rows a statement.
const CHUNK: usize = 1000;

const MAILING: [(&str, Kind); 11] = [
    ("id", Kind::Uuid),
    ("organization_id", Kind::Uuid),
    ("kind", Kind::Text),
    ("organization_name", Kind::Text),
    ("invited_by", Kind::Text),
    ("reply_to", Kind::Text),
    ("locale", Kind::Text),
    ("time_zone", Kind::Text),
    ("subject", Kind::Text),
    ("body", Kind::Text),
    ("message", Kind::Text),
];

/// Stores mailings that are not there yet.
///
/// # Errors
/// Where the database does not answer.
pub async fn insert_mailings(
    tx: &Transaction,
    mailings: &[&Mailing],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let names = MAILING.map(|(name, _)| name).join(", ");
    let sql = format!(
        "INSERT INTO mailing ({names}, created_at) SELECT {names}, $2 FROM {} WHERE true ON CONFLICT (id) DO NOTHING",
        records(tx.dialect(), "n", &MAILING)
    );
    for chunk in mailings.chunks(CHUNK) {
        let rows: Vec<Json> = chunk.iter().map(|mailing| mailing_row(mailing)).collect();
        tx.execute_raw(planned(tx, &sql, [parameter(&rows)?, now.into()]))
            .await?;
    }
    Ok(())
}

fn mailing_row(mailing: &Mailing) -> Json {
    json!({
        "id": hex(mailing.id),
        "organization_id": hex(mailing.organization_id),
        "kind": mailing.kind.as_str(),
        "organization_name": mailing.organization_name,
        "invited_by": mailing.invited_by,
        "reply_to": mailing.reply_to,
        "locale": mailing.locale,
        "time_zone": mailing.time_zone,
        "subject": mailing.subject,
        "body": mailing.body,
        "message": mailing.message,
    })
}

/// One letter to be stored.
#[derive(Clone, Debug)]
pub struct NewLetter<'a> {
    /// Its sending.
    pub mailing: &'a Mailing,
    /// What was asked for.
    pub letter: &'a Letter,
    /// What a person waits for goes first.
    pub lane: Lane,
    /// The Message-ID header.
    pub rfc_message_id: String,
    /// The trace that it belongs to.
    pub traceparent: Option<&'a str>,
}

const LETTER: [(&str, Kind); 18] = [
    ("id", Kind::Uuid),
    ("organization_id", Kind::Uuid),
    ("mailing_id", Kind::Uuid),
    ("invitation_id", Kind::Uuid),
    ("contact_id", Kind::Uuid),
    ("generation", Kind::Bigint),
    ("lane", Kind::Text),
    ("recipient", Kind::Text),
    ("canonical", Kind::Text),
    ("domain", Kind::Text),
    ("first_name", Kind::Text),
    ("last_name", Kind::Text),
    ("locale", Kind::Text),
    ("time_zone", Kind::Text),
    ("sealed_token", Kind::Text),
    ("expires_at", Kind::Time),
    ("rfc_message_id", Kind::Text),
    ("traceparent", Kind::Text),
];

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
    let columns = LETTER.map(|(name, _)| name).join(", ");
    let values = LETTER
        .map(|(name, _)| match name {
            "sealed_token" => "CASE WHEN NOT n.dead THEN n.sealed_token END".to_owned(),
            _ => format!("n.{name}"),
        })
        .join(", ");
    // Materialized, or PostgreSQL would ask for each use of `dead` again.
    let sql = format!(
        "WITH n AS MATERIALIZED (SELECT r.*, {} AS dead FROM {}) \
         INSERT INTO message ({columns}, state, pending, attempts, next_attempt_at, created_at, updated_at) \
         SELECT {values}, CASE WHEN n.dead THEN 'CANCELLED' ELSE 'QUEUED' END, NOT n.dead, 0, $2, $2, $2 \
         FROM n WHERE true ON CONFLICT (id) DO NOTHING RETURNING {SUBJECT}, state",
        withdrawn("r"),
        records(tx.dialect(), "r", &LETTER)
    );
    let mut ended = Vec::new();
    for chunk in letters.chunks(CHUNK) {
        let rows: Vec<LetterRow<'_>> = chunk.iter().map(LetterRow::from).collect();
        let inserted = tx
            .query_all_raw(planned(tx, &sql, [parameter(&rows)?, now.into()]))
            .await?;
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

/// [`LETTER`] of one letter.
#[derive(Serialize)]
struct LetterRow<'a> {
    #[serde(serialize_with = "as_hex")]
    id: Uuid,
    #[serde(serialize_with = "as_hex")]
    organization_id: Uuid,
    #[serde(serialize_with = "as_hex")]
    mailing_id: Uuid,
    #[serde(serialize_with = "as_hex")]
    invitation_id: Uuid,
    #[serde(serialize_with = "as_hex_option")]
    contact_id: Option<Uuid>,
    generation: i64,
    lane: &'static str,
    recipient: &'a str,
    canonical: &'a str,
    domain: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    locale: Option<&'a str>,
    time_zone: Option<&'a str>,
    sealed_token: Option<&'a str>,
    #[serde(serialize_with = "as_time")]
    expires_at: DateTime<Utc>,
    rfc_message_id: &'a str,
    traceparent: Option<&'a str>,
}

impl<'a> From<&'a NewLetter<'_>> for LetterRow<'a> {
    fn from(new: &'a NewLetter<'_>) -> Self {
        let letter = new.letter;
        Self {
            id: letter.message_id.uuid(),
            organization_id: new.mailing.organization_id.uuid(),
            mailing_id: new.mailing.id.uuid(),
            invitation_id: letter.invitation_id.uuid(),
            contact_id: letter.contact_id.map(Into::into),
            generation: letter.generation,
            lane: new.lane.as_str(),
            recipient: &letter.email,
            canonical: &letter.email_canonical,
            domain: domain_of(&letter.email_canonical),
            first_name: &letter.first_name,
            last_name: &letter.last_name,
            locale: letter.locale.as_deref(),
            time_zone: letter.time_zone.as_deref(),
            sealed_token: letter.sealed_token.as_deref(),
            expires_at: letter.expires_at,
            rfc_message_id: &new.rfc_message_id,
            traceparent: new.traceparent,
        }
    }
}
