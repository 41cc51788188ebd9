//! Rows of `link`.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use usher_database::{Column, Dialect, Transaction};
use usher_types::{AccountId, ContactId, LinkId, OrganizationId};
use uuid::Uuid;

use super::accounts;
use super::batch::Batch;
use super::columns::{Columns, named};
use super::params::Params;
use super::rows::Rows;
use crate::domain::account::Account;
use crate::domain::filter::Linked;
use crate::domain::link::{Link, Toggles};

const COLUMNS: [&str; 7] = [
    "id",
    "account_id",
    "contact_id",
    "is_primary",
    "login",
    "notify",
    "email_sync",
];
/// A new link, its organization, and when it is made.
type New = (OrganizationId, Link, DateTime<Utc>);

const ROWS: Rows<New> = Rows {
    table: "link",
    columns: &[
        Column::uuid("id", |new| new.1.id.uuid()),
        Column::uuid("organization_id", |new| new.0.uuid()),
        Column::uuid("account_id", |new| new.1.account.uuid()),
        Column::uuid("contact_id", |new| new.1.contact.uuid()),
        Column::flag("is_primary", |new| new.1.toggles.primary),
        Column::flag("login", |new| new.1.toggles.login),
        Column::flag("notify", |new| new.1.toggles.notify),
        Column::flag("email_sync", |new| new.1.toggles.email_sync),
        Column::time("created_at", |new| new.2),
        Column::time_option("login_since", |new| new.1.toggles.login.then_some(new.2)),
    ],
    conflict: "",
};

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

/// Writes new links. Accounts and contacts that were there before are locked.
pub(crate) fn insert(batch: &mut Batch, organization: OrganizationId, links: &[Link], now: DateTime<Utc>) {
    let rows: Vec<New> = links
        .iter()
        .map(|link| (organization, link.clone(), now))
        .collect();
    batch.rows(&ROWS, &rows);
}

/// Whoever is primary in these accounts is so no more: one of the links that follow takes the place.
pub(crate) fn demote(batch: &mut Batch, organization: OrganizationId, accounts: &[AccountId]) {
    if accounts.is_empty() {
        return;
    }
    let dialect = batch.dialect();
    let sql = format!(
        "UPDATE link SET is_primary = FALSE WHERE organization_id = $1 AND {} AND is_primary",
        dialect.in_uuids("account_id", 2)
    );
    let ids = dialect.uuids(accounts.iter().map(|id| id.uuid()));
    batch.add(sql, [organization.uuid().into(), ids]);
}

/// The oldest link of an account becomes its primary one.
pub(crate) async fn promote_oldest(
    tx: &Transaction,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), DbErr> {
    let sql = "UPDATE link SET is_primary = TRUE WHERE organization_id = $1 AND id = (SELECT l.id FROM link l \
         WHERE l.organization_id = $1 AND l.account_id = $2 ORDER BY l.created_at, l.id LIMIT 1)";
    let values = [organization.uuid().into(), account.uuid().into()];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Removes a link and gives what it was.
pub(crate) async fn remove(
    tx: &Transaction,
    organization: OrganizationId,
    account: AccountId,
    contact: ContactId,
) -> Result<Option<Link>, DbErr> {
    let sql = format!(
        "DELETE FROM link WHERE organization_id = $1 AND account_id = $2 AND contact_id = $3 RETURNING {}",
        named("link", &COLUMNS)
    );
    let values = [
        organization.uuid().into(),
        account.uuid().into(),
        contact.uuid().into(),
    ];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.map(|row| read(&mut Columns::of(&row))).transpose()
}

/// The accounts that these contacts are linked to. The contacts are locked, or new.
pub(crate) async fn linked(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, AccountId)>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT l.contact_id, l.account_id FROM link l WHERE l.organization_id = $1 AND {}",
        dialect.in_uuids("l.contact_id", 2)
    );
    let contacts = dialect.uuids(contacts.iter().map(|id| id.uuid()));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), contacts]))
        .await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, columns.id()?))
    };
    rows.iter().map(read).collect()
}

/// Which toggles a change sets; absent ones stay.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ToggleChange {
    pub(crate) login: Option<bool>,
    pub(crate) notify: Option<bool>,
    pub(crate) email_sync: Option<bool>,
}

