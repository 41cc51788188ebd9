//! The settings of organizations that contacts decides by, projected from what invitations publishes.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Column, Dialect, Transaction};
use usher_events::OrganizationChanged;
use usher_types::{OrganizationId, Version};

use super::batch::Batch;
use super::columns::Columns;
use super::contacts::for_update;
use super::rows::Rows;

/// What contacts knows of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization {
    /// Raw 0 until something was published.
    pub(crate) version: Version,
    /// While off nobody is invited (I3).
    pub(crate) portal_enabled: bool,
    /// Every contact has a company, and each company a primary contact (C7).
    pub(crate) company_first: bool,
    /// Canonical domains whose addresses may repeat (C3).
    pub(crate) placeholder_domains: Vec<String>,
}

/// Until something is published an organization has the settings that it is made with.
impl Default for Organization {
    fn default() -> Self {
        Self {
            version: Version::from_raw(0),
            portal_enabled: true,
            company_first: false,
            placeholder_domains: Vec::new(),
        }
    }
}

const COLUMNS: &str = "o.version, o.portal_enabled, o.company_first, o.placeholder_domains";

fn read(columns: &mut Columns<'_>) -> Result<Organization, DbErr> {
    Ok(Organization {
        version: Version::from_raw(columns.get()?),
        portal_enabled: columns.get()?,
        company_first: columns.get()?,
        placeholder_domains: columns.texts()?,
    })
}

/// The settings; they stay as they are until the transaction ends, so that no address is judged by a list that changes
/// meanwhile. Locked before contacts.
pub(crate) async fn for_writer(tx: &Transaction, id: OrganizationId) -> Result<Organization, DbErr> {
    let lock = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR SHARE",
    };
    let sql = format!("SELECT {COLUMNS} FROM organization o WHERE o.organization_id = $1{lock}");
    let row = tx.query_one_raw(tx.statement(sql, [id.uuid().into()])).await?;
    row.map_or(Ok(Organization::default()), |row| read(&mut Columns::of(&row)))
}

/// The settings of organizations, to be changed by this transaction. Those without any are left out.
pub(crate) async fn lock(
    tx: &Transaction,
    ids: impl IntoIterator<Item = OrganizationId>,
) -> Result<HashMap<OrganizationId, Organization>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT o.organization_id, {COLUMNS} FROM organization o WHERE {} ORDER BY o.organization_id{}",
        dialect.in_uuids("o.organization_id", 1),
        for_update(dialect)
    );
    let ids = dialect.uuids(ids.into_iter().map(OrganizationId::uuid));
    let rows = tx.query_all_raw(tx.statement(sql, [ids])).await?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.id()?, read(&mut columns)?))
    };
    rows.iter().map(read).collect()
}

const ROWS: Rows<OrganizationChanged> = Rows {
    table: "organization",
    columns: &[
        Column::uuid("organization_id", |change| change.id.uuid()),
        Column::number("version", |change| change.version.raw()),
        Column::text("slug", |change| &change.slug),
        Column::text("name", |change| &change.name),
        Column::flag("portal_enabled", |change| change.portal_enabled),
        Column::flag("company_first", |change| change.company_first),
        Column::texts("placeholder_domains", |change| &change.placeholder_domains),
    ],
    conflict: "ON CONFLICT (organization_id) DO UPDATE SET version = excluded.version, slug = excluded.slug, name = excluded.name, \
         portal_enabled = excluded.portal_enabled, company_first = excluded.company_first, placeholder_domains = excluded.placeholder_domains \
         WHERE organization.version < excluded.version",
};

/// Writes settings unless newer ones are there; at most one row an organization.
pub(crate) fn store(batch: &mut Batch, changes: &[OrganizationChanged]) {
    batch.rows(&ROWS, changes);
}
