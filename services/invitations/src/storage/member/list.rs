//! Pages of members.

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_database::keyset::Keyset;
use usher_types::OrganizationId;

use super::{COLUMNS, FROM, Member, read};
use crate::storage::row::Columns;

/// A page of an organization's members, by name.
pub(crate) async fn list(
    tx: &Transaction,
    organization: OrganizationId,
    active: Option<bool>,
    keyset: &Keyset,
) -> Result<Vec<Member>, DbErr> {
    let seek = keyset.seek(2);
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE member.organization_id = $1{}{} ORDER BY {} LIMIT {}",
        with_active(active),
        seek.condition,
        keyset.order_by(),
        keyset.fetch()
    );
    let values = std::iter::once(organization.uuid().into()).chain(seek.values);
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

/// How many members an organization has.
pub(crate) async fn count(
    tx: &Transaction,
    organization: OrganizationId,
    active: Option<bool>,
) -> Result<i64, DbErr> {
    let sql = format!(
        "SELECT count(*) AS n FROM member WHERE organization_id = $1{}",
        with_active(active)
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [organization.uuid().into()]))
        .await?;
    row.map_or(Ok(0), |row| row.get("n"))
}

const fn with_active(active: Option<bool>) -> &'static str {
    match active {
        None => "",
        Some(true) => " AND active",
        Some(false) => " AND NOT active",
    }
}
