//! Rows of `link`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::Transaction;
use usher_types::{AccountId, ContactId, LinkId, OrganizationId};
use uuid::Uuid;

use super::accounts;
use super::columns::Columns;
use super::params::Params;
use crate::domain::account::Account;
use crate::domain::link::Toggles;

/// A link as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) account: AccountId,
    pub(crate) contact: ContactId,
    pub(crate) toggles: Toggles,
}

const COLUMNS: &str = "l.id, l.account_id, l.contact_id, l.is_primary, l.login, l.notify, l.email_sync";
/// Links that one statement writes.
const CHUNK: usize = 500;

fn read(columns: &mut Columns<'_>) -> Result<Link, DbErr> {
    Ok(Link {
        id: columns.id()?,
        account: columns.id()?,
        contact: columns.id()?,
        toggles: Toggles {
            primary: columns.get()?,
            login: columns.get()?,
            notify: columns.get()?,
            email_sync: columns.get()?,
        },
    })
}

/// Writes new links. A unique violation means that one of them was made meanwhile.
pub(crate) async fn insert(
    tx: &Transaction,
    organization: OrganizationId,
    links: &[Link],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    for chunk in links.chunks(CHUNK) {
        let mut params = Params::new([organization.uuid().into(), now.into()]);
        let mut tuples = Vec::with_capacity(chunk.len());
        for link in chunk {
            let first = params.next();
            params.extend([
                link.id.uuid().into(),
                link.account.uuid().into(),
                link.contact.uuid().into(),
                link.toggles.primary.into(),
                link.toggles.login.into(),
                link.toggles.notify.into(),
                link.toggles.email_sync.into(),
            ]);
            let numbers: Vec<String> = (first..params.next())
                .map(|number| format!("${number}"))
                .collect();
            tuples.push(format!("($1, $2, {})", numbers.join(", ")));
        }
        let sql = format!(
            "INSERT INTO link (organization_id, created_at, id, account_id, contact_id, is_primary, login, notify, \
             email_sync) VALUES {}",
            tuples.join(", ")
        );
        tx.execute_raw(tx.statement(sql, params.into_values())).await?;
    }
    Ok(())
}

/// How many links accounts have; those without any are left out.
pub(crate) async fn sizes(
    tx: &Transaction,
    accounts: &[AccountId],
) -> Result<HashMap<AccountId, usize>, DbErr> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT l.account_id, count(*) FROM link l WHERE {} GROUP BY l.account_id",
        tx.dialect().in_uuids("l.account_id", 1)
    );
    let ids = tx.dialect().uuids(accounts.iter().map(|id| id.uuid()));
    let rows = tx.query_all_raw(tx.statement(sql, [ids])).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((
            columns.id()?,
            usize::try_from(columns.get::<i64>()?).unwrap_or_default(),
        ))
    };
    rows.iter().map(read).collect()
}

/// How many links an account has, and how many of them are primary.
pub(crate) async fn count_of_account(tx: &Transaction, account: AccountId) -> Result<(usize, usize), DbErr> {
    let sql = "SELECT count(*), count(CASE WHEN l.is_primary THEN 1 END) FROM link l WHERE l.account_id = $1";
    let Some(row) = tx
        .query_one_raw(tx.statement(sql, [account.uuid().into()]))
        .await?
    else {
        return Ok((0, 0));
    };
    let mut columns = Columns::of(&row);
    let mut count = || {
        columns
            .get::<i64>()
            .map(|count| usize::try_from(count).unwrap_or_default())
    };
    Ok((count()?, count()?))
}

/// Another contact becomes the primary one of an account.
pub(crate) async fn demote_others(
    tx: &Transaction,
    account: AccountId,
    contact: ContactId,
) -> Result<(), DbErr> {
    let sql = "UPDATE link SET is_primary = FALSE WHERE account_id = $1 AND contact_id <> $2 AND is_primary";
    tx.execute_raw(tx.statement(sql, [account.uuid().into(), contact.uuid().into()]))
        .await?;
    Ok(())
}

