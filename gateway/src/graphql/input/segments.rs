//! Inputs about segments.

use async_graphql::{ID, InputObject, MaybeUndefined};
use usher_proto::contacts::v1 as wire;
use usher_types::SegmentId;

use super::ContactFilter;
use crate::fault::Fault;
use crate::ids::Kind;

/// A new segment.
#[derive(InputObject, Clone, Debug)]
pub struct CreateSegmentInput {
    /// The segment's name; no other one of the firm has it.
    name: String,
    /// Who is in it.
    filter: ContactFilter,
}

impl CreateSegmentInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> Result<wire::CreateSegmentRequest, Fault> {
        Ok(wire::CreateSegmentRequest {
            name: self.name,
            filter: Some(self.filter.into_wire()?),
        })
    }
}

/// A change to a segment. A field left out stays.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateSegmentInput {
    /// The segment.
    id: ID,
    /// Answer CONFLICT where the segment no longer has this version.
    expected_version: Option<i32>,
    /// The segment's name; no other one of the firm has it.
    name: MaybeUndefined<String>,
    /// Who is in it.
    filter: Option<ContactFilter>,
}

impl UpdateSegmentInput {
    /// As it travels. A name that is null is an empty one, which the service refuses.
    pub(crate) fn into_wire(self) -> Result<wire::UpdateSegmentRequest, Fault> {
        let name = match self.name {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(String::new()),
            MaybeUndefined::Value(name) => Some(name),
        };
        Ok(wire::UpdateSegmentRequest {
            id: SegmentId::wire(&self.id),
            expected_version: self.expected_version.map(i64::from),
            name,
            filter: self.filter.map(ContactFilter::into_wire).transpose()?,
        })
    }
}

/// The segment to remove.
#[derive(InputObject, Clone, Debug)]
pub struct DeleteSegmentInput {
    /// The segment.
    id: ID,
}

impl DeleteSegmentInput {
    /// As it travels.
    pub(crate) fn into_wire(self) -> wire::DeleteSegmentRequest {
        wire::DeleteSegmentRequest {
            id: SegmentId::wire(&self.id),
        }
    }
}
