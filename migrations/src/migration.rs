//! One step of a schema.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use usher_database::Dialect;

use crate::Ddl;

/// A named step. Names sort in the order of their steps (`0001_contact`), and a step never changes once it was released:
/// old pods serve while it runs, so it only adds (expand), and what nobody uses any more goes in a later release
/// (contract).
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    name: &'static str,
    up: fn(&mut Ddl),
}

impl Migration {
    /// `up` writes down the statements.
    #[must_use]
    pub const fn new(name: &'static str, up: fn(&mut Ddl)) -> Self {
        Self { name, up }
    }

    /// Its name in the history.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn statements(&self, dialect: Dialect) -> Vec<String> {
        let mut ddl = Ddl::new(dialect);
        (self.up)(&mut ddl);
        ddl.into_statements()
    }
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = match manager.get_database_backend() {
            DbBackend::Postgres => Dialect::Postgres,
            _ => Dialect::Sqlite,
        };
        for statement in self.statements(dialect) {
            let done = manager.get_connection().execute_unprepared(&statement).await;
            done.map_err(|error| DbErr::Migration(format!("{}: {error} in: {statement}", self.name)))?;
        }
        Ok(())
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
