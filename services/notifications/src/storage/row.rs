//! Reading rows.

use sea_orm::{DbErr, QueryResult, TryGetable};
use usher_events::Lane;
use usher_types::DeliveryState;
use uuid::Uuid;

use super::Subject;

/// The value of one column by its position.
pub fn get<T: TryGetable>(row: &QueryResult, index: usize) -> Result<T, DbErr> {
    row.try_get_by_index(index)
}

/// An id by its position.
pub fn id<T: From<Uuid>>(row: &QueryResult, index: usize) -> Result<T, DbErr> {
    get::<Uuid>(row, index).map(T::from)
}

/// A state by its position.
pub fn state(row: &QueryResult, index: usize) -> Result<DeliveryState, DbErr> {
    let name: String = get(row, index)?;
    name.parse()
        .map_err(|error: usher_types::UnknownName| DbErr::Type(error.to_string()))
}

/// The columns that [`subject`] reads, in its order.
pub const SUBJECT: &str = "id, organization_id, contact_id, invitation_id, lane, traceparent";

/// A subject out of the first columns of a row.
pub fn subject(row: &QueryResult) -> Result<Subject, DbErr> {
    Ok(Subject {
        message: id(row, 0)?,
        organization: id(row, 1)?,
        contact: get::<Option<Uuid>>(row, 2)?.map(Into::into),
        invitation: id(row, 3)?,
        lane: Lane::from_name(&get::<String>(row, 4)?),
        traceparent: get(row, 5)?,
    })
}
