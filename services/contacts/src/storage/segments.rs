//! Segments as rows.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::{
    Transaction,
    keyset::{Direction, Keyset, Order, Page, Position, Window, WindowError, fingerprint},
};
use usher_types::{OrganizationId, SegmentId, Version, fold};

use super::columns::{Columns, named};
use super::contacts::for_update;
use super::params::Params;
use crate::domain::segment::Segment;

const COLUMNS: [&str; 7] = [
    "id",
    "organization_id",
    "name",
    "filter",
    "version",
    "created_at",
    "updated_at",
];

fn read(row: &QueryResult) -> Result<Segment, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Segment {
        id: columns.id()?,
        organization: columns.id()?,
        name: columns.get()?,
        filter: columns.get()?,
        version: Version::from_raw(columns.get()?),
        created_at: columns.get()?,
        updated_at: columns.get()?,
    })
}

/// Writes a new segment. A unique violation means that another one has its name.
pub(crate) async fn insert(tx: &Transaction, segment: &Segment) -> Result<(), DbErr> {
    let sql = format!(
        "INSERT INTO segment ({}, name_sort) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        COLUMNS.join(", ")
    );
    let values: [Value; 8] = [
        segment.id.uuid().into(),
        segment.organization.uuid().into(),
        segment.name.clone().into(),
        segment.filter.clone().into(),
        segment.version.raw().into(),
        segment.created_at.into(),
        segment.updated_at.into(),
        fold(&segment.name).into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await.map(drop)
}

/// Writes what became of a segment that is locked. A unique violation means that another one has its name.
pub(crate) async fn update(tx: &Transaction, segment: &Segment) -> Result<(), DbErr> {
    let sql = "UPDATE segment SET name = $3, name_sort = $4, filter = $5, version = $6, updated_at = $7 \
               WHERE organization_id = $1 AND id = $2";
    let values: [Value; 7] = [
        segment.organization.uuid().into(),
        segment.id.uuid().into(),
        segment.name.clone().into(),
        fold(&segment.name).into(),
        segment.filter.clone().into(),
        segment.version.raw().into(),
        segment.updated_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await.map(drop)
}

/// Removes a segment of an organization and gives back what its name was.
pub(crate) async fn delete(
    tx: &Transaction,
    organization: OrganizationId,
    id: SegmentId,
) -> Result<Option<String>, DbErr> {
    let sql = "DELETE FROM segment WHERE organization_id = $1 AND id = $2 RETURNING name";
    let values = [organization.uuid().into(), id.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// A segment of an organization, locked until the transaction ends.
pub(crate) async fn lock(
    tx: &Transaction,
    organization: OrganizationId,
    id: SegmentId,
) -> Result<Option<Segment>, DbErr> {
    let sql = format!(
        "SELECT {} FROM segment s WHERE s.organization_id = $1 AND s.id = $2{}",
        named("s", &COLUMNS),
        for_update(tx.dialect())
    );
    let values = [organization.uuid().into(), id.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

/// Those of these segments that the organization has.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[SegmentId],
) -> Result<Vec<Segment>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT {} FROM segment s WHERE s.organization_id = $1 AND {}",
        named("s", &COLUMNS),
        dialect.in_uuids("s.id", 2)
    );
    let ids = dialect.uuids(ids.iter().copied().map(SegmentId::uuid));
    let values = [organization.uuid().into(), ids];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

/// The place of a page of an organization's segments, by name.
pub(crate) fn keyset(
    organization: OrganizationId,
    window: Window,
    now: DateTime<Utc>,
) -> Result<Keyset, WindowError> {
    let order = Order::new("SEGMENT NAME", "s.id").column("s.name_sort", Direction::Ascending);
    let filter = fingerprint([organization.uuid().as_bytes().as_slice()]);
    Keyset::new(order, window, filter, now)
}

/// One page.
pub(crate) async fn page(
    tx: &Transaction,
    organization: OrganizationId,
    keyset: &Keyset,
) -> Result<Page<Segment>, DbErr> {
    let mut params = Params::new([organization.uuid().into()]);
    let seek = keyset.seek(params.next());
    params.extend(seek.values);
    let sql = format!(
        "SELECT {} FROM segment s WHERE s.organization_id = $1{} ORDER BY {} LIMIT {}",
        named("s", &COLUMNS),
        seek.condition,
        keyset.order_by(),
        keyset.fetch(),
    );
    let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
    let found = rows.iter().map(read).collect::<Result<Vec<_>, DbErr>>()?;
    Ok(keyset.page(found, |segment| {
        Position::new(segment.id, [fold(&segment.name).into()])
    }))
}

/// How many segments an organization has.
pub(crate) async fn count(tx: &Transaction, organization: OrganizationId) -> Result<i64, DbErr> {
    let sql = "SELECT count(*) FROM segment s WHERE s.organization_id = $1";
    let values = [organization.uuid().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}
