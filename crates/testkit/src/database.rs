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
        let folder = SqliteFolder::new().await;
        Self {
            settings: folder.settings(),
            dialect: Dialect::Sqlite,
            _place: Place::Sqlite { _folder: folder },
        }
    }

    /// A database on the server at `USHER_TEST_POSTGRES_URL`, or the local one.
    pub async fn postgres() -> Self {
        let database = PostgresDatabase::new().await;
        Self {
            settings: database.settings(),
            dialect: Dialect::Postgres,
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
