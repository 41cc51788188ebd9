//! Judging addresses anew when the organization's list of placeholder domains, or a sharer of an address, changes (C3).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, Value};
use usher_database::Transaction;
use usher_types::{ContactId, OrganizationId};

use super::columns::Columns;
use super::params::Params;

/// Domains that came into the list: their addresses count as INVALID and may repeat. Gives the contacts that changed.
pub(crate) async fn list_domains(
    tx: &Transaction,
    organization: OrganizationId,
    domains: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<ContactId>, DbErr> {
    let set = "email_state = 'INVALID', email_duplicate = FALSE, email_unique = NULL";
    judge(tx, organization, "email_domain", domains, set, now).await
}

/// Domains that left the list: their addresses count as VALID; those that several have are duplicates.
pub(crate) async fn unlist_domains(
    tx: &Transaction,
    organization: OrganizationId,
    domains: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<ContactId>, DbErr> {
    judge(tx, organization, "email_domain", domains, SETTLED, now).await
}

/// An address lost one of those who shared it: where one alone is left, it is a duplicate no more.
pub(crate) async fn settle(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
    now: DateTime<Utc>,
) -> Result<Vec<ContactId>, DbErr> {
    let only_one = "email_duplicate AND (SELECT count(*) FROM contact other \
         WHERE other.organization_id = contact.organization_id AND other.email_canonical = contact.email_canonical) = 1";
    let sql = format!(
        "UPDATE contact SET email_duplicate = FALSE, email_unique = email_canonical, version = version + 1, \
         updated_at = $2 WHERE organization_id = $1 AND email_canonical = $3 AND {only_one} RETURNING id"
    );
    let values = [organization.uuid().into(), now.into(), canonical.into()];
    changed(tx, sql, values).await
}

const SETTLED: &str = "email_state = 'VALID', \
     email_duplicate = (SELECT count(*) > 1 FROM contact other \
     WHERE other.organization_id = contact.organization_id AND other.email_canonical = contact.email_canonical), \
     email_unique = CASE WHEN (SELECT count(*) FROM contact other \
     WHERE other.organization_id = contact.organization_id AND other.email_canonical = contact.email_canonical) = 1 \
     THEN email_canonical END";

async fn judge(
    tx: &Transaction,
    organization: OrganizationId,
    column: &str,
    wanted: &[String],
    set: &str,
    now: DateTime<Utc>,
) -> Result<Vec<ContactId>, DbErr> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut params = Params::new([organization.uuid().into(), now.into()]);
    let numbers: Vec<String> = wanted
        .iter()
        .map(|value| format!("${}", params.add(value.clone())))
        .collect();
    let sql = format!(
        "UPDATE contact SET {set}, version = version + 1, updated_at = $2 \
         WHERE organization_id = $1 AND {column} IN ({}) RETURNING id",
        numbers.join(", ")
    );
    changed(tx, sql, params.into_values()).await
}

async fn changed(
    tx: &Transaction,
    sql: String,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<ContactId>, DbErr> {
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| Columns::of(row).id()).collect()
}
