//! Rows of `account`.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::Transaction;
use usher_types::{AccountId, OrganizationId, Version, fold};

use super::columns::Columns;
use super::contacts::for_update;
use super::params::json_texts;
use super::tags;
use crate::domain::account::Account;

/// What [`read`] reads, of `account a`.
pub(super) const COLUMNS: &str = "a.id, a.organization_id, a.version, a.name, a.kind, a.tags, a.portal_contacts, a.created_at, a.updated_at";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Account, DbErr> {
    Ok(Account {
        id: columns.id()?,
        organization: columns.id()?,
        version: Version::from_raw(columns.get()?),
        name: columns.get()?,
        kind: columns.name()?,
        tags: columns.texts()?,
        portal_contacts: columns.get()?,
        created_at: columns.get()?,
        updated_at: columns.get()?,
    })
}

/// The accounts with these ids, in the order of ids, locked against other writers. See [`super::contacts::lock`].
pub(crate) async fn lock(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[AccountId],
) -> Result<Vec<Account>, DbErr> {
    select(tx, organization, ids, for_update(tx.dialect())).await
}

/// The accounts with these ids, in the order of ids.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[AccountId],
) -> Result<Vec<Account>, DbErr> {
    select(tx, organization, ids, "").await
}

async fn select(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[AccountId],
    lock: &str,
) -> Result<Vec<Account>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM account a WHERE a.organization_id = $1 AND {} ORDER BY a.id{lock}",
        tx.dialect().in_uuids("a.id", 2),
    );
    let ids = tx.dialect().uuids(ids.iter().map(|id| id.uuid()));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Writes a new account.
pub(crate) async fn insert(tx: &Transaction, account: &Account) -> Result<(), DbErr> {
    let sql = "INSERT INTO account (id, organization_id, version, name, name_sort, kind, tags, portal_contacts, \
         created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = [
        account.id.uuid().into(),
        account.organization.uuid().into(),
        account.version.raw().into(),
        account.name.clone().into(),
        fold(&account.name).into(),
        account.kind.as_str().into(),
        json_texts(&account.tags),
        account.portal_contacts.into(),
        account.created_at.into(),
        account.updated_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    tags::insert(
        tx,
        tags::ACCOUNT,
        account.organization,
        account.id.uuid(),
        &account.tags,
    )
    .await
}

/// Writes what updateAccount changes.
pub(crate) async fn update(tx: &Transaction, account: &Account) -> Result<(), DbErr> {
    let sql = "UPDATE account SET version = $3, name = $4, name_sort = $5, kind = $6, tags = $7, updated_at = $8 \
         WHERE organization_id = $1 AND id = $2";
    let values = [
        account.organization.uuid().into(),
        account.id.uuid().into(),
        account.version.raw().into(),
        account.name.clone().into(),
        fold(&account.name).into(),
        account.kind.as_str().into(),
        json_texts(&account.tags),
        account.updated_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    tags::remove(tx, tags::ACCOUNT, account.id.uuid()).await?;
    tags::insert(
        tx,
        tags::ACCOUNT,
        account.organization,
        account.id.uuid(),
        &account.tags,
    )
    .await
}

/// Raises the versions of accounts whose contacts became others.
pub(crate) async fn touch(
    tx: &Transaction,
    organization: OrganizationId,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!(
        "UPDATE account SET version = version + 1, updated_at = $2 WHERE organization_id = $1 AND {}",
        tx.dialect().in_uuids("account.id", 3),
    );
    let ids = tx.dialect().uuids(accounts.iter().map(|id| id.uuid()));
    tx.execute_raw(tx.statement(sql, [organization.uuid().into(), now.into(), ids]))
        .await?;
    Ok(())
}

/// Counts anew who makes these accounts ACTIVE (C11). The accounts are locked, so that two who count see each other.
pub(crate) async fn recount_portal(
    tx: &Transaction,
    organization: OrganizationId,
    accounts: &[AccountId],
) -> Result<(), DbErr> {
    if accounts.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "UPDATE account SET portal_contacts = (SELECT count(*) FROM link l JOIN contact c ON c.id = l.contact_id \
         WHERE l.account_id = account.id AND l.login AND c.active AND c.role <> 'LEAD') \
         WHERE organization_id = $1 AND {}",
        tx.dialect().in_uuids("account.id", 2),
    );
    let ids = tx.dialect().uuids(accounts.iter().map(|id| id.uuid()));
    tx.execute_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    Ok(())
}
