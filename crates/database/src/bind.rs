//! Statements as sqlx runs them. On SQLite sea-query binds their values; on PostgreSQL we do, for sea-query panics at an array that
//! holds a NULL.

use sea_orm::{DbErr, Statement, Value, Values, sea_query::ArrayType};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    Arguments, AssertSqlSafe, Postgres, Sqlite, error::BoxDynError, postgres::PgArguments, query::Query,
};

pub(crate) fn sqlite(statement: Statement) -> Query<'static, Sqlite, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

pub(crate) fn postgres(statement: Statement) -> Result<Query<'static, Postgres, PgArguments>, DbErr> {
    let mut arguments = PgArguments::default();
    for value in statement.values.into_iter().flat_map(|Values(values)| values) {
        add(&mut arguments, value).map_err(|error| DbErr::Type(error.to_string()))?;
    }
    Ok(sqlx::query_with(AssertSqlSafe(statement.sql), arguments))
}

fn add(arguments: &mut PgArguments, value: Value) -> Result<(), BoxDynError> {
    match value {
        Value::Bool(value) => arguments.add(value),
        Value::SmallInt(value) => arguments.add(value),
        Value::Int(value) => arguments.add(value),
        Value::BigInt(value) => arguments.add(value),
        Value::Double(value) => arguments.add(value),
        Value::String(value) => arguments.add(value),
        Value::Bytes(value) => arguments.add(value),
        Value::Uuid(value) => arguments.add(value),
        Value::ChronoDateTimeUtc(value) => arguments.add(value),
        Value::Json(value) => arguments.add(value),
        Value::Array(kind, Some(values)) => add_array(arguments, &kind, &values),
        other => Err(unknown(&other)),
    }
}

/// The values as an array, of which each is of the kind or NULL.
macro_rules! array {
    ($values:ident, $kind:ident, $get:ident) => {
        $values
            .iter()
            .map(|value| match value {
                Value::$kind(value) => Ok(value.$get()),
                other => Err(unknown(other)),
            })
            .collect::<Result<Vec<_>, _>>()?
    };
}

fn add_array(arguments: &mut PgArguments, kind: &ArrayType, values: &[Value]) -> Result<(), BoxDynError> {
    match kind {
        ArrayType::Bool => arguments.add(array!(values, Bool, as_ref)),
        ArrayType::BigInt => arguments.add(array!(values, BigInt, as_ref)),
        ArrayType::String => arguments.add(array!(values, String, as_deref)),
        ArrayType::Bytes => arguments.add(array!(values, Bytes, as_deref)),
        ArrayType::Uuid => arguments.add(array!(values, Uuid, as_ref)),
        ArrayType::ChronoDateTimeUtc => arguments.add(array!(values, ChronoDateTimeUtc, as_ref)),
        ArrayType::Json => arguments.add(array!(values, Json, as_deref)),
        other => Err(format!("arrays of {other:?} are not bound").into()),
    }
}

fn unknown(value: &Value) -> BoxDynError {
    format!("{:?} is not bound", value.array_type()).into()
}
