//! Opaque cursors: the order, the row's place in it, `now` and a fingerprint of the filter.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sea_orm::Value;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What a filter, a search and an organization come to; a cursor made under another is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(u64);

/// Hashes whatever decides which rows are listed: filter, search, organization.
#[must_use]
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ("ab", "c") apart from ("a", "bc").
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    Fingerprint(u64::from_le_bytes(first))
}

/// One sort column's value in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CursorValue {
    /// A text column.
    #[serde(rename = "s")]
    Text(String),
    /// A bigint, smallint or boolean (0, 1) column.
    #[serde(rename = "i")]
    Integer(i64),
    /// A timestamptz column.
    #[serde(rename = "t")]
    Time(DateTime<Utc>),
}

impl From<&str> for CursorValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for CursorValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<i64> for CursorValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<DateTime<Utc>> for CursorValue {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Time(value)
    }
}

impl From<CursorValue> for Value {
    fn from(value: CursorValue) -> Self {
        match value {
            CursorValue::Text(text) => text.into(),
            CursorValue::Integer(number) => number.into(),
            CursorValue::Time(time) => time.into(),
        }
    }
}

/// A row's place in an order: its sort columns' values, and its id, which breaks ties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    #[serde(rename = "i")]
    pub(super) id: Uuid,
    #[serde(rename = "v")]
    pub(super) values: Vec<CursorValue>,
}

impl Position {
    /// The values stand in the order's sequence of columns.
    pub fn new(id: impl Into<Uuid>, values: impl IntoIterator<Item = CursorValue>) -> Self {
        Self {
            id: id.into(),
            values: values.into_iter().collect(),
        }
    }
}

/// What stands in a cursor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    #[serde(rename = "o")]
    pub(super) order: String,
    #[serde(rename = "p")]
    pub(super) position: Position,
    #[serde(rename = "n")]
    pub(super) now: DateTime<Utc>,
    #[serde(rename = "f")]
    pub(super) filter: Fingerprint,
}

impl Cursor {
    pub(super) fn encode(&self) -> String {
        // A struct with string keys always serializes.
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}
