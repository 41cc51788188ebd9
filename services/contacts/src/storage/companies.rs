//! What company-first mode asks of links (C7): every contact has a company, each company exactly one primary contact.

use sea_orm::{ConnectionTrait, DbErr, Value};
use usher_database::Transaction;
use usher_types::{AccountId, AccountKind, ContactId, OrganizationId};

use super::columns::Columns;
use super::filter::in_names;

/// Whose companies are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    Contact(ContactId),
    /// Of everyone who is linked to this account.
    Linked(AccountId),
}

/// The condition that `account a` is a company.
fn is_company() -> String {
    in_names("a.kind", AccountKind::COMPANIES.iter().map(|kind| kind.as_str()))
}

/// Companies that have contacts and no primary one get the oldest: all of the organization, or those `among` these accounts. Gives
/// those companies.
pub(crate) async fn promote_oldest(
    tx: &Transaction,
    organization: OrganizationId,
    among: Option<&[AccountId]>,
) -> Result<Vec<AccountId>, DbErr> {
    let mut values: Vec<Value> = vec![organization.uuid().into()];
    let mut these = String::new();
    if let Some(accounts) = among {
        values.push(tx.dialect().uuids(accounts.iter().map(|id| id.uuid())));
        these = format!(" AND {}", tx.dialect().in_uuids("a.id", 2));
    }
    let sql = format!(
        "UPDATE link SET is_primary = TRUE WHERE organization_id = $1 AND id IN (SELECT placed.id FROM (\
         SELECT l.id, row_number() OVER (PARTITION BY l.account_id ORDER BY c.created_at, c.id) AS place FROM account a \
         JOIN link l ON l.account_id = a.id JOIN contact c ON c.id = l.contact_id \
         WHERE a.organization_id = $1 AND l.organization_id = $1 AND c.organization_id = $1 AND {}{these} \
         AND NOT EXISTS (SELECT 1 FROM link p WHERE p.account_id = a.id AND p.is_primary)) AS placed \
         WHERE placed.place = 1) RETURNING account_id",
        is_company()
    );
    let rows = tx.query_all_raw(tx.statement(sql, values)).await?;
    rows.iter().map(|row| Columns::of(row).id()).collect()
}

/// Whether one of these has no company. A test client needs none.
pub(crate) async fn is_missing(
    tx: &Transaction,
    organization: OrganizationId,
    whose: Whose,
) -> Result<bool, DbErr> {
    let (condition, id) = match whose {
        Whose::Contact(contact) => ("c.id = $2", contact.uuid()),
        Whose::Linked(account) => (
            "c.id IN (SELECT o.contact_id FROM link o WHERE o.organization_id = $1 AND o.account_id = $2)",
            account.uuid(),
        ),
    };
    let sql = format!(
        "SELECT 1 FROM contact c WHERE c.organization_id = $1 AND {condition} AND NOT c.test \
         AND NOT EXISTS (SELECT 1 FROM link l JOIN account a ON a.organization_id = $1 AND a.id = l.account_id \
         WHERE l.organization_id = $1 AND l.contact_id = c.id AND {}) LIMIT 1",
        is_company()
    );
    let row = tx
        .query_one_raw(tx.statement(sql, [organization.uuid().into(), id.into()]))
        .await?;
    Ok(row.is_some())
}
