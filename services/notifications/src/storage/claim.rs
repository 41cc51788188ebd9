//! Claiming due letters under a lease.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{DeliveryState, MailingId, OrganizationId};
use uuid::Uuid;

use super::insert::withdrawn;
use super::row::{SUBJECT, get, id, state, subject};
use super::{Ended, Subject};
use crate::discreet::discreet;

/// Which letters to claim, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Of this lane.
    pub lane: Lane,
    /// Of this organization.
    pub organization: OrganizationId,
    /// Due since then or later.
    pub from: DateTime<Utc>,
    /// At most this many.
    pub limit: u32,
    /// Who claims.
    pub owner: Uuid,
    /// Life of the lease in milliseconds, by the database's clock.
    pub lease: i64,
    /// The destination that all mail goes through.
    pub server: &'a str,
    /// The rules' time.
    pub now: DateTime<Utc>,
}

/// A claimed letter.
#[derive(Clone)]
pub struct Queued {
    /// What events name.
    pub subject: Subject,
    /// Its sending.
    pub mailing: MailingId,
    /// As typed.
    pub recipient: String,
    /// Decides the address's state.
    pub canonical: String,
    /// The canonical address's domain.
    pub domain: String,
    /// `[FirstName]`.
    pub first_name: String,
    /// `[LastName]`.
    pub last_name: String,
    /// The recipient's own.
    pub locale: Option<String>,
    /// The recipient's own.
    pub time_zone: Option<String>,
    /// The link's token, sealed, where there is a link.
    pub sealed_token: Option<String>,
    /// Attempts before this one.
    pub attempts: i64,
    /// The end of the link's life.
    pub expires_at: DateTime<Utc>,
    /// Date of the mail.
    pub first_attempt_at: DateTime<Utc>,
    /// The Message-ID header.
    pub rfc_message_id: String,
    /// `[AccountNames]`.
    pub accounts: Option<String>,
}

discreet!(Queued, |letter| subject: letter.subject, mailing: letter.mailing, attempts: letter.attempts);

/// What a claim found.
#[derive(Debug, Default)]
pub struct Claimed {
    /// To be sent.
    pub letters: Vec<Queued>,
    /// Came to their end instead: withdrawn, to a suppressed address, or past the end of their link.
    pub ended: Vec<Ended>,
    /// Since when the last of them was due.
    pub reached: Option<DateTime<Utc>>,
}

/// Organizations with letters in a lane that have not come to their end, by one look into the index each.
///
/// # Errors
/// Where the database does not answer.
pub async fn due_organizations(tx: &Transaction, lane: Lane) -> Result<Vec<OrganizationId>, DbErr> {
    let next = |after: &str| {
        format!(
            "(SELECT m.organization_id FROM message m WHERE m.pending AND m.lane = $1 {after} \
             ORDER BY m.organization_id LIMIT 1)"
        )
    };
    let sql = format!(
        "WITH RECURSIVE due(organization) AS (SELECT {} UNION ALL SELECT {} FROM due WHERE organization IS NOT NULL) \
         SELECT organization FROM due WHERE organization IS NOT NULL",
        next(""),
        next("AND m.organization_id > due.organization")
    );
    let rows = tx
        .query_all_raw(tx.statement(sql, [lane.as_str().into()]))
        .await?;
    rows.iter().map(|row| id(row, 0)).collect()
}

/// The address gets no more mail of the organization, whatever it is (N6).
const IS_SUPPRESSED: &str = "EXISTS (SELECT 1 FROM suppression s \
     WHERE s.organization_id = c.organization_id AND s.canonical = c.canonical)";
const SUPPRESSED: &str = "the address gets no more mail";
const PAST_THE_END: &str = "the link''s life was over before the mail could be sent";

