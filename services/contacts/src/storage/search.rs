//! Search documents.

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction};
use usher_types::{ContactId, OrganizationId};

use super::columns::Columns;
use super::params::Params;
use crate::domain::search::document;

/// Documents that one statement writes.
const CHUNK: usize = 500;

/// Writes the documents of contacts anew, from their rows and the names of their accounts. Those that stay the same are
/// left alone, so that most changes do not touch the search index.
pub(crate) async fn rebuild(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<(), DbErr> {
    for chunk in contacts.chunks(CHUNK) {
        let documents = documents(tx, organization, chunk).await?;
        write(tx, organization, documents).await?;
    }
    Ok(())
}

async fn documents(
    tx: &Transaction,
    organization: OrganizationId,
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, String)>, DbErr> {
    let names = match tx.dialect() {
        Dialect::Postgres => "string_agg(a.name, E'\\n' ORDER BY a.id)",
        Dialect::Sqlite => "group_concat(a.name, char(10) ORDER BY a.id)",
    };
    let sql = format!(
        "SELECT c.id, c.first_name, c.last_name, c.email, c.email_canonical, c.phone, \
         (SELECT {names} FROM link l JOIN account a ON a.id = l.account_id WHERE l.contact_id = c.id) \
         FROM contact c WHERE c.organization_id = $1 AND {}",
        tx.dialect().in_uuids("c.id", 2),
    );
    let ids = tx.dialect().uuids(contacts.iter().map(|id| id.uuid()));
    let rows = tx
        .query_all_raw(tx.statement(sql, [organization.uuid().into(), ids]))
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<(ContactId, String), DbErr> {
    let mut columns = Columns::of(row);
    let id = columns.id()?;
    let (first, last): (String, String) = (columns.get()?, columns.get()?);
    let name = format!("{first} {last}");
    let typed: Option<String> = columns.get()?;
    let canonical: Option<String> = columns.get()?;
    // A domain of other than Latin letters is found in both its forms.
    let canonical = canonical
        .filter(|canonical| typed.as_ref().map(|typed| typed.to_lowercase()).as_ref() != Some(canonical));
    let phone: Option<String> = columns.get()?;
    let accounts: Option<String> = columns.get()?;
    let optional = [&typed, &canonical, &phone]
        .into_iter()
        .flatten()
        .map(String::as_str);
    let accounts = accounts.as_deref().unwrap_or_default().lines();
    Ok((
        id,
        document(std::iter::once(name.as_str()).chain(optional).chain(accounts)),
    ))
}

async fn write(
    tx: &Transaction,
    organization: OrganizationId,
    documents: Vec<(ContactId, String)>,
) -> Result<(), DbErr> {
    if documents.is_empty() {
        return Ok(());
    }
    let mut params = Params::new([organization.uuid().into()]);
    let mut rows = Vec::with_capacity(documents.len());
    for (contact, document) in documents {
        let (id, text) = (params.add(contact.uuid()), params.add(document));
        rows.push(format!("($1, ${id}, ${text})"));
    }
    let sql = format!(
        "INSERT INTO contact_search (organization_id, contact_id, document) VALUES {} \
         ON CONFLICT (contact_id) DO UPDATE SET document = excluded.document \
         WHERE contact_search.document <> excluded.document",
        rows.join(", ")
    );
    tx.execute_raw(tx.statement(sql, params.into_values())).await?;
    Ok(())
}
