//! Between the wire's forms and the domain's.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use uuid::Uuid;

/// An id as it travels: its 16 bytes.
#[must_use]
pub fn bytes_of(id: impl Into<Uuid>) -> Bytes {
    Bytes::copy_from_slice(id.into().as_bytes())
}

/// Reads an id; anything but 16 bytes is none.
#[must_use]
pub fn id_from<T: From<Uuid>>(bytes: &[u8]) -> Option<T> {
    Uuid::from_slice(bytes).ok().map(T::from)
}

/// A moment as it travels.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    // The sub-second part of a DateTime is below two billion, also in a leap second.
    let nanos = i32::try_from(at.timestamp_subsec_nanos()).unwrap_or_default();
    Timestamp {
        seconds: at.timestamp(),
        nanos,
    }
}

/// Reads a moment; none where it lies outside of what dates can express.
#[must_use]
pub fn datetime(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use usher_types::ContactId;

    use super::*;

    #[test]
    fn ids_and_moments_survive_the_wire() {
        let at = DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap();
        assert_eq!(datetime(timestamp(at)), Some(at));
        let id = ContactId::new(at);
        assert_eq!(id_from::<ContactId>(&bytes_of(id)), Some(id));
        assert_eq!(id_from::<ContactId>(b"short"), None);
    }
}
