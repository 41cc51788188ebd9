//! Segments: named filters of an organization, whose members are computed whenever they are asked for (C9).

use chrono::{DateTime, Utc};
use usher_types::{OrganizationId, SegmentId, Version};

/// A named filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) organization: OrganizationId,
    pub(crate) name: String,
    /// The filter as its protobuf message says it; whoever writes one has read it before.
    pub(crate) filter: Vec<u8>,
    pub(crate) version: Version,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// A change to a segment; what is left out stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentChange {
    pub(crate) name: Option<String>,
    pub(crate) filter: Option<Vec<u8>>,
}

impl SegmentChange {
    /// The segment after it, and the names of what is different; none: it is as it was.
    pub(crate) fn applied(self, before: &Segment, now: DateTime<Utc>) -> (Segment, Vec<&'static str>) {
        let mut after = before.clone();
        let mut changed = Vec::new();
        if let Some(name) = self.name.filter(|name| *name != before.name) {
            after.name = name;
            changed.push("name");
        }
        if let Some(filter) = self.filter.filter(|filter| *filter != before.filter) {
            after.filter = filter;
            changed.push("filter");
        }
        if !changed.is_empty() {
            after.version = before.version.next();
            after.updated_at = now;
        }
        (after, changed)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    #[test]
    fn c9_only_what_is_different_changes_a_segment() {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let before = Segment {
            id: SegmentId::new(now),
            organization: OrganizationId::new(now),
            name: "Prospects".to_owned(),
            filter: vec![1],
            version: Version::FIRST,
            created_at: now,
            updated_at: now,
        };
        let later = now + TimeDelta::hours(1);
        let same = SegmentChange {
            name: Some("Prospects".to_owned()),
            filter: Some(vec![1]),
        };
        assert_eq!(same.applied(&before, later), (before.clone(), vec![]));
        let other = SegmentChange {
            name: None,
            filter: Some(vec![2]),
        };
        let (after, changed) = other.applied(&before, later);
        assert_eq!(changed, ["filter"]);
        assert_eq!(
            (after.name, after.filter, after.version),
            (before.name, vec![2], Version::FIRST.next())
        );
        assert_eq!((after.created_at, after.updated_at), (now, later));
    }
}
