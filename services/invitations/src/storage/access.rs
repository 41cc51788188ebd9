//! Portal access: loaded with its rows locked, decided upon in memory, written back with one statement.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Column, Dialect, Transaction, names, records};
use usher_types::{ContactId, OrganizationId, Version};
use uuid::Uuid;

use super::row::Columns;
use crate::domain::budget::Tally;
use crate::domain::portal::{Access, Person};

const COLUMNS: [Column<Access>; 29] = [
    Column::uuid("contact_id", |access| access.contact.uuid()),
    Column::uuid("organization_id", |access| access.organization.uuid()),
    Column::text("status", |access| access.status.as_str()),
    Column::number("version", |access| access.version.raw()),
    Column::uuid_option("invitation_id", |access| access.invitation.map(Into::into)),
    Column::text_option("address", |access| access.address.as_deref()),
    Column::number("generation", |access| access.generation),
    Column::time_option("invited_at", |access| access.invited_at),
    Column::text_option("invited_by", |access| access.invited_by.as_deref()),
    Column::time_option("expires_at", |access| access.expires_at),
    Column::time_option("accepted_at", |access| access.accepted_at),
    Column::time_option("first_signed_in_at", |access| access.first_signed_in_at),
    Column::time_option("last_signed_in_at", |access| access.last_signed_in_at),
    Column::number("mail_day", |access| access.mails.day),
    Column::number("mails", |access| access.mails.count),
    Column::number("contact_version", |access| access.person.version.raw()),
    Column::text("role", |access| access.person.role.as_str()),
    Column::flag("active", |access| access.person.active),
    Column::number("links", |access| access.person.links),
    Column::number("links_with_login", |access| access.person.links_with_login),
    Column::text_option("email", |access| access.person.email.as_deref()),
    Column::text_option("email_canonical", |access| {
        access.person.email_canonical.as_deref()
    }),
    Column::text("email_state", |access| access.person.email_state.as_str()),
    Column::flag("email_duplicate", |access| access.person.email_duplicate),
    Column::flag("test", |access| access.person.test),
    Column::text("first_name", |access| &access.person.first_name),
    Column::text("last_name", |access| &access.person.last_name),
    Column::text_option("locale", |access| access.person.locale.as_deref()),
    Column::text_option("time_zone", |access| access.person.time_zone.as_deref()),
];

/// Where our own ends in [`COLUMNS`], and what was heard of the contact begins.
const HEARD: usize = 15;

fn read(row: &QueryResult) -> Result<Access, DbErr> {
    Ok(Access {
        contact: row.id("contact_id")?,
        organization: row.id("organization_id")?,
        person: Person {
            version: Version::from_raw(row.get("contact_version")?),
            role: row.named("role")?,
            active: row.get("active")?,
            links: row.get("links")?,
            links_with_login: row.get("links_with_login")?,
            email: row.get("email")?,
            email_canonical: row.get("email_canonical")?,
            email_state: row.named("email_state")?,
            email_duplicate: row.get("email_duplicate")?,
            test: row.get("test")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            locale: row.get("locale")?,
            time_zone: row.get("time_zone")?,
        },
        status: row.named("status")?,
        version: Version::from_raw(row.get("version")?),
        invitation: row.id_option("invitation_id")?,
        address: row.get("address")?,
        generation: row.get("generation")?,
        invited_at: row.get("invited_at")?,
        invited_by: row.get("invited_by")?,
        expires_at: row.get("expires_at")?,
        accepted_at: row.get("accepted_at")?,
        first_signed_in_at: row.get("first_signed_in_at")?,
        last_signed_in_at: row.get("last_signed_in_at")?,
        mails: Tally {
            day: row.get("mail_day")?,
            count: row.get("mails")?,
        },
    })
}

/// Makes rows for contacts that were not heard of before; the others stay as they are. Waits for whoever is making the same
/// row.
pub(crate) async fn insert_unknown(tx: &Transaction, rows: &[Access]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = names(&COLUMNS);
    let (from, values) = records(tx.dialect(), [], &COLUMNS, rows);
    // one order of locks for everybody
    let sql = format!(
        "INSERT INTO portal_access ({names}) SELECT {names} FROM {from} WHERE true ORDER BY contact_id \
         ON CONFLICT (contact_id) DO NOTHING"
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

const fn for_update(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE",
    }
}

/// The rows of these contacts of an organization, locked until the transaction's end, in the order of their ids.
pub(crate) async fn lock(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: impl IntoIterator<Item = ContactId>,
) -> Result<Vec<Access>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT {} FROM portal_access WHERE organization_id = $2 AND {} ORDER BY contact_id {}",
        names(&COLUMNS),
        dialect.in_uuids("contact_id", 1),
        for_update(dialect)
    );
    let ids = dialect.uuids(contacts.into_iter().map(ContactId::uuid));
    let rows = tx
        .query_all_raw(tx.statement(sql, [ids, organization.uuid().into()]))
        .await?;
    rows.iter().map(read).collect()
}

