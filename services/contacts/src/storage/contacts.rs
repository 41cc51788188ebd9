//! Rows of `contact`.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Dialect, Transaction};
use usher_types::{ContactId, EmailState, OrganizationId, Version, fold};
use uuid::Uuid;

use super::columns::Columns;
use super::params::json_texts;
use super::{portal, tags};
use crate::domain::{address::Address, contact::Contact};

/// What [`read`] reads, of `contact c`.
pub(super) const COLUMNS: &str = "c.id, c.organization_id, c.version, c.role, c.active, c.first_name, c.last_name, \
     c.email, c.email_canonical, c.email_state, c.email_duplicate, c.phone, c.notes, c.tags, c.external_id, c.locale, \
     c.time_zone, c.links, c.links_with_login, c.created_at, c.updated_at";

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Contact, DbErr> {
    Ok(Contact {
        id: columns.id()?,
        organization: columns.id()?,
        version: Version::from_raw(columns.get()?),
        role: columns.name()?,
        active: columns.get()?,
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
    ids: impl IntoIterator<Item = ContactId>,
) -> Result<Vec<Contact>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT {COLUMNS} FROM contact c WHERE c.organization_id = $1 AND {} ORDER BY c.id{}",
        dialect.in_uuids("c.id", 2),
        for_update(dialect),
    );
    let ids = dialect.uuids(ids.into_iter().map(ContactId::uuid));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    rows.iter().map(|row| read(&mut Columns::of(row))).collect()
}

/// Writes a new contact with its portal row and tags. A unique violation means that another contact took the address
/// meanwhile.
pub(crate) async fn insert(
    tx: &Transaction,
    contact: &Contact,
    address: Option<&Address>,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO contact (id, organization_id, version, role, active, first_name, last_name, first_name_sort, \
         last_name_sort, email, email_canonical, email_domain, email_sort, email_state, email_duplicate, email_unique, \
         phone, notes, tags, external_id, locale, time_zone, links, links_with_login, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24, $25, $26)";
    let values = [
        contact.id.uuid().into(),
        contact.organization.uuid().into(),
        contact.version.raw().into(),
        contact.role.as_str().into(),
        contact.active.into(),
        contact.first_name.clone().into(),
        contact.last_name.clone().into(),
        fold(&contact.first_name).into(),
        fold(&contact.last_name).into(),
        contact.email.clone().into(),
        contact.email_canonical.clone().into(),
        address.map(|address| address.domain().to_owned()).into(),
        fold(contact.email.as_deref().unwrap_or_default()).into(),
        contact.email_state.as_str().into(),
        contact.email_duplicate.into(),
        address.and_then(Address::unique).map(str::to_owned).into(),
        contact.phone.clone().into(),
        contact.notes.clone().into(),
        json_texts(&contact.tags),
        contact.external_id.clone().into(),
        contact.locale.clone().into(),
        contact.time_zone.clone().into(),
        contact.links.into(),
        contact.links_with_login.into(),
        contact.created_at.into(),
        contact.updated_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    portal::insert(tx, contact.organization, contact.id).await?;
    tags::insert(
        tx,
        tags::CONTACT,
        contact.organization,
        contact.id.uuid(),
        &contact.tags,
    )
    .await
}

/// Writes what updateContact and setContactActive change; the address apart, see [`set_address`].
pub(crate) async fn update(tx: &Transaction, contact: &Contact) -> Result<(), DbErr> {
    let sql = "UPDATE contact SET version = $3, role = $4, active = $5, first_name = $6, last_name = $7, \
         first_name_sort = $8, last_name_sort = $9, phone = $10, notes = $11, tags = $12, updated_at = $13 \
         WHERE organization_id = $1 AND id = $2";
    let values = [
        contact.organization.uuid().into(),
        contact.id.uuid().into(),
        contact.version.raw().into(),
        contact.role.as_str().into(),
        contact.active.into(),
        contact.first_name.clone().into(),
        contact.last_name.clone().into(),
        fold(&contact.first_name).into(),
        fold(&contact.last_name).into(),
        contact.phone.clone().into(),
        contact.notes.clone().into(),
        json_texts(&contact.tags),
        contact.updated_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Writes another set of tags.
pub(crate) async fn replace_tags(tx: &Transaction, contact: &Contact) -> Result<(), DbErr> {
    tags::remove(tx, tags::CONTACT, contact.id.uuid()).await?;
    tags::insert(
        tx,
        tags::CONTACT,
        contact.organization,
        contact.id.uuid(),
        &contact.tags,
    )
    .await
}

/// Writes another address. A unique violation means that another contact took it meanwhile.
pub(crate) async fn set_address(
    tx: &Transaction,
    contact: &Contact,
    address: Option<&Address>,
    duplicate: bool,
) -> Result<(), DbErr> {
    let sql = "UPDATE contact SET email = $3, email_canonical = $4, email_domain = $5, email_sort = $6, \
         email_state = $7, email_duplicate = $8, email_unique = $9 WHERE organization_id = $1 AND id = $2";
    let state = address.map_or(EmailState::None, Address::state);
    let unique = address.and_then(Address::unique).filter(|_| !duplicate);
    let values = [
        contact.organization.uuid().into(),
        contact.id.uuid().into(),
        address.map(|address| address.typed.clone()).into(),
        address.map(|address| address.canonical.clone()).into(),
        address.map(|address| address.domain().to_owned()).into(),
        fold(address.map_or("", |address| &address.typed)).into(),
        state.as_str().into(),
        duplicate.into(),
        unique.map(str::to_owned).into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Who has a canonical address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) id: ContactId,
    pub(crate) active: bool,
}

/// The contact other than `except` that has this address, an active one before others.
pub(crate) async fn holder(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
    except: Option<ContactId>,
) -> Result<Option<Holder>, DbErr> {
    let sql = "SELECT c.id, c.active FROM contact c WHERE c.organization_id = $1 AND c.email_canonical = $2 \
         AND c.id <> $3 ORDER BY c.active DESC, c.id LIMIT 1";
    let except = except.map_or(Uuid::nil(), ContactId::uuid);
    let values = [organization.uuid().into(), canonical.into(), except.into()];
    let Some(row) = tx.query_one_raw(tx.statement(sql, values)).await? else {
        return Ok(None);
    };
    let mut columns = Columns::of(&row);
    Ok(Some(Holder {
        id: columns.id()?,
        active: columns.get()?,
    }))
}

/// Counts the links of contacts anew and raises their versions.
pub(crate) async fn recount_links(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = format!(
        "UPDATE contact SET version = version + 1, updated_at = $2, \
         links = (SELECT count(*) FROM link WHERE link.contact_id = contact.id), \
         links_with_login = (SELECT count(*) FROM link WHERE link.contact_id = contact.id AND link.login) \
         WHERE organization_id = $1 AND {}",
        tx.dialect().in_uuids("contact.id", 3),
    );
    let ids = tx.dialect().uuids(contacts.iter().map(|contact| contact.uuid()));
    tx.execute_raw(tx.statement(sql, [organization.uuid().into(), now.into(), ids]))
        .await?;
    Ok(())
}

/// The versions of contacts, in the order of ids.
pub(crate) async fn versions(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, Version)>, DbErr> {
    let sql = format!(
        "SELECT c.id, c.version FROM contact c WHERE c.organization_id = $1 AND {} ORDER BY c.id",
        tx.dialect().in_uuids("c.id", 2),
    );
    let ids = tx.dialect().uuids(contacts.iter().map(|contact| contact.uuid()));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, Version::from_raw(columns.get()?)))
    };
    rows.iter().map(read).collect()
}
