//! Rows of `account`.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Column, Transaction};
use usher_types::{AccountId, ContactId, OrganizationId, Version, fold};

use super::batch::Batch;
use super::columns::{Columns, named};
use super::contacts::for_update;
use super::links::own_accounts;
use super::params::Params;
use super::rows::Rows;
use super::tags;
use crate::domain::account::Account;

/// What [`read`] reads.
pub(super) const COLUMNS: [&str; 9] = [
    "id",
    "organization_id",
    "version",
    "name",
    "kind",
    "tags",
    "portal_contacts",
    "created_at",
    "updated_at",
];

const ROWS: Rows<Account> = Rows {
    table: "account",
    columns: &[
        Column::uuid("id", |account| account.id.uuid()),
        Column::uuid("organization_id", |account| account.organization.uuid()),
        Column::number("version", |account| account.version.raw()),
        Column::text("name", |account| &account.name),
        Column::string("name_sort", |account| fold(&account.name)),
        Column::text("kind", |account| account.kind.as_str()),
        Column::texts("tags", |account| &account.tags),
        Column::number("portal_contacts", |account| account.portal_contacts),
        Column::time("created_at", |account| account.created_at),
        Column::time("updated_at", |account| account.updated_at),
    ],
    conflict: "",
};

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
    select(tx, organization, ids, None, for_update(tx.dialect())).await
}

/// The accounts with these ids, in the order of ids. `of`: only those where this contact has login on.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[AccountId],
    of: Option<ContactId>,
) -> Result<Vec<Account>, DbErr> {
    select(tx, organization, ids, of, "").await
}

async fn select(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[AccountId],
    of: Option<ContactId>,
    lock: &str,
) -> Result<Vec<Account>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = tx.dialect().uuids(ids.iter().map(|id| id.uuid()));
    let mut params = Params::new([organization.uuid().into(), ids]);
    let sight = of.map(|me| format!(" AND a.id IN ({})", own_accounts(params.add(me.uuid()))));
    let sql = format!(
        "SELECT {} FROM account a WHERE a.organization_id = $1 AND {}{} ORDER BY a.id{lock}",
        named("a", &COLUMNS),
        tx.dialect().in_uuids("a.id", 2),
        sight.unwrap_or_default(),
    );
    let rows = tx.query_all_raw(tx.statement(sql, params.into_values())).await?;
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Locks one account, and says whether this contact is linked to it. The contact is locked before.
pub(crate) async fn lock_with(
    tx: &Transaction,
    organization: OrganizationId,
    account: AccountId,
    contact: ContactId,
) -> Result<Option<(Account, bool)>, DbErr> {
    let sql = format!(
        "SELECT {}, EXISTS (SELECT 1 FROM link l WHERE l.organization_id = $1 AND l.account_id = a.id \
         AND l.contact_id = $3) FROM account a WHERE a.organization_id = $1 AND a.id = $2{}",
        named("a", &COLUMNS),
        for_update(tx.dialect())
    );
    let values = [
        organization.uuid().into(),
        account.uuid().into(),
        contact.uuid().into(),
    ];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    let read = |row: QueryResult| {
        let mut columns = Columns::of(&row);
        Ok((read(&mut columns)?, columns.get()?))
    };
    row.map(read).transpose()
}

/// Locks the accounts where one of these contacts has login on. The contacts are locked before, so that no link of theirs comes or
/// goes.
pub(crate) async fn lock_own(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<Vec<AccountId>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT a.id FROM account a WHERE a.organization_id = $1 AND a.id IN (SELECT own.account_id FROM link own \
         WHERE own.organization_id = $1 AND {} AND own.login) ORDER BY a.id{}",
        dialect.in_uuids("own.contact_id", 2),
        for_update(dialect)
    );
    let contacts = dialect.uuids(contacts.iter().map(|id| id.uuid()));
    let values = [organization.uuid().into(), contacts];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| Columns::of(row).id()).collect()
}

/// Writes new accounts.
pub(crate) fn insert(batch: &mut Batch, organization: OrganizationId, accounts: &[Account]) {
    batch.rows(&ROWS, accounts);
    let tagged = accounts
        .iter()
        .map(|account| (account.id.uuid(), account.tags.as_slice()));
    tags::insert(batch, &tags::ACCOUNT, organization, tagged);
}

