//! One step of a schema.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};
use usher_database::Dialect;

use crate::Ddl;

/// A named step. Names sort in the order of their steps (`0001_contact`), and a step never changes once it was released:
/// old pods serve while it runs and after it, so it only adds (expand), and what nobody uses any more goes in a later release
/// (contract). Which of both it is stands in the schema, for programs that do not know the step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    name: &'static str,
    up: fn(&mut Ddl),
    serves_older: bool,
}

impl Migration {
    /// `up` writes down the statements, with which the program of the release before goes on as it is (expand).
    #[must_use]
    pub const fn new(name: &'static str, up: fn(&mut Ddl)) -> Self {
        Self {
            name,
            up,
            serves_older: true,
        }
    }

    /// A step that takes away what the release before still used: programs that do not know it do not start on it (contract).
    #[must_use]
    pub const fn contracting(name: &'static str, up: fn(&mut Ddl)) -> Self {
        Self {
            serves_older: false,
            ..Self::new(name, up)
        }
    }

    /// Its name in the history.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn serves_older(&self) -> bool {
        self.serves_older
    }

    pub(crate) fn statements(&self, dialect: Dialect) -> Vec<String> {
        let mut ddl = Ddl::new(dialect);
        (self.up)(&mut ddl);
        ddl.run(&format!(
            "INSERT INTO schema_step (name, serves_older) VALUES ('{}', {})",
            self.name, self.serves_older
        ));
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