/// The oldest link of an account becomes its primary one.
pub(crate) async fn promote_oldest(tx: &Transaction, account: AccountId) -> Result<(), DbErr> {
    let sql = "UPDATE link SET is_primary = TRUE WHERE id = (SELECT l.id FROM link l WHERE l.account_id = $1 \
         ORDER BY l.created_at, l.id LIMIT 1)";
    tx.execute_raw(tx.statement(sql, [account.uuid().into()])).await?;
    Ok(())
}

/// Removes a link and gives what it was.
pub(crate) async fn remove(
    tx: &Transaction,
    account: AccountId,
    contact: ContactId,
) -> Result<Option<Toggles>, DbErr> {
    let sql = "DELETE FROM link WHERE account_id = $1 AND contact_id = $2 \
         RETURNING is_primary, login, notify, email_sync";
    let values = [account.uuid().into(), contact.uuid().into()];
    let Some(row) = tx.query_one_raw(tx.statement(sql, values)).await? else {
        return Ok(None);
    };
    let mut columns = Columns::of(&row);
    Ok(Some(Toggles {
        primary: columns.get()?,
        login: columns.get()?,
        notify: columns.get()?,
        email_sync: columns.get()?,
    }))
}

/// Which toggles a change sets; absent ones stay.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ToggleChange {
    pub(crate) login: Option<bool>,
    pub(crate) notify: Option<bool>,
    pub(crate) email_sync: Option<bool>,
}

/// Sets toggles on links and gives those that became others.
pub(crate) async fn set_toggles(
    tx: &Transaction,
    links: &[LinkId],
    change: ToggleChange,
) -> Result<Vec<Link>, DbErr> {
    let mut params = Params::new([tx.dialect().uuids(links.iter().map(|id| id.uuid()))]);
    let mut set = Vec::new();
    let mut differs = Vec::new();
    for (column, value) in [
        ("login", change.login),
        ("notify", change.notify),
        ("email_sync", change.email_sync),
    ] {
        if let Some(value) = value {
            let number = params.add(value);
            set.push(format!("{column} = ${number}"));
            differs.push(format!("{column} <> ${number}"));
        }
    }
    if links.is_empty() || set.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "UPDATE link SET {} WHERE {} AND ({}) \
         RETURNING id, account_id, contact_id, is_primary, login, notify, email_sync",
        set.join(", "),
        tx.dialect().in_uuids("id", 1),
        differs.join(" OR "),
    );
    let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Which links are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By<'a> {
    Ids(&'a [LinkId]),
    Contacts(&'a [ContactId]),
    Accounts(&'a [AccountId]),
}

impl By<'_> {
    fn condition(self, tx: &Transaction) -> (String, Value) {
        let dialect = tx.dialect();
        let pair = |column: &str, ids: Vec<Uuid>| (dialect.in_uuids(column, 2), dialect.uuids(ids));
        match self {
            Self::Ids(ids) => pair("l.id", ids.iter().map(|id| id.uuid()).collect()),
            Self::Contacts(ids) => pair("l.contact_id", ids.iter().map(|id| id.uuid()).collect()),
            Self::Accounts(ids) => pair("l.account_id", ids.iter().map(|id| id.uuid()).collect()),
        }
    }
}

/// Links with their accounts, with one statement; those of a contact or account oldest first.
pub(crate) async fn with_accounts(
    tx: &Transaction,
    organization: OrganizationId,
    by: By<'_>,
) -> Result<Vec<(Link, Account)>, DbErr> {
    let (condition, ids) = by.condition(tx);
    let order = match by {
        By::Ids(_) => "l.id",
        By::Contacts(_) => "l.contact_id, l.id",
        By::Accounts(_) => "l.account_id, l.id",
    };
    let sql = format!(
        "SELECT {COLUMNS}, {} FROM link l JOIN account a ON a.id = l.account_id \
         WHERE l.organization_id = $1 AND {condition} ORDER BY {order}",
        accounts::COLUMNS,
    );
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    let read_both = |row: &QueryResult| {
        let mut columns = Columns::of(row);
        Ok((read(&mut columns)?, accounts::read(&mut columns)?))
    };
    rows.iter().map(read_both).collect()
}

/// Links without their accounts.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    by: By<'_>,
) -> Result<Vec<Link>, DbErr> {
    let (condition, ids) = by.condition(tx);
    let sql =
        format!("SELECT {COLUMNS} FROM link l WHERE l.organization_id = $1 AND {condition} ORDER BY l.id");
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}
