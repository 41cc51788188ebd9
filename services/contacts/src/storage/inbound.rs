//! What other services have said: which contact or account each of their ids stands for, and the version of each field.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Transaction};
use usher_types::{ContactId, OrganizationId};
use uuid::Uuid;

use super::columns::Columns;
use super::contacts::for_update;
use super::filter::json_texts;
use super::rows::Rows;
use crate::domain::inbound::Versions;

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Contact,
    Account,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Account => "account",
        }
    }
}

/// Whose ids: an organization's publisher's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Of<'a> {
    pub(crate) organization: OrganizationId,
    pub(crate) publisher: &'a str,
    pub(crate) kind: Kind,
}

/// An id of a publisher's, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) id: Uuid,
    pub(crate) versions: Versions,
}

/// What is known of these ids, ours until the transaction ends. Locked before contacts and accounts.
pub(crate) async fn lock(
    tx: &Transaction,
    of: Of<'_>,
    external_ids: &[String],
) -> Result<HashMap<String, Known>, DbErr> {
    let sql = format!(
        "SELECT i.external_id, i.id, i.versions FROM inbound i WHERE i.organization_id = $1 AND i.publisher = $2 \
         AND i.kind = $3 AND i.external_id IN {} ORDER BY i.external_id{}",
        json_texts(tx.dialect(), 4),
        for_update(tx.dialect())
    );
    let values = [
        of.organization.uuid().into(),
        of.publisher.into(),
        of.kind.as_str().into(),
        serde_json::Value::from(external_ids.to_vec()).to_string().into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        let (external_id, id) = (columns.get()?, columns.get()?);
        let versions: String = columns.get()?;
        let versions = serde_json::from_str(&versions).map_err(|error| DbErr::Json(error.to_string()))?;
        Ok((external_id, Known { id, versions }))
    };
    rows.iter().map(read).collect()
}

/// A row as it is written: whose, the publisher, the kind, the publisher's id, ours, and the versions.
type New = (OrganizationId, String, Kind, String, Known);

const ROWS: Rows<New> = Rows {
    table: "inbound",
    columns: &[
        Column::uuid("organization_id", |new| new.0.uuid()),
        Column::text("publisher", |new| &new.1),
        Column::text("kind", |new| new.2.as_str()),
        Column::text("external_id", |new| &new.3),
        Column::uuid("id", |new| new.4.id),
        Column::string("versions", |new| {
            serde_json::to_string(&new.4.versions).unwrap_or_default()
        }),
    ],
    conflict: "ON CONFLICT (organization_id, publisher, kind, external_id) DO UPDATE SET versions = excluded.versions \
         WHERE inbound.id = excluded.id",
};

/// Writes what is known now. False where somebody else made one of these meanwhile: then the transaction must not last.
pub(crate) async fn store(
    tx: &Transaction,
    of: Of<'_>,
    known: impl IntoIterator<Item = (String, Known)>,
) -> Result<bool, DbErr> {
    let row = |(external_id, known)| {
        (
            of.organization,
            of.publisher.to_owned(),
            of.kind,
            external_id,
            known,
        )
    };
    let rows: Vec<New> = known.into_iter().map(row).collect();
    let (sql, values) = ROWS.insert(tx.dialect(), &rows);
    let stored = tx.execute_raw(tx.statement(sql, values)).await?.rows_affected();
    Ok(usize::try_from(stored) == Ok(rows.len()))
}

/// A contact that a publisher may mean who has not spoken of it yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: ContactId,
    pub(crate) external_id: Option<String>,
    pub(crate) canonical: Option<String>,
    /// Another publisher speaks of it under an id of its own.
    pub(crate) is_known: bool,
}

/// Contacts of which this publisher has not spoken, with one of these ids or canonical addresses, in the order of their ids.
pub(crate) async fn candidates(
    tx: &Transaction,
    of: Of<'_>,
    external_ids: &[String],
    canonical: &[String],
) -> Result<Vec<Candidate>, DbErr> {
    let dialect = tx.dialect();
    let spoken =
        "SELECT 1 FROM inbound i WHERE i.organization_id = $1 AND i.kind = 'contact' AND i.id = c.id";
    let sql = format!(
        "SELECT c.id, c.external_id, c.email_canonical, EXISTS ({spoken}) FROM contact c WHERE c.organization_id = $1 \
         AND c.id IN (SELECT x.id FROM contact x WHERE x.organization_id = $1 AND x.external_id IN {} \
           UNION SELECT x.id FROM contact x WHERE x.organization_id = $1 AND x.email_canonical IN {}) AND NOT EXISTS ({spoken} AND i.publisher = $2) ORDER BY c.id",
        json_texts(dialect, 3),
        json_texts(dialect, 4),
    );
    let json = |texts: &[String]| serde_json::Value::from(texts.to_vec()).to_string();
    let values = [
        of.organization.uuid().into(),
        of.publisher.into(),
        json(external_ids).into(),
        json(canonical).into(),
    ];
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok(Candidate {
            id: columns.id()?,
            external_id: columns.get()?,
            canonical: columns.get()?,
            is_known: columns.get()?,
        })
    };
    rows.iter().map(read).collect()
}

/// The organizations with these slugs.
pub(crate) async fn organizations(
    tx: &Transaction,
    slugs: &[String],
) -> Result<HashMap<String, OrganizationId>, DbErr> {
    let sql = format!(
        "SELECT o.slug, o.organization_id FROM organization o WHERE o.slug IN {}",
        json_texts(tx.dialect(), 1)
    );
    let slugs = serde_json::Value::from(slugs.to_vec()).to_string();
    let rows = tx.query_all_raw(tx.statement(sql, [slugs.into()])).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.get()?, columns.id()?))
    };
    rows.iter().map(read).collect()
}