/// Sets toggles on every link between these accounts and contacts and gives the links that became others.
pub(crate) async fn set_toggles(
    tx: &Transaction,
    organization: OrganizationId,
    accounts: &[AccountId],
    contacts: &[ContactId],
    change: ToggleChange,
    now: DateTime<Utc>,
) -> Result<Vec<Link>, DbErr> {
    let dialect = tx.dialect();
    let mut params = Params::new([
        organization.uuid().into(),
        dialect.uuids(accounts.iter().map(|id| id.uuid())),
        dialect.uuids(contacts.iter().map(|id| id.uuid())),
    ]);
    let toggles = [
        ("login", change.login),
        ("notify", change.notify),
        ("email_sync", change.email_sync),
    ];
    let given = toggles
        .into_iter()
        .filter_map(|(column, value)| Some((column, value?)));
    let (mut set, differs): (Vec<String>, Vec<String>) = given
        .map(|(column, value)| {
            let number = params.add(value);
            (format!("{column} = ${number}"), format!("{column} <> ${number}"))
        })
        .unzip();
    if contacts.is_empty() || set.is_empty() {
        return Ok(Vec::new());
    }
    set.extend(change.login.map(|login| match login {
        true => format!(
            "login_since = CASE WHEN login THEN login_since ELSE ${} END",
            params.add(now)
        ),
        false => "login_since = NULL".to_owned(),
    }));
    let sql = format!(
        "UPDATE link SET {} WHERE organization_id = $1 AND {} AND {} AND ({}) RETURNING {}",
        set.join(", "),
        dialect.in_uuids("account_id", 2),
        dialect.in_uuids("contact_id", 3),
        differs.join(" OR "),
        named("link", &COLUMNS),
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

/// Links with their accounts, with one statement; those of a contact or account oldest first. `of`: only those of accounts
/// where this contact has login on.
pub(crate) async fn with_accounts(
    tx: &Transaction,
    organization: OrganizationId,
    by: By<'_>,
    of: Option<ContactId>,
) -> Result<Vec<(Link, Account)>, DbErr> {
    let (condition, ids) = by.condition(tx);
    let order = match by {
        By::Ids(_) => "l.id",
        By::Contacts(_) => "l.contact_id, l.id",
        By::Accounts(_) => "l.account_id, l.id",
    };
    let mut params = Params::new([organization.uuid().into(), ids]);
    let sight = of.map(|me| format!(" AND l.account_id IN ({})", own_accounts(params.add(me.uuid()))));
    let sql = format!(
        "SELECT {}, {} FROM link l JOIN account a ON a.organization_id = $1 AND a.id = l.account_id \
         WHERE l.organization_id = $1 AND {condition}{} ORDER BY {order}",
        named("l", &COLUMNS),
        named("a", &accounts::COLUMNS),
        sight.unwrap_or_default(),
    );
    let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
    let read_both = |row: &QueryResult| {
        let mut columns = Columns::of(row);
        Ok((read(&mut columns)?, accounts::read(&mut columns)?))
    };
    rows.iter().map(read_both).collect()
}

/// The condition on `link l` of `$1` that it lets the contact of this column into one of the accounts anew (I13).
pub(super) fn opened_of(linked: &Linked, contact: &str, dialect: Dialect, params: &mut Params) -> String {
    let accounts = params.add(dialect.uuids(linked.accounts.iter().map(|id| id.uuid())));
    let accounts = dialect.in_uuids("l.account_id", accounts);
    let opened = match linked.since {
        Some(since) => format!("l.login AND l.login_since >= ${}", params.add(since)),
        None => "NOT l.login".to_owned(),
    };
    format!("l.organization_id = $1 AND l.contact_id = {contact} AND {accounts} AND {opened}")
}

/// An account for which a contact's login was switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) contact: ContactId,
    pub(crate) account: AccountId,
    pub(crate) name: String,
    /// None: it would be.
    pub(crate) at: Option<DateTime<Utc>>,
}

/// The accounts that these contacts have been let into anew, by contact and name.
pub(crate) async fn opened(
    tx: &Transaction,
    organization: OrganizationId,
    linked: &Linked,
    contacts: &[ContactId],
) -> Result<Vec<Opened>, DbErr> {
    let dialect = tx.dialect();
    let ids = dialect.uuids(contacts.iter().map(|id| id.uuid()));
    let mut params = Params::new([organization.uuid().into(), ids]);
    let opened = opened_of(linked, "l.contact_id", dialect, &mut params);
    let sql = format!(
        "SELECT l.contact_id, l.account_id, a.name, l.login_since FROM link l \
         JOIN account a ON a.organization_id = $1 AND a.id = l.account_id WHERE {} AND {opened} \
         ORDER BY l.contact_id, a.name, a.id",
        dialect.in_uuids("l.contact_id", 2)
    );
    let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok(Opened {
            contact: columns.id()?,
            account: columns.id()?,
            name: columns.get()?,
            at: columns.get()?,
        })
    };
    rows.iter().map(read).collect()
}

/// The accounts of `$1` where the contact of this parameter has login on.
pub(super) fn own_accounts(contact: usize) -> String {
    format!(
        "SELECT own.account_id FROM link own WHERE own.organization_id = $1 AND own.contact_id = ${contact} AND own.login"
    )
}

/// Those of `contacts` who are linked to an account where `me` has login on.
pub(crate) async fn neighbours(
    tx: &Transaction,
    organization: OrganizationId,
    me: ContactId,
    contacts: &[ContactId],
) -> Result<Vec<ContactId>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT DISTINCT l.contact_id FROM link l WHERE l.organization_id = $1 AND {} AND l.account_id IN ({})",
        dialect.in_uuids("l.contact_id", 2),
        own_accounts(3)
    );
    let values = [
        organization.uuid().into(),
        dialect.uuids(contacts.iter().map(|id| id.uuid())),
        me.uuid().into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| Columns::of(row).id()).collect()
}
