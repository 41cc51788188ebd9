//! Rows of `contact`.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Dialect, Transaction};
use usher_types::{AccountId, ContactId, OrganizationId, Version, fold};
use uuid::Uuid;

use super::batch::Batch;
use super::columns::{Columns, named};
use super::rows::Rows;
use super::told::{self, Told};
use super::{portal, tags};
use crate::domain::contact::Contact;

/// What [`read`] reads.
pub(super) const COLUMNS: [&str; 22] = [
    "id",
    "organization_id",
    "version",
    "role",
    "active",
    "test",
    "first_name",
    "last_name",
    "email",
    "email_canonical",
    "email_state",
    "email_duplicate",
    "phone",
    "notes",
    "tags",
    "external_id",
    "locale",
    "time_zone",
    "links",
    "links_with_login",
    "created_at",
    "updated_at",
];

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Contact, DbErr> {
    Ok(Contact {
        id: columns.id()?,
        organization: columns.id()?,
        version: Version::from_raw(columns.get()?),
        role: columns.name()?,
        active: columns.get()?,
        test: columns.get()?,
        first_name: columns.get()?,
        last_name: columns.get()?,
        email: columns.get()?,
        email_canonical: columns.get()?,
        email_state: columns.name()?,
        email_duplicate: columns.get()?,
        phone: columns.get()?,
        notes: columns.get()?,
        tags: columns.texts()?,
        external_id: columns.get()?,
        locale: columns.get()?,
        time_zone: columns.get()?,
        links: columns.get()?,
        links_with_login: columns.get()?,
        created_at: columns.get()?,
        updated_at: columns.get()?,
    })
}

/// Whose it is and which stand first.
const ROWS: Rows<Contact> = Rows {
    table: "contact",
    columns: &[
        Column::uuid("id", |contact| contact.id.uuid()),
        Column::uuid("organization_id", |contact| contact.organization.uuid()),
        Column::number("version", |contact| contact.version.raw()),
        Column::text("role", |contact| contact.role.as_str()),
        Column::flag("active", |contact| contact.active),
        Column::flag("test", |contact| contact.test),
        Column::text("first_name", |contact| &contact.first_name),
        Column::text("last_name", |contact| &contact.last_name),
        Column::string("first_name_sort", |contact| fold(&contact.first_name)),
        Column::string("last_name_sort", |contact| fold(&contact.last_name)),
        Column::text_option("email", |contact| contact.email.as_deref()),
        Column::text_option("email_canonical", |contact| contact.email_canonical.as_deref()),
        Column::text_option("email_domain", Contact::email_domain),
        Column::string("email_sort", |contact| {
            fold(contact.email.as_deref().unwrap_or_default())
        }),
        Column::text("email_state", |contact| contact.email_state.as_str()),
        Column::flag("email_duplicate", |contact| contact.email_duplicate),
        Column::text_option("email_unique", Contact::email_unique),
        Column::text_option("phone", |contact| contact.phone.as_deref()),
        Column::text_option("notes", |contact| contact.notes.as_deref()),
        Column::texts("tags", |contact| &contact.tags),
        Column::text_option("external_id", |contact| contact.external_id.as_deref()),
        Column::text_option("locale", |contact| contact.locale.as_deref()),
        Column::text_option("time_zone", |contact| contact.time_zone.as_deref()),
        Column::number("links", |contact| contact.links),
        Column::number("links_with_login", |contact| contact.links_with_login),
        Column::time("created_at", |contact| contact.created_at),
        Column::time("updated_at", |contact| contact.updated_at),
    ],
    conflict: "",
};

/// Rows stay ours until the transaction ends; SQLite's writers are alone anyway.
pub(super) const fn for_update(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR UPDATE",
    }
}

/// The contacts with these ids, in the order of ids, locked against other writers. Contacts are locked before accounts
/// everywhere, and both in the order of ids, so that no two writers wait for each other.
pub(crate) async fn lock(
    tx: &Transaction,
    organization: OrganizationId,
    ids: &[ContactId],
) -> Result<Vec<Contact>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT {} FROM contact c WHERE c.organization_id = $1 AND {} ORDER BY c.id{}",
        named("c", &COLUMNS),
        dialect.in_uuids("c.id", 2),
        for_update(dialect),
    );
    let ids = dialect.uuids(ids.iter().map(|id| id.uuid()));
    let values = [organization.uuid().into(), ids];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Which contacts of accounts are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Of<'a> {
    pub(crate) accounts: &'a [AccountId],
    /// Only this one, where given.
    pub(crate) only: Option<ContactId>,
    pub(crate) except: &'a [ContactId],
}

