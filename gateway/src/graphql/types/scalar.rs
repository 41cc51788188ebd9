//! Moments and numbers.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, SecondsFormat, Utc};
use prost_types::Timestamp;

use crate::fault::Fault;

/// RFC 3339, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub(crate) DateTime<Utc>);

/// RFC 3339, UTC.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html"
)]
impl ScalarType for Moment {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        let at = DateTime::parse_from_rfc3339(text)?;
        Ok(Self(at.with_timezone(&Utc)))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// A moment that a service sent, where it sent one.
pub(crate) fn moment(at: Option<Timestamp>) -> Option<Moment> {
    at.and_then(usher_proto::datetime).map(Moment)
}

/// A moment that a service always sends.
pub(crate) fn required_moment(at: Option<Timestamp>) -> Result<Moment, Fault> {
    moment(at).ok_or_else(|| Fault::internal("a service left out a moment"))
}

/// A count as GraphQL's 32-bit Int; beyond it, the greatest one.
pub(crate) fn count(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_utc_with_a_z() {
        let at = DateTime::from_timestamp(1_700_000_000, 120_000_000).unwrap();
        assert_eq!(Moment(at).to_value(), Value::from("2023-11-14T22:13:20.120Z"));
        let read = Moment::parse(Value::from("2023-11-14T23:13:20.120+01:00")).unwrap();
        assert_eq!(read, Moment(at));
    }

    #[test]
    fn a_count_never_wraps() {
        assert_eq!(count(3), 3);
        assert_eq!(count(i64::MAX), i32::MAX);
    }
}
