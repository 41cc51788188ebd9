//! An address gets no more mail, and everybody hears of it (N6).

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::Suppress;

use super::publish_addresses;
use crate::storage;

/// Notes it, and publishes the address's state where that is news.
///
/// # Errors
/// Where the database does not answer.
pub async fn suppress(tx: &Transaction, asked: &Suppress, now: DateTime<Utc>) -> Result<(), DbErr> {
    let changed = storage::suppress(tx, asked, now).await?;
    publish_addresses(tx, changed.as_slice(), now).await
}
