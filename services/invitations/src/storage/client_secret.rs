//! Secrets of service accounts. Only their hashes are kept.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use usher_database::Transaction;
use usher_types::{MemberId, OrganizationId, TokenHash};
use uuid::Uuid;

use super::row::Columns;

/// A secret, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientSecret {
    pub(crate) id: Uuid,
    /// Its last characters.
    pub(crate) hint: String,
    pub(crate) created_at: DateTime<Utc>,
    /// None: until it is rotated.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) last_used_at: Option<DateTime<Utc>>,
}

impl ClientSecret {
    /// One that is made now.
    pub(crate) fn new(hint: String, now: DateTime<Utc>) -> Self {
        Self {
            // as all ids, in the order in which they were made
            id: MemberId::new(now).uuid(),
            hint,
            created_at: now,
            expires_at: None,
            last_used_at: None,
        }
    }
}

const COLUMNS: &str = "id, member_id, hint, created_at, expires_at, last_used_at";
const LIVES: &str = "(expires_at IS NULL OR expires_at > $1)";

fn read(row: &QueryResult) -> Result<ClientSecret, DbErr> {
    Ok(ClientSecret {
        id: row.get("id")?,
        hint: row.get("hint")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}

/// A further secret of an account.
pub(crate) async fn insert(
    tx: &Transaction,
    (organization, account): (OrganizationId, MemberId),
    secret: &ClientSecret,
    hash: TokenHash,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO client_secret (id, organization_id, member_id, secret_hash, hint, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        secret.id.into(),
        organization.uuid().into(),
        account.uuid().into(),
        hash.to_vec().into(),
        secret.hint.as_str().into(),
        secret.created_at.into(),
    ];
    tx.execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// The secrets of these accounts that live, the newest first.
pub(crate) async fn live_of(
    tx: &Transaction,
    organization: OrganizationId,
    accounts: impl IntoIterator<Item = MemberId>,
    now: DateTime<Utc>,
) -> Result<HashMap<MemberId, Vec<ClientSecret>>, DbErr> {
    let dialect = tx.dialect();
    let sql = format!(
        "SELECT {COLUMNS} FROM client_secret WHERE organization_id = $2 AND {LIVES} AND {} \
         ORDER BY created_at DESC, id DESC",
        dialect.in_uuids("member_id", 3)
    );
    let ids = dialect.uuids(accounts.into_iter().map(MemberId::uuid));
    let values = [now.into(), organization.uuid().into(), ids];
    let mut found: HashMap<MemberId, Vec<ClientSecret>> = HashMap::new();
    for row in tx.query_all_raw(tx.statement(sql, values)).await? {
        found.entry(row.id("member_id")?).or_default().push(read(&row)?);
    }
    Ok(found)
}

/// Whose secret this is, and in which organization; whether it still lives is another question.
pub(crate) async fn owner(
    tx: &Transaction,
    hash: TokenHash,
) -> Result<Option<(OrganizationId, MemberId)>, DbErr> {
    let sql = "SELECT organization_id, member_id FROM client_secret WHERE secret_hash = $1";
    let row = tx
        .query_one_raw(tx.statement(sql, [hash.to_vec().into()]))
        .await?;
    row.map(|row| Ok((row.id("organization_id")?, row.id("member_id")?)))
        .transpose()
}

/// Notes that the secret was used; none where it does not live any more.
pub(crate) async fn used(
    tx: &Transaction,
    organization: OrganizationId,
    hash: TokenHash,
    now: DateTime<Utc>,
) -> Result<Option<ClientSecret>, DbErr> {
    let sql = format!(
        "UPDATE client_secret SET last_used_at = $1 WHERE organization_id = $2 AND secret_hash = $3 AND {LIVES} \
         RETURNING {COLUMNS}"
    );
    let values = [now.into(), organization.uuid().into(), hash.to_vec().into()];
    let row = tx.query_one_raw(tx.statement(sql, values)).await?;
    row.as_ref().map(read).transpose()
}

/// Lets one secret of an account live until then; all others go.
pub(crate) async fn keep_only(
    tx: &Transaction,
    (organization, account): (OrganizationId, MemberId),
    kept: Option<(Uuid, DateTime<Utc>)>,
) -> Result<(), DbErr> {
    let (id, until) = kept.unzip();
    let whose = [organization.uuid().into(), account.uuid().into()];
    let sql = "DELETE FROM client_secret WHERE organization_id = $1 AND member_id = $2 AND id <> $3";
    let values = whose.into_iter().chain([id.unwrap_or_default().into()]);
    tx.execute_raw(tx.statement(sql, values)).await?;
    if let Some(until) = until {
        let sql = "UPDATE client_secret SET expires_at = $1 WHERE organization_id = $2 AND member_id = $3";
        let values = [until.into(), organization.uuid().into(), account.uuid().into()];
        tx.execute_raw(tx.statement(sql, values)).await?;
    }
    Ok(())
}
