//! Portal access: loaded with its rows locked, decided upon in memory, written back with one statement.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde::Serialize;
use usher_database::{Dialect, Transaction};
use usher_types::{ContactId, OrganizationId, Version};
use uuid::Uuid;

use super::recordset::{self, Kind, json, names, recordset};
use super::row::Columns;
use crate::domain::portal::{Access, Person};

const COLUMNS: [(&str, Kind); 26] = [
    ("contact_id", Kind::Uuid),
    ("organization_id", Kind::Uuid),
    ("contact_version", Kind::BigInt),
    ("role", Kind::Text),
    ("active", Kind::Boolean),
    ("links", Kind::BigInt),
    ("links_with_login", Kind::BigInt),
    ("email", Kind::Text),
    ("email_canonical", Kind::Text),
    ("email_state", Kind::Text),
    ("email_duplicate", Kind::Boolean),
    ("first_name", Kind::Text),
    ("last_name", Kind::Text),
    ("locale", Kind::Text),
    ("time_zone", Kind::Text),
    ("status", Kind::Text),
    ("version", Kind::BigInt),
    ("invitation_id", Kind::Uuid),
    ("address", Kind::Text),
    ("generation", Kind::BigInt),
    ("invited_at", Kind::Time),
    ("invited_by", Kind::Text),
    ("expires_at", Kind::Time),
    ("accepted_at", Kind::Time),
    ("first_signed_in_at", Kind::Time),
    ("last_signed_in_at", Kind::Time),
];

/// Where what was heard of the contact ends in [`COLUMNS`], and our own begins.
const OWN: usize = 15;

/// Our own of a row.
#[derive(Serialize)]
struct Standing<'a> {
    #[serde(serialize_with = "recordset::uuid")]
    contact_id: Uuid,
    #[serde(serialize_with = "recordset::uuid")]
    organization_id: Uuid,
    status: &'static str,
    version: i64,
    #[serde(serialize_with = "recordset::uuid_option")]
    invitation_id: Option<Uuid>,
    address: Option<&'a str>,
    generation: i64,
    #[serde(serialize_with = "recordset::time_option")]
    invited_at: Option<DateTime<Utc>>,
    invited_by: Option<&'a str>,
    #[serde(serialize_with = "recordset::time_option")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "recordset::time_option")]
    accepted_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "recordset::time_option")]
    first_signed_in_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "recordset::time_option")]
    last_signed_in_at: Option<DateTime<Utc>>,
}

impl<'a> From<&'a Access> for Standing<'a> {
    fn from(access: &'a Access) -> Self {
        Self {
            contact_id: access.contact.uuid(),
            organization_id: access.organization.uuid(),
            status: access.status.as_str(),
            version: access.version.raw(),
            invitation_id: access.invitation.map(Into::into),
            address: access.address.as_deref(),
            generation: access.generation,
            invited_at: access.invited_at,
            invited_by: access.invited_by.as_deref(),
            expires_at: access.expires_at,
            accepted_at: access.accepted_at,
            first_signed_in_at: access.first_signed_in_at,
            last_signed_in_at: access.last_signed_in_at,
        }
    }
}

/// A whole row.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    standing: Standing<'a>,
    contact_version: i64,
    role: &'static str,
    active: bool,
    links: i64,
    links_with_login: i64,
    email: Option<&'a str>,
    email_canonical: Option<&'a str>,
    email_state: &'static str,
    email_duplicate: bool,
    first_name: &'a str,
    last_name: &'a str,
    locale: Option<&'a str>,
    time_zone: Option<&'a str>,
}

impl<'a> From<&'a Access> for Row<'a> {
    fn from(access: &'a Access) -> Self {
        let person = &access.person;
        Self {
            standing: access.into(),
            contact_version: person.version.raw(),
            role: person.role.as_str(),
            active: person.active,
            links: person.links,
            links_with_login: person.links_with_login,
            email: person.email.as_deref(),
            email_canonical: person.email_canonical.as_deref(),
            email_state: person.email_state.as_str(),
            email_duplicate: person.email_duplicate,
            first_name: &person.first_name,
            last_name: &person.last_name,
            locale: person.locale.as_deref(),
            time_zone: person.time_zone.as_deref(),
        }
    }
}

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
    })
}

