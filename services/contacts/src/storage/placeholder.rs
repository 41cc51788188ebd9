//! Judging addresses anew when the lists of placeholder domains, or a sharer of an address, change (C3).

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, Value};
use usher_database::{Column, Dialect, Transaction, records};
use usher_types::OrganizationId;

use super::told::{self, Told};

/// A domain in the list of an organization.
pub(crate) type Listed = (OrganizationId, String);

/// How many contacts have a contact's address.
const SHARERS: &str = "(SELECT count(*) FROM contact other \
     WHERE other.organization_id = contact.organization_id AND other.email_canonical = contact.email_canonical)";

/// Domains that came into the lists: their addresses count as INVALID and may repeat. Gives the contacts that changed.
pub(crate) async fn list_domains(
    tx: &Transaction,
    domains: &[Listed],
    now: DateTime<Utc>,
) -> Result<Vec<Told>, DbErr> {
    let set = "email_state = 'INVALID', email_duplicate = FALSE, email_unique = NULL";
    judge(tx, domains, set, now).await
}

/// Domains that left the lists: their addresses count as VALID; those that several have are duplicates.
pub(crate) async fn unlist_domains(
    tx: &Transaction,
    domains: &[Listed],
    now: DateTime<Utc>,
) -> Result<Vec<Told>, DbErr> {
    let set = format!(
        "email_state = 'VALID', email_duplicate = {SHARERS} > 1, \
         email_unique = CASE WHEN {SHARERS} = 1 THEN email_canonical END"
    );
    judge(tx, domains, &set, now).await
}

async fn judge(
    tx: &Transaction,
    domains: &[Listed],
    set: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, DbErr> {
    const COLUMNS: [Column<Listed>; 2] = [
        Column::uuid("organization", |listed| listed.0.uuid()),
        Column::text("domain", |listed| &listed.1),
    ];
    if domains.is_empty() {
        return Ok(Vec::new());
    }
    let (from, values) = records(tx.dialect(), [now.into()], &COLUMNS, domains);
    let sql = format!(
        "UPDATE contact SET {set}, version = version + 1, updated_at = $1 \
         WHERE (organization_id, email_domain) IN (SELECT r.organization, r.domain FROM {from}) {}",
        told::returning(tx.dialect())
    );
    changed(tx, sql, values).await
}

/// An address lost one of those who shared it: where one alone is left, it is a duplicate no more.
pub(crate) async fn settle(
    tx: &Transaction,
    organization: OrganizationId,
    canonical: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, DbErr> {
    if tx.dialect() == Dialect::Postgres {
        // Two who leave at once would each still see the other; so the second looks when the first is gone.
        let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1 || $2, 0))";
        let values = [organization.to_string().into(), canonical.into()];
        tx.execute_raw(tx.statement(sql, values)).await?;
    }
    let sql = format!(
        "UPDATE contact SET email_duplicate = FALSE, email_unique = email_canonical, version = version + 1, \
         updated_at = $2 WHERE organization_id = $1 AND email_canonical = $3 AND email_duplicate AND {SHARERS} = 1 {}",
        told::returning(tx.dialect())
    );
    let values = [organization.uuid().into(), now.into(), canonical.into()];
    changed(tx, sql, values).await
}

async fn changed(
    tx: &Transaction,
    sql: String,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Told>, DbErr> {
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    let mut told = rows.iter().map(told::read).collect::<Result<Vec<_>, _>>()?;
    told.sort_unstable_by_key(|told| told.contact.id);
    Ok(told)
}
