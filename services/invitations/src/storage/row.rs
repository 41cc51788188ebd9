//! Reading columns.

use std::str::FromStr;

use sea_orm::{DbErr, QueryResult, TryGetable};
use usher_types::UnknownName;
use uuid::Uuid;

/// Shorter words for what every finder does.
pub(super) trait Columns {
    fn get<T: TryGetable>(&self, column: &str) -> Result<T, DbErr>;
    fn id<T: From<Uuid>>(&self, column: &str) -> Result<T, DbErr>;
    fn id_option<T: From<Uuid>>(&self, column: &str) -> Result<Option<T>, DbErr>;
    fn named<T: FromStr<Err = UnknownName>>(&self, column: &str) -> Result<T, DbErr>;
}

impl Columns for QueryResult {
    fn get<T: TryGetable>(&self, column: &str) -> Result<T, DbErr> {
        self.try_get("", column)
    }

    fn id<T: From<Uuid>>(&self, column: &str) -> Result<T, DbErr> {
        self.get::<Uuid>(column).map(T::from)
    }

    fn id_option<T: From<Uuid>>(&self, column: &str) -> Result<Option<T>, DbErr> {
        Ok(self.get::<Option<Uuid>>(column)?.map(T::from))
    }

    fn named<T: FromStr<Err = UnknownName>>(&self, column: &str) -> Result<T, DbErr> {
        let name: String = self.get(column)?;
        name.parse()
            .map_err(|error: UnknownName| DbErr::Type(error.to_string()))
    }
}