/// Makes rows for contacts that were not heard of before; the others stay as they are. Waits for whoever is making the same
/// row.
pub(crate) async fn insert_unknown(tx: &Transaction, rows: &[Access]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let names = names(&COLUMNS);
    let from = recordset(tx.dialect(), 1, &COLUMNS);
    // one order of locks for everybody
    let sql = format!(
        "INSERT INTO portal_access ({names}) SELECT {names} FROM {from} WHERE true ORDER BY contact_id \
         ON CONFLICT (contact_id) DO NOTHING"
    );
    let rows: Vec<Row<'_>> = rows.iter().map(Row::from).collect();
    tx.execute_raw(tx.statement(sql, [json(&rows)?])).await?;
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

const OF: [(&str, Kind); 2] = [("of_organization", Kind::Uuid), ("of_contact", Kind::Uuid)];

#[derive(Serialize)]
struct Of {
    #[serde(serialize_with = "recordset::uuid")]
    of_organization: Uuid,
    #[serde(serialize_with = "recordset::uuid")]
    of_contact: Uuid,
}

/// As [`lock`], for a slice of messages of several organizations: each contact with the one that it is said to be of.
pub(crate) async fn lock_each(
    tx: &Transaction,
    contacts: impl IntoIterator<Item = (OrganizationId, ContactId)>,
) -> Result<Vec<Access>, DbErr> {
    let of: Vec<Of> = contacts
        .into_iter()
        .map(|(organization, contact)| Of {
            of_organization: organization.uuid(),
            of_contact: contact.uuid(),
        })
        .collect();
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "FOR UPDATE OF portal_access",
    };
    let sql = format!(
        "SELECT {} FROM {} JOIN portal_access ON contact_id = of_contact AND organization_id = of_organization \
         ORDER BY contact_id {lock}",
        names(&COLUMNS),
        recordset(tx.dialect(), 1, &OF),
    );
    let rows = tx.query_all_raw(tx.statement(sql, [json(&of)?])).await?;
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
        "SELECT {} FROM portal_access WHERE organization_id = $1 AND address = $2 AND status IN ('ACCEPTED', 'ACTIVE') \
         ORDER BY CASE WHEN email_canonical = address THEN 0 ELSE 1 END, accepted_at DESC LIMIT 1",
        names(&COLUMNS)
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [organization.uuid().into(), canonical.into()]))
        .await?;
    row.as_ref().map(read).transpose()
}

/// Writes changed rows back.
pub(crate) async fn save(tx: &Transaction, rows: &[Access]) -> Result<(), DbErr> {
    write(tx, rows.iter().map(Row::from).collect(), &COLUMNS[2..]).await
}

/// Writes changed rows back of contacts of whom nothing new was heard.
pub(crate) async fn save_standing(tx: &Transaction, rows: &[Access]) -> Result<(), DbErr> {
    write(tx, rows.iter().map(Standing::from).collect(), &COLUMNS[OWN..]).await
}

async fn write(tx: &Transaction, rows: Vec<impl Serialize>, columns: &[(&str, Kind)]) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let set: Vec<String> = columns
        .iter()
        .map(|(name, _)| format!("{name} = r.{name}"))
        .collect();
    let read = [&COLUMNS[..2], columns].concat();
    let sql = format!(
        "UPDATE portal_access SET {} FROM {} WHERE portal_access.contact_id = r.contact_id \
         AND portal_access.organization_id = r.organization_id",
        set.join(", "),
        recordset(tx.dialect(), 1, &read)
    );
    tx.execute_raw(tx.statement(sql, [json(&rows)?])).await?;
    Ok(())
}
