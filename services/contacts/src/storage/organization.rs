//! The settings of organizations that contacts decides by, projected from what invitations publishes.

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Dialect, Transaction};
use usher_types::{OrganizationId, Version};

use super::columns::Columns;
use super::params::json_texts;

/// What contacts knows of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization {
    /// Raw 0 until something was published.
    pub(crate) version: Version,
    /// While off nobody is invited (I3).
    pub(crate) portal_enabled: bool,
    /// Canonical domains whose addresses may repeat (C3).
    pub(crate) placeholder_domains: Vec<String>,
}

/// Until something is published an organization has the settings that it is made with.
impl Default for Organization {
    fn default() -> Self {
        Self {
            version: Version::from_raw(0),
            portal_enabled: true,
            placeholder_domains: Vec::new(),
        }
    }
}

const SELECT: &str =
    "SELECT version, portal_enabled, placeholder_domains FROM organization WHERE organization_id = $1";

/// The settings; in a writing transaction they stay as they are until it ends, so that no address is judged by a list
/// that changes meanwhile.
pub(crate) async fn for_writer(tx: &Transaction, id: OrganizationId) -> Result<Organization, DbErr> {
    find(tx, id, " FOR SHARE").await
}

/// The settings, to be changed by this transaction.
pub(crate) async fn lock(tx: &Transaction, id: OrganizationId) -> Result<Organization, DbErr> {
    find(tx, id, " FOR UPDATE").await
}

async fn find(tx: &Transaction, id: OrganizationId, lock: &str) -> Result<Organization, DbErr> {
    let lock = if tx.dialect() == Dialect::Postgres {
        lock
    } else {
        ""
    };
    let statement = tx.statement(format!("{SELECT}{lock}"), [id.uuid().into()]);
    let Some(row) = tx.query_one_raw(statement).await? else {
        return Ok(Organization::default());
    };
    let mut columns = Columns::of(&row);
    Ok(Organization {
        version: Version::from_raw(columns.get()?),
        portal_enabled: columns.get()?,
        placeholder_domains: columns.texts()?,
    })
}

/// Writes the settings unless newer ones are there.
pub(crate) async fn store(
    tx: &Transaction,
    id: OrganizationId,
    name: &str,
    organization: &Organization,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO organization (organization_id, version, name, portal_enabled, placeholder_domains) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization_id) DO UPDATE SET version = excluded.version, \
         name = excluded.name, portal_enabled = excluded.portal_enabled, \
         placeholder_domains = excluded.placeholder_domains WHERE organization.version < excluded.version";
    let values = [
        id.uuid().into(),
        organization.version.raw().into(),
        name.into(),
        organization.portal_enabled.into(),
        json_texts(&organization.placeholder_domains),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}
