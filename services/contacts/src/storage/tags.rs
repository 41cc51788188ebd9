//! Tags as rows, which filters look in; lists show those on the row itself.

use sea_orm::{ConnectionTrait, DbErr, Value};
use usher_database::Transaction;
use usher_types::OrganizationId;
use uuid::Uuid;

/// A table of tags and its column of owners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    name: &'static str,
    owner: &'static str,
}

/// Of contacts.
pub(super) const CONTACT: Table = Table {
    name: "contact_tag",
    owner: "contact_id",
};
/// Of accounts.
pub(super) const ACCOUNT: Table = Table {
    name: "account_tag",
    owner: "account_id",
};

pub(super) async fn insert(
    tx: &Transaction,
    table: Table,
    organization: OrganizationId,
    owner: Uuid,
    tags: &[String],
) -> Result<(), DbErr> {
    if tags.is_empty() {
        return Ok(());
    }
    let rows: Vec<String> = (0..tags.len())
        .map(|index| format!("($1, $2, ${})", index + 3))
        .collect();
    let sql = format!(
        "INSERT INTO {} (organization_id, {}, tag) VALUES {}",
        table.name,
        table.owner,
        rows.join(", ")
    );
    let owner: [Value; 2] = [organization.uuid().into(), owner.into()];
    let values = owner.into_iter().chain(tags.iter().cloned().map(Value::from));
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

pub(super) async fn remove(tx: &Transaction, table: Table, owner: Uuid) -> Result<(), DbErr> {
    let sql = format!("DELETE FROM {} WHERE {} = $1", table.name, table.owner);
    tx.execute_raw(tx.statement(sql, [owner.into()])).await?;
    Ok(())
}
