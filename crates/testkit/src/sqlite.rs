//! SQLite files copied from a migrated template.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use usher_database::{DatabaseSettings, Dialect};
use usher_migrations::{Service, fingerprint, migrate_all};

const CONNECTIONS: u32 = 4;

/// A folder with one migrated file a service.
#[derive(Debug)]
pub(crate) struct SqliteFolder(TempDir);

impl SqliteFolder {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self(TempDir::with_prefix("usher-test-").expect("a temporary folder"))
    }

    /// With all schemas.
    pub(crate) async fn new() -> Self {
        let Self(folder) = Self::empty();
        let template = template().await;
        for service in Service::ALL {
            let file = format!("{}.db", service.name());
            std::fs::copy(template.join(&file), folder.path().join(&file)).expect("a copy of the template");
        }
        Self(folder)
    }

    pub(crate) fn settings(&self) -> DatabaseSettings {
        settings(self.0.path()).with_connections(CONNECTIONS)
    }
}

fn settings(folder: &Path) -> DatabaseSettings {
    DatabaseSettings::new(format!("sqlite://{}", folder.display()))
}

/// Migrates once a machine and schema: whoever is first moves the finished folder to its name.
async fn template() -> PathBuf {
    let target = std::env::temp_dir().join(format!("usher-template-{}", fingerprint(Dialect::Sqlite)));
    if !target.exists() {
        let folder = TempDir::with_prefix("usher-template-").expect("a temporary folder");
        migrate_all(&settings(folder.path()))
            .await
            .expect("migrations run on SQLite");
        // Fails where another process was faster; its template is as good.
        let _ = std::fs::rename(folder.path(), &target);
    }
    target
}
