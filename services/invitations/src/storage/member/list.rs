//! Pages of members.

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_database::keyset::Keyset;
use usher_types::OrganizationId;

use super::{COLUMNS, FROM, Member, read};
use crate::storage::row::Columns;

/// Which of an organization's members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Which {
    /// Programs, or people.
    pub(crate) service_accounts: bool,
    /// None: both.
    pub(crate) active: Option<bool>,
}

impl Which {
    /// What a cursor of the list is good for.
    pub(crate) const fn name(self) -> &'static str {
        match (self.service_accounts, self.active) {
            (false, None) => "all",
            (false, Some(true)) => "active",
            (false, Some(false)) => "inactive",
            (true, None) => "all service accounts",
            (true, Some(true)) => "active service accounts",
            (true, Some(false)) => "inactive service accounts",
        }
    }

    fn condition(self) -> String {
        let active = match self.active {
            None => "",
            Some(true) => " AND active",
            Some(false) => " AND NOT active",
        };
        let not = if self.service_accounts { "" } else { "NOT " };
        format!(" AND {not}service_account{active}")
    }
}

/// A page of an organization's members, by name.
pub(crate) async fn list(
    tx: &Transaction,
    organization: OrganizationId,
    which: Which,
    keyset: &Keyset,
) -> Result<Vec<Member>, DbErr> {
    let seek = keyset.seek(2);
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE member.organization_id = $1{}{} ORDER BY {} LIMIT {}",
        which.condition(),
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
    which: Which,
) -> Result<i64, DbErr> {
    let sql = format!(
        "SELECT count(*) AS n FROM member WHERE organization_id = $1{}",
        which.condition()
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [organization.uuid().into()]))
        .await?;
    row.map_or(Ok(0), |row| row.get("n"))
}