/// The next rows behind an id, of all organizations, in the order of ids.
pub(crate) async fn next(tx: &Transaction, after: Uuid, limit: i64) -> Result<Vec<Access>, DbErr> {
    let sql = format!(
        "SELECT {} FROM portal_access WHERE contact_id > $1 ORDER BY contact_id LIMIT $2",
        names(&COLUMNS)
    );
    let rows = tx
        .query_all_raw(tx.statement(sql, [after.into(), limit.into()]))
        .await?;
    rows.iter().map(read).collect()
}

/// Raises the versions of the next rows behind an id, of all organizations.
pub(crate) async fn restate(
    tx: &Transaction,
    by: i64,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Access>, DbErr> {
    let sql = format!(
        "UPDATE portal_access SET version = version + $1 WHERE contact_id IN (SELECT p.contact_id FROM portal_access p \
         WHERE p.contact_id > $2 ORDER BY p.contact_id LIMIT $3) RETURNING {}",
        names(&COLUMNS)
    );
    let rows = tx
        .query_all_raw(tx.statement(sql, [by.into(), after.into(), limit.into()]))
        .await?;
    rows.iter().map(read).collect()
}

/// As [`lock`], for a slice of messages of several organizations: each contact with the one that it is said to be of.
pub(crate) async fn lock_each(
    tx: &Transaction,
    contacts: impl IntoIterator<Item = (OrganizationId, ContactId)>,
) -> Result<Vec<Access>, DbErr> {
    const OF: [Column<(OrganizationId, ContactId)>; 2] = [
        Column::uuid("of_organization", |of| of.0.uuid()),
        Column::uuid("of_contact", |of| of.1.uuid()),
    ];
    let of: Vec<_> = contacts.into_iter().collect();
    let (from, values) = records(tx.dialect(), [], &OF, &of);
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE OF portal_access",
    };
    let sql = format!(
        "SELECT {} FROM {from} JOIN portal_access ON contact_id = of_contact AND organization_id = of_organization \
         ORDER BY contact_id {lock}",
        names(&COLUMNS),
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(read).collect()
}

/// The row of one contact of an organization, not locked.
pub(crate) async fn find(
    tx: &Transaction,
    organization: OrganizationId,
    contact: ContactId,
) -> Result<Option<Access>, DbErr> {
    let sql = format!(
        "SELECT {} FROM portal_access WHERE contact_id = $1 AND organization_id = $2",
        names(&COLUMNS)
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [contact.uuid().into(), organization.uuid().into()]))
        .await?;
    row.as_ref().map(read).transpose()
}

/// Whom an address signs in. A contact whose address it still is comes before one who only used to have it.
pub(crate) async fn find_by_address(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
) -> Result<Option<Access>, DbErr> {
    let sql = format!(
        "SELECT {} FROM portal_access WHERE organization_id = $1 AND sign_in_address = $2 \
         ORDER BY CASE WHEN email_canonical = address THEN 0 ELSE 1 END, accepted_at DESC LIMIT 1",
        names(&COLUMNS)
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [organization.uuid().into(), canonical.into()]))
        .await?;
    row.as_ref().map(read).transpose()
}

/// Whose open invitation went to an address that is still theirs.
pub(crate) async fn find_invited(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
) -> Result<Option<Access>, DbErr> {
    let sql = format!(
        "SELECT {} FROM portal_access WHERE organization_id = $1 AND email_canonical = $2 AND address = $2 \
         AND status = 'INVITED' ORDER BY invited_at DESC LIMIT 1",
        names(&COLUMNS)
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [organization.uuid().into(), canonical.into()]))
        .await?;
    row.as_ref().map(read).transpose()
}

/// Writes changed rows back.
pub(crate) async fn save(tx: &Transaction, rows: &[Access]) -> Result<(), DbErr> {
    write(tx, rows, &COLUMNS).await
}

/// Writes changed rows back of contacts of whom nothing new was heard.
pub(crate) async fn save_standing(tx: &Transaction, rows: &[Access]) -> Result<(), DbErr> {
    write(tx, rows, &COLUMNS[..HEARD]).await
}

async fn write(tx: &Transaction, rows: &[Access], columns: &[Column<Access>]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let set: Vec<String> = columns[2..]
        .iter()
        .map(|column| format!("{name} = r.{name}", name = column.name()))
        .collect();
    let (from, values) = records(tx.dialect(), [], columns, rows);
    let sql = format!(
        "UPDATE portal_access SET {} FROM {from} WHERE portal_access.contact_id = r.contact_id \
         AND portal_access.organization_id = r.organization_id",
        set.join(", "),
    );
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}