/// Locks the contacts of accounts as [`lock`] does and gives their versions, in the order of ids.
pub(crate) async fn lock_of(
    tx: &Transaction,
    organization: OrganizationId,
    of: Of<'_>,
) -> Result<Vec<(ContactId, Version)>, DbErr> {
    let dialect = tx.dialect();
    // Nobody has the nil id.
    let (meant, only) = match of.only {
        Some(only) => ("c.id = $4", only.uuid()),
        None => ("c.id <> $4", Uuid::nil()),
    };
    let sql = format!(
        "SELECT c.id, c.version FROM contact c WHERE c.organization_id = $1 AND {meant} AND NOT ({}) \
         AND c.id IN (SELECT l.contact_id FROM link l WHERE l.organization_id = $1 AND {}) ORDER BY c.id{}",
        dialect.in_uuids("c.id", 3),
        dialect.in_uuids("l.account_id", 2),
        for_update(dialect),
    );
    let values = [
        organization.uuid().into(),
        dialect.uuids(of.accounts.iter().map(|id| id.uuid())),
        dialect.uuids(of.except.iter().map(|id| id.uuid())),
        only.into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, Version::from_raw(columns.get()?)))
    };
    rows.iter().map(read).collect()
}

/// Writes new contacts of one organization with their portal rows and tags. A unique violation means that another contact took an
/// address meanwhile.
pub(crate) fn insert(batch: &mut Batch, organization: OrganizationId, contacts: &[Contact]) {
    batch.rows(&ROWS, contacts);
    portal::insert(batch, contacts);
    let tagged = contacts
        .iter()
        .map(|contact| (contact.id.uuid(), contact.tags.as_slice()));
    tags::insert(batch, &tags::CONTACT, organization, tagged);
}

/// Writes what became of a contact that is locked; its tags' rows apart, see [`retag`]. A unique violation means that another
/// contact took the address meanwhile.
pub(crate) async fn update(tx: &Transaction, contact: &Contact) -> Result<Told, DbErr> {
    let mut told = update_all(tx, std::slice::from_ref(contact)).await?;
    told.pop()
        .ok_or_else(|| DbErr::RecordNotFound(contact.id.to_string()))
}

/// Writes what became of some, as [`update`] does. In the order of ids.
pub(crate) async fn update_all(tx: &Transaction, contacts: &[Contact]) -> Result<Vec<Told>, DbErr> {
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    let own = "contact.organization_id = r.organization_id";
    let (sql, values) = ROWS.update(tx.dialect(), contacts, own);
    let sql = format!("{sql} {}", told::returning(tx.dialect()));
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut told = rows.iter().map(told::read).collect::<Result<Vec<_>, _>>()?;
    told.sort_unstable_by_key(|told| told.contact.id);
    Ok(told)
}

/// Raises the versions of the next contacts behind an id, of all organizations.
pub(crate) async fn restate(tx: &Transaction, by: i64, after: Uuid, limit: i64) -> Result<Vec<Told>, DbErr> {
    let sql = format!(
        "UPDATE contact SET version = version + $1 WHERE id IN (SELECT c.id FROM contact c WHERE c.id > $2 \
         ORDER BY c.id LIMIT $3) {}",
        told::returning(tx.dialect())
    );
    let rows = tx
        .query_all_raw(tx.statement(sql, [by.into(), after.into(), limit.into()]))
        .await?;
    rows.iter().map(told::read).collect()
}

/// Writes the rows of another set of tags.
pub(crate) fn retag(batch: &mut Batch, before: &Contact, after: &Contact) {
    tags::replace(
        batch,
        &tags::CONTACT,
        after.organization,
        after.id.uuid(),
        (&before.tags, &after.tags),
    );
}

/// Counts the links of contacts anew and raises their versions. In the order of ids.
pub(crate) async fn relink(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
    now: DateTime<Utc>,
) -> Result<Vec<Told>, DbErr> {
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    let links = "SELECT count(*) FROM link l WHERE l.organization_id = $1 AND l.contact_id = contact.id";
    let sql = format!(
        "UPDATE contact SET version = version + 1, updated_at = $2, links = ({links}), \
         links_with_login = ({links} AND l.login) WHERE organization_id = $1 AND {} {}",
        tx.dialect().in_uuids("id", 3),
        told::returning(tx.dialect()),
    );
    let ids = tx.dialect().uuids(contacts.iter().map(|contact| contact.uuid()));
    let values = [organization.uuid().into(), now.into(), ids];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut told = rows.iter().map(told::read).collect::<Result<Vec<_>, _>>()?;
    told.sort_unstable_by_key(|told| told.contact.id);
    Ok(told)
}