/// An account after a change, and how many links it has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) account: Account,
    pub(crate) contacts: usize,
    pub(crate) primaries: usize,
}

/// `RETURNING …` of an UPDATE of `account`, read by [`counted`].
fn returning() -> String {
    let links = "SELECT count(*) FROM link l WHERE l.organization_id = account.organization_id AND l.account_id = account.id";
    format!(
        "RETURNING {}, ({links}), ({links} AND l.is_primary)",
        named("account", &COLUMNS)
    )
}

fn counted(row: &QueryResult) -> Result<Counted, DbErr> {
    let mut columns = Columns::of(row);
    let account = read(&mut columns)?;
    let mut count = || Ok::<_, DbErr>(usize::try_from(columns.get::<i64>()?).unwrap_or_default());
    Ok(Counted {
        account,
        contacts: count()?,
        primaries: count()?,
    })
}

/// Writes what updateAccount changes of an account that is locked; its tags' rows apart, see [`retag`].
pub(crate) async fn update(tx: &Transaction, account: &Account) -> Result<Counted, DbErr> {
    let mut counted = update_all(tx, std::slice::from_ref(account)).await?;
    counted
        .pop()
        .ok_or_else(|| DbErr::RecordNotFound(account.id.to_string()))
}

/// Writes what became of some, as [`update`] does. In the order of ids.
pub(crate) async fn update_all(tx: &Transaction, accounts: &[Account]) -> Result<Vec<Counted>, DbErr> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let own = "account.organization_id = r.organization_id";
    let (sql, values) = ROWS.update(tx.dialect(), accounts, own);
    let rows = tx
        .query_all_raw(tx.statement(format!("{sql} {}", returning()), values))
        .await?;
    let mut counted = rows.iter().map(counted).collect::<Result<Vec<_>, _>>()?;
    counted.sort_unstable_by_key(|counted| counted.account.id);
    Ok(counted)
}

/// Writes the rows of another set of tags.
pub(crate) fn retag(batch: &mut Batch, before: &Account, after: &Account) {
    tags::replace(
        batch,
        &tags::ACCOUNT,
        after.organization,
        after.id.uuid(),
        (&before.tags, &after.tags),
    );
}

/// Who makes an account ACTIVE (C11).
const PORTAL_CONTACTS: &str = "(SELECT count(*) FROM link l \
     JOIN contact c ON c.organization_id = l.organization_id AND c.id = l.contact_id \
     WHERE l.organization_id = account.organization_id AND l.account_id = account.id AND l.login AND c.active AND c.role <> 'LEAD')";

/// Raises the versions of accounts whose links became others and counts anew who makes them ACTIVE (C11). They are locked, so
/// that two who count see each other. In the order of ids.
pub(crate) async fn relink(
    tx: &Transaction,
    organization: OrganizationId,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Vec<Counted>, DbErr> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "UPDATE account SET version = version + 1, updated_at = $2, portal_contacts = {PORTAL_CONTACTS} \
         WHERE organization_id = $1 AND {} {}",
        tx.dialect().in_uuids("id", 3),
        returning(),
    );
    let ids = tx.dialect().uuids(accounts.iter().map(|id| id.uuid()));
    let values = [organization.uuid().into(), now.into(), ids];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut counted = rows.iter().map(counted).collect::<Result<Vec<_>, _>>()?;
    counted.sort_unstable_by_key(|counted| counted.account.id);
    Ok(counted)
}

/// Counts anew who makes these accounts ACTIVE, after a contact's role or activity changed. They are locked.
pub(crate) fn recount_portal(batch: &mut Batch, organization: OrganizationId, accounts: &[AccountId]) {
    if accounts.is_empty() {
        return;
    }
    let dialect = batch.dialect();
    let sql = format!(
        "UPDATE account SET portal_contacts = {PORTAL_CONTACTS} WHERE organization_id = $1 AND {}",
        dialect.in_uuids("id", 2),
    );
    let ids = dialect.uuids(accounts.iter().map(|id| id.uuid()));
    batch.add(sql, [organization.uuid().into(), ids]);
}
