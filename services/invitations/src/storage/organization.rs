//! Organizations.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::{Dialect, Transaction};
use usher_types::{OrganizationId, Version};

use super::row::Columns;
use crate::domain::organization::Organization;

const COLUMNS: &str = "organization_id, slug, name, portal_enabled, invitation_life, placeholder_domains, reply_to, \
                       locale, time_zone, password_min_length, reminders, version, created_at, daily, daily_per_member, \
                       daily_per_recipient, company_first";

fn read_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DbErr> {
    serde_json::from_str(text).map_err(|error| DbErr::Json(error.to_string()))
}

fn written<T: serde::Serialize>(value: &T) -> Result<String, DbErr> {
    serde_json::to_string(value).map_err(|error| DbErr::Json(error.to_string()))
}

fn read(row: &QueryResult) -> Result<Organization, DbErr> {
    let domains: String = row.get("placeholder_domains")?;
    Ok(Organization {
        id: row.id("organization_id")?,
        slug: row.get("slug")?,
        name: row.get("name")?,
        portal_enabled: row.get("portal_enabled")?,
        invitation_life: row.get("invitation_life")?,
        placeholder_domains: read_json(&domains)?,
        reply_to: row.get("reply_to")?,
        locale: row.get("locale")?,
        time_zone: row.get("time_zone")?,
        password_min_length: row.get("password_min_length")?,
        reminders: read_json(&row.get::<String>("reminders")?)?,
        version: Version::from_raw(row.get("version")?),
        created_at: row.get("created_at")?,
        daily: row.get("daily")?,
        daily_per_member: row.get("daily_per_member")?,
        daily_per_recipient: row.get("daily_per_recipient")?,
        company_first: row.get("company_first")?,
    })
}

fn values(organization: &Organization, now: DateTime<Utc>) -> Result<[sea_orm::Value; 17], DbErr> {
    let domains = written(&organization.placeholder_domains)?;
    Ok([
        organization.id.uuid().into(),
        organization.slug.as_str().into(),
        organization.name.as_str().into(),
        organization.portal_enabled.into(),
        organization.invitation_life.into(),
        domains.into(),
        organization.reply_to.clone().into(),
        organization.locale.as_str().into(),
        organization.time_zone.as_str().into(),
        organization.password_min_length.into(),
        written(&organization.reminders)?.into(),
        organization.version.raw().into(),
        now.into(),
        organization.daily.into(),
        organization.daily_per_member.into(),
        organization.daily_per_recipient.into(),
        organization.company_first.into(),
    ])
}

/// Raises the versions of all of them.
pub(crate) async fn restate(tx: &Transaction, by: i64) -> Result<Vec<Organization>, DbErr> {
    let sql = format!("UPDATE organization SET version = version + $1 RETURNING {COLUMNS}");
    let rows = tx.query_all_raw(tx.statement(sql, [by.into()])).await?;
    rows.iter().map(read).collect()
}

/// A new one; a slug that is taken is a unique violation.
pub(crate) async fn insert(tx: &Transaction, organization: &Organization) -> Result<(), DbErr> {
    let sql = format!(
        "INSERT INTO organization ({COLUMNS}, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $13)"
    );
    tx.execute_raw(tx.statement(sql, values(organization, organization.created_at)?))
        .await?;
    Ok(())
}

/// Writes every setting.
pub(crate) async fn update(
    tx: &Transaction,
    organization: &Organization,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "UPDATE organization SET slug = $2, name = $3, portal_enabled = $4, invitation_life = $5, \
               placeholder_domains = $6, reply_to = $7, locale = $8, time_zone = $9, password_min_length = $10, \
               reminders = $11, version = $12, updated_at = $13, daily = $14, daily_per_member = $15, \
               daily_per_recipient = $16, company_first = $17 WHERE organization_id = $1";
    tx.execute_raw(tx.statement(sql, values(organization, now)?))
        .await?;
    Ok(())
}

async fn one(
    tx: &Transaction,
    condition: &str,
    value: Option<sea_orm::Value>,
) -> Result<Option<Organization>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM organization WHERE {condition}");
    let row = tx.query_one_raw(tx.statement(sql, value)).await?;
    row.as_ref().map(read).transpose()
}

/// By its id.
pub(crate) async fn find(tx: &Transaction, id: OrganizationId) -> Result<Option<Organization>, DbErr> {
    one(tx, "organization_id = $1", Some(id.uuid().into())).await
}

/// By its id, locked, so that two changes do not overwrite each other.
pub(crate) async fn lock(tx: &Transaction, id: OrganizationId) -> Result<Option<Organization>, DbErr> {
    let condition = match tx.dialect() {
        Dialect::Sqlite => "organization_id = $1",
        Dialect::Postgres => "organization_id = $1 FOR UPDATE",
    };
    one(tx, condition, Some(id.uuid().into())).await
}

/// By its id; its settings stay as they are until the transaction ends. Locked before people.
pub(crate) async fn share(tx: &Transaction, id: OrganizationId) -> Result<Option<Organization>, DbErr> {
    let condition = match tx.dialect() {
        Dialect::Sqlite => "organization_id = $1",
        Dialect::Postgres => "organization_id = $1 FOR SHARE",
    };
    one(tx, condition, Some(id.uuid().into())).await
}

/// By its slug.
pub(crate) async fn find_by_slug(tx: &Transaction, slug: &str) -> Result<Option<Organization>, DbErr> {
    one(tx, "slug = $1", Some(slug.into())).await
}

/// The only one of the deployment; none where there are several.
pub(crate) async fn only(tx: &Transaction) -> Result<Option<Organization>, DbErr> {
    let sql = format!("SELECT {COLUMNS} FROM organization LIMIT 2");
    let rows = tx.query_all_raw(tx.statement(sql, [])).await?;
    match rows.as_slice() {
        [only] => read(only).map(Some),
        _ => Ok(None),
    }
}

/// Whether there is any.
pub(crate) async fn exists(tx: &Transaction) -> Result<bool, DbErr> {
    let row = tx
        .query_one_raw(tx.statement("SELECT 1 AS one FROM organization LIMIT 1", []))
        .await?;
    Ok(row.is_some())
}
