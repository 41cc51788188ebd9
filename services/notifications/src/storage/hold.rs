//! Sendings that are held (I4). Their letters stand in a lane of their own, which no claim looks at: claiming costs what it did.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Dialect, Transaction, records};
use usher_events::Lane;
use usher_types::{MailingId, OrganizationId};

use super::row::{get, id};

/// The lane of letters that are held. Let go, they are part of a mass: nobody waits for one of them any more.
pub(super) const HELD: &str = "held";

/// A word about a sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub organization: OrganizationId,
    /// Which sending.
    pub mailing: MailingId,
    /// Held, or let go.
    pub held: bool,
    /// Goes up with every word about this sending: an older one changes nothing.
    pub version: i64,
}

/// Whoever stores letters and whoever holds them must not overlook each other, also where there is no row yet that both could
/// lock. Only PostgreSQL has two writers.
async fn lock(tx: &Transaction, function: &str) -> Result<(), DbErr> {
    /// "held", as a number.
    const KEY: i32 = 0x6865_6c64;
    if tx.dialect() == Dialect::Postgres {
        tx.execute_unprepared(&format!("SELECT {function}({KEY}, 0)"))
            .await?;
    }
    Ok(())
}

/// Notes the newest word about each sending. Letters that are stored from then on go where they belong; the others are moved
/// afterwards.
///
/// # Errors
/// Where the database does not answer.
pub async fn set_holds(tx: &Transaction, holds: &[Hold], now: DateTime<Utc>) -> Result<(), DbErr> {
    const COLUMNS: [Column<Hold>; 4] = [
        Column::uuid("mailing_id", |hold| hold.mailing.uuid()),
        Column::uuid("organization_id", |hold| hold.organization.uuid()),
        Column::flag("held", |hold| hold.held),
        Column::number("version", |hold| hold.version),
    ];
    let mut newest: BTreeMap<MailingId, &Hold> = BTreeMap::new();
    for hold in holds {
        let known = newest.entry(hold.mailing).or_insert(hold);
        if hold.version > known.version {
            *known = hold;
        }
    }
    lock(tx, "pg_advisory_xact_lock").await?;
    let (from, values) = records(tx.dialect(), [now.into()], &COLUMNS, newest.into_values());
    let sql = format!(
        "INSERT INTO mailing_hold (mailing_id, organization_id, held, version, moving, updated_at) \
         SELECT r.mailing_id, r.organization_id, r.held, r.version, true, $1 FROM {from} WHERE true \
         ON CONFLICT (mailing_id) DO UPDATE SET held = excluded.held, version = excluded.version, moving = true, updated_at = $1 \
         WHERE mailing_hold.version < excluded.version AND mailing_hold.organization_id = excluded.organization_id"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Which of these sendings are held; until the transaction's end nobody holds another.
///
/// # Errors
/// Where the database does not answer.
pub async fn held_mailings(
    tx: &Transaction,
    mailings: impl IntoIterator<Item = MailingId>,
) -> Result<HashSet<MailingId>, DbErr> {
    lock(tx, "pg_advisory_xact_lock_shared").await?;
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT mailing_id FROM mailing_hold WHERE held AND {}",
        dialect.in_uuids("mailing_id", 1)
    );
    let ids = dialect.uuids(mailings.into_iter().map(MailingId::uuid));
    let rows = tx.query_all_raw(tx.statement(sql, [ids])).await?;
    rows.iter().map(|row| id(row, 0)).collect()
}

/// A sending whose letters are to be moved, locked; none where there is none that nobody works on.
///
/// # Errors
/// Where the database does not answer.
pub async fn next_to_move(tx: &Transaction) -> Result<Option<Hold>, DbErr> {
    let sql = format!(
        "SELECT mailing_id, organization_id, held, version FROM mailing_hold WHERE moving ORDER BY updated_at LIMIT 1 {}",
        tx.dialect().skip_locked()
    );
    let row = tx.query_one_raw(tx.statement(sql, [])).await?;
    row.map(|row| {
        Ok(Hold {
            mailing: id(&row, 0)?,
            organization: id(&row, 1)?,
            held: get(&row, 2)?,
            version: get(&row, 3)?,
        })
    })
    .transpose()
}

impl Hold {
    /// The lanes that its letters are to leave.
    fn leaves(self) -> &'static [&'static str] {
        const FREE: [&str; 2] = [Lane::Interactive.as_str(), Lane::Bulk.as_str()];
        if self.held { &FREE } else { &[HELD] }
    }

    const fn goes_to(self) -> &'static str {
        if self.held { HELD } else { Lane::Bulk.as_str() }
    }
}

/// Moves up to `limit` letters of a lane, those that would be sent next first, and beginning with those due since `from`. Letters
/// under way are moved too: they go out, and come back into the right lane where that fails. A row that somebody is just
/// writing is left for another look. Returns since when the last of them was due.
async fn move_from(
    tx: &Transaction,
    hold: Hold,
    lane: &str,
    (from, limit): (DateTime<Utc>, u32),
) -> Result<Vec<DateTime<Utc>>, DbErr> {
    let from = if lane == Lane::Interactive.as_str() {
        DateTime::UNIX_EPOCH
    } else {
        from
    };
    let sql = format!(
        "UPDATE message SET lane = $1 WHERE pending AND id IN (SELECT id FROM message WHERE pending AND lane = $2 \
         AND organization_id = $3 AND mailing_id = $4 AND next_attempt_at >= $5 ORDER BY next_attempt_at LIMIT {limit} {}) \
         RETURNING next_attempt_at",
        tx.dialect().skip_locked()
    );
    let values = [
        hold.goes_to().into(),
        lane.into(),
        hold.organization.uuid().into(),
        hold.mailing.uuid().into(),
        from.into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| get(row, 0)).collect()
}

/// How far the move of a sending's letters is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The next slice begins here.
    UpTo(DateTime<Utc>),
    /// Somebody was writing the rest, and it is looked at again from the beginning.
    ButSome,
    /// All.
    All,
}

/// Moves a slice of a sending's letters to where they belong.
///
/// # Errors
/// Where the database does not answer.
pub async fn move_letters(
    tx: &Transaction,
    hold: Hold,
    (from, limit): (DateTime<Utc>, u32),
) -> Result<Moved, DbErr> {
    for lane in hold.leaves() {
        let moved = move_from(tx, hold, lane, (from, limit)).await?;
        if moved.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            continue;
        }
        // single letters are few, and say nothing about the mass
        let reached = moved
            .into_iter()
            .max()
            .filter(|_| *lane != Lane::Interactive.as_str());
        return Ok(Moved::UpTo(reached.unwrap_or(from)));
    }
    if has_left(tx, hold).await? {
        return Ok(Moved::ButSome);
    }
    let sql = "UPDATE mailing_hold SET moving = (1 = 0) WHERE mailing_id = $1 AND organization_id = $2 AND version = $3";
    let values = [
        hold.mailing.uuid().into(),
        hold.organization.uuid().into(),
        hold.version.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(Moved::All)
}

/// Whether a letter still stands in a lane that it is to leave.
async fn has_left(tx: &Transaction, hold: Hold) -> Result<bool, DbErr> {
    for lane in hold.leaves() {
        let sql = "SELECT 1 AS one FROM message WHERE pending AND lane = $1 AND organization_id = $2 AND mailing_id = $3 LIMIT 1";
        let values = [
            (*lane).into(),
            hold.organization.uuid().into(),
            hold.mailing.uuid().into(),
        ];
        if tx.query_one_raw(tx.statement(sql, values)).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