/// Claims due letters, the longest waiting first: SENDING under a lease. Letters of a dead lease are due again.
///
/// # Errors
/// Where the database does not answer.
pub async fn claim(tx: &Transaction, claim: &Claim<'_>) -> Result<Claimed, DbErr> {
    let dialect = tx.dialect();
    let sending = "v.verdict = 'SENDING'";
    let sql = format!(
        "UPDATE message SET state = v.verdict, pending = {sending}, \
         lease_owner = CASE WHEN {sending} THEN $4 END, lease_until = CASE WHEN {sending} THEN {until} END, \
         sealed_token = CASE WHEN {sending} THEN sealed_token END, \
         first_attempt_at = CASE WHEN {sending} THEN coalesce(first_attempt_at, $5) ELSE first_attempt_at END, \
         last_error = CASE v.verdict WHEN 'FAILED' THEN coalesce(last_error, '{PAST_THE_END}') \
         WHEN 'SUPPRESSED' THEN '{SUPPRESSED}' ELSE last_error END, \
         updated_at = $5 \
         FROM (SELECT c.id AS claimed_id, \
         CASE WHEN {withdrawn} THEN 'CANCELLED' WHEN {IS_SUPPRESSED} THEN 'SUPPRESSED' \
         WHEN c.expires_at <= $5 THEN 'FAILED' ELSE 'SENDING' END AS verdict \
         FROM message c WHERE c.pending AND c.lane = $1 AND c.organization_id = $2 AND c.next_attempt_at <= $5 \
         AND c.next_attempt_at >= $7 AND (c.lease_until IS NULL OR c.lease_until <= {now}) \
         AND NOT EXISTS (SELECT 1 FROM destination d WHERE d.name IN (c.domain, $6) AND d.open_until > $5) \
         ORDER BY c.next_attempt_at LIMIT $3 {skip_locked}) AS v WHERE id = v.claimed_id \
         RETURNING {SUBJECT}, state, attempts, last_error, mailing_id, recipient, canonical, domain, first_name, \
         last_name, locale, time_zone, sealed_token, expires_at, first_attempt_at, rfc_message_id, next_attempt_at, accounts",
        until = dialect.now_plus(claim.lease),
        now = dialect.now(),
        withdrawn = withdrawn("c"),
        skip_locked = dialect.skip_locked(),
    );
    let values: [sea_orm::Value; 7] = [
        claim.lane.as_str().into(),
        claim.organization.uuid().into(),
        i64::from(claim.limit).into(),
        claim.owner.into(),
        claim.now.into(),
        claim.server.into(),
        claim.from.into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut claimed = Claimed::default();
    for row in &rows {
        claimed.reached = claimed.reached.max(Some(get(row, 21)?));
        match state(row, 6)? {
            DeliveryState::Sending => claimed.letters.push(queued(row)?),
            ended => claimed.ended.push(Ended {
                subject: subject(row)?,
                state: ended,
                attempts: get(row, 7)?,
                error: get(row, 8)?,
            }),
        }
    }
    Ok(claimed)
}

fn queued(row: &QueryResult) -> Result<Queued, DbErr> {
    Ok(Queued {
        subject: subject(row)?,
        attempts: get(row, 7)?,
        mailing: id(row, 9)?,
        recipient: get(row, 10)?,
        canonical: get(row, 11)?,
        domain: get(row, 12)?,
        first_name: get(row, 13)?,
        last_name: get(row, 14)?,
        locale: get(row, 15)?,
        time_zone: get(row, 16)?,
        sealed_token: get(row, 17)?,
        expires_at: get(row, 18)?,
        first_attempt_at: get(row, 19)?,
        rfc_message_id: get::<Option<String>>(row, 20)?.unwrap_or_default(),
        accounts: get(row, 22)?,
    })
}

const RELEASED: &str = "UPDATE message SET state = CASE WHEN attempts = 0 THEN 'QUEUED' ELSE 'DEFERRED' END, \
     lease_owner = NULL, lease_until = NULL WHERE state = 'SENDING' AND lease_owner";

/// Gives back what `owner` has claimed and not begun to hand over, by its ids: a look at `pending` could lead through all letters
/// that wait.
///
/// # Errors
/// Where the database does not answer.
pub async fn release(tx: &Transaction, owner: Uuid, letters: &[Queued]) -> Result<(), DbErr> {
    let dialect = tx.dialect();
    let ids = dialect.uuids(letters.iter().map(|letter| letter.subject.message.uuid()));
    let sql = format!("{RELEASED} = $1 AND {}", dialect.in_uuids("id", 2));
    tx.execute_raw(tx.statement(sql, [owner.into(), ids])).await?;
    Ok(())
}

/// Gives back what everybody but `owner` has claimed. Only where nobody else can be alive.
///
/// # Errors
/// Where the database does not answer.
pub async fn release_all(tx: &Transaction, owner: Uuid) -> Result<(), DbErr> {
    let sql = format!("{RELEASED} <> $1 AND pending");
    tx.execute_raw(tx.statement(sql, [owner.into()])).await?;
    Ok(())
}
