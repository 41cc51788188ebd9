//! The activity log: append-only (C15).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{
    Column, Transaction,
    keyset::{Direction, Keyset, Order, Page, Position, Window, WindowError, fingerprint},
};
use usher_types::{ActivityId, ContactId, OrganizationId};

use super::batch::Batch;
use super::columns::Columns;
use super::params::Params;
use super::rows::Rows;
use crate::domain::activity::Activity;

/// Lines of a mass that one statement writes.
const CHUNK: usize = 5_000;

const ROWS: Rows<Activity> = Rows {
    table: "activity",
    columns: &[
        Column::uuid("id", |line| ActivityId::new(line.at).uuid()),
        Column::uuid("organization_id", |line| line.organization.uuid()),
        Column::uuid_option("contact_id", |line| line.contact.map(Into::into)),
        Column::uuid_option("account_id", |line| line.account.map(Into::into)),
        Column::time("at", |line| line.at),
        Column::text("actor", |line| &line.actor.name),
        Column::uuid_option("actor_id", |line| line.actor.id),
        Column::text("actor_kind", |line| line.actor.kind),
        Column::text("side", |line| line.actor.side),
        Column::text("action", |line| line.action),
        Column::text("summary", |line| &line.summary),
    ],
    conflict: "",
};

/// Writes lines.
pub(crate) fn insert(batch: &mut Batch, lines: &[Activity]) {
    batch.rows(&ROWS, lines);
}

/// Writes the lines of a mass, some thousands at once.
pub(crate) async fn insert_all(tx: &Transaction, lines: &[Activity]) -> Result<(), DbErr> {
    for chunk in lines.chunks(CHUNK) {
        let mut batch = Batch::new(tx);
        insert(&mut batch, chunk);
        batch.run(tx).await?;
    }
    Ok(())
}

/// A line as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) id: ActivityId,
    pub(crate) at: DateTime<Utc>,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) summary: String,
}

/// The place of a page of a contact's lines, newest first.
pub(crate) fn keyset(
    organization: OrganizationId,
    contact: ContactId,
    window: Window,
    now: DateTime<Utc>,
) -> Result<Keyset, WindowError> {
    let order = Order::new("ACTIVITY", "v.id").column("v.at", Direction::Descending);
    let owner = [organization.uuid(), contact.uuid()];
    Keyset::new(
        order,
        window,
        fingerprint(owner.iter().map(|id| id.as_bytes().as_slice())),
        now,
    )
}

/// One page of a contact's lines.
pub(crate) async fn page(
    tx: &Transaction,
    organization: OrganizationId,
    contact: ContactId,
    keyset: &Keyset,
) -> Result<Page<Line>, DbErr> {
    let seek = keyset.seek(3);
    let sql = format!(
        "SELECT v.id, v.at, v.actor, v.action, v.summary FROM activity v \
         WHERE v.organization_id = $1 AND v.contact_id = $2{} ORDER BY {} LIMIT {}",
        seek.condition,
        keyset.order_by(),
        keyset.fetch(),
    );
    let mut params = Params::new([organization.uuid().into(), contact.uuid().into()]);
    params.extend(seek.values);
    let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok(Line {
            id: columns.id()?,
            at: columns.get()?,
            actor: columns.get()?,
            action: columns.get()?,
            summary: columns.get()?,
        })
    };
    let lines = rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()?;
    Ok(keyset.page(lines, |line| Position::new(line.id, [line.at.into()])))
}

/// How many lines a contact has.
pub(crate) async fn count(
    tx: &Transaction,
    organization: OrganizationId,
    contact: ContactId,
) -> Result<i64, DbErr> {
    let sql = "SELECT count(*) FROM activity v WHERE v.organization_id = $1 AND v.contact_id = $2";
    let values = [organization.uuid().into(), contact.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}
