//! A database of a test's own, with all schemas.

use usher_database::{Database, DatabaseSettings, Dialect};

use crate::{postgres::PostgresDatabase, sqlite::SqliteFolder};

/// A database of a test's own, made from a migrated template, gone when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    settings: DatabaseSettings,
    dialect: Dialect,
    // Kept for what it does when dropped.
    _place: Place,
}

#[derive(Debug)]
enum Place {
    Sqlite { _folder: SqliteFolder },
    Postgres { _database: PostgresDatabase },
}

impl TestDatabase {
    /// SQLite files in a folder of their own.
    pub async fn sqlite() -> Self {
        Self::on_sqlite(SqliteFolder::new().await)
    }

    /// A database on the server at `USHER_TEST_POSTGRES_URL`, or the local one.
    pub async fn postgres() -> Self {
        Self::on_postgres(PostgresDatabase::new().await)
    }

    /// The same dialect without any schema, to test migrations.
    pub async fn empty(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::on_sqlite(SqliteFolder::empty()),
            Dialect::Postgres => Self::on_postgres(PostgresDatabase::empty().await),
        }
    }

    fn on_sqlite(folder: SqliteFolder) -> Self {
        let (settings, dialect) = (folder.settings(), Dialect::Sqlite);
        Self {
            settings,
            dialect,
            _place: Place::Sqlite { _folder: folder },
        }
    }

    fn on_postgres(database: PostgresDatabase) -> Self {
        let (settings, dialect) = (database.settings(), Dialect::Postgres);
        Self {
            settings,
            dialect,
            _place: Place::Postgres { _database: database },
        }
    }

    /// Which database it is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The URL with four connections a service, since the server is shared by all tests.
    #[must_use]
    pub const fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }

    /// A service's database, as the service opens it.
    pub async fn service(&self, service: &str) -> Database {
        Database::connect(&self.settings, service)
            .await
            .expect("the test database answers")
    }
}
