//! Which steps a schema has.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbErr};
use sha2::{Digest, Sha256};
use usher_database::{Database, Dialect, Scope, SystemReason};

use crate::Service;

/// One step and whether it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Whether the schema has it.
    pub applied: bool,
    /// Whether this program knows it; a newer one may have done it.
    pub known: bool,
    /// Whether programs serve that do not know it.
    pub serves_older: bool,
}

/// Why a service does not serve this schema (R3).
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Steps are missing: migrate first. A service that starts together with the migration job waits for it.
    #[error("the schema of {service} lacks {missing}: run usher-migrate up")]
    Behind {
        /// Whose schema.
        service: &'static str,
        /// The first missing step.
        missing: String,
    },
    /// A newer program has migrated it, and has taken away what this one uses.
    #[error("the schema of {service} has {unknown}, which this version does not know and cannot serve")]
    Ahead {
        /// Whose schema.
        service: &'static str,
        /// The first unknown step.
        unknown: String,
    },
    /// The history cannot be read.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Lists the steps of a schema, known ones in their order, then unknown ones.
///
/// # Errors
/// Where the database does not answer.
pub async fn status(database: &Database, service: Service) -> Result<Vec<Step>, DbErr> {
    let mut applied = history(database, service).await?;
    let known = service.migrations().into_iter().map(|migration| Step {
        name: migration.name().to_owned(),
        applied: applied.remove(migration.name()).is_some(),
        known: true,
        serves_older: migration.serves_older(),
    });
    let mut steps: Vec<Step> = known.collect();
    steps.extend(applied.into_iter().map(|(name, serves_older)| Step {
        name,
        applied: true,
        known: false,
        serves_older,
    }));
    Ok(steps)
}

/// Whether this program may serve the schema: all the steps that it knows, and of others only those that a later release has added
/// for itself, as during a rolling upgrade or after a program was rolled back.
///
/// # Errors
/// [`SchemaError::Behind`] and [`SchemaError::Ahead`] say what differs.
pub async fn check(database: &Database, service: Service) -> Result<(), SchemaError> {
    for step in status(database, service).await? {
        if !step.applied {
            return Err(SchemaError::Behind {
                service: service.name(),
                missing: step.name,
            });
        }
        if !step.known && !step.serves_older {
            return Err(SchemaError::Ahead {
                service: service.name(),
                unknown: step.name,
            });
        }
    }
    Ok(())
}

/// The steps that were done, and whether programs serve that do not know them.
async fn history(database: &Database, service: Service) -> Result<BTreeMap<String, bool>, DbErr> {
    let tx = database.read(Scope::System(SystemReason::Operate)).await?;
    let table = match tx.dialect() {
        Dialect::Sqlite => {
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'".to_owned()
        }
        Dialect::Postgres => {
            let name = service.name();
            format!("SELECT 1 WHERE to_regclass('{name}.seaql_migrations') IS NOT NULL")
        }
    };
    let mut versions = BTreeMap::new();
    if tx.query_one_raw(tx.statement(table, [])).await?.is_some() {
        let sql = "SELECT version, coalesce(serves_older, FALSE) FROM seaql_migrations \
                   LEFT JOIN schema_step ON schema_step.name = version";
        for row in tx.query_all_raw(tx.statement(sql, [])).await? {
            versions.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
    }
    tx.rollback().await?;
    Ok(versions)
}

/// A short name for the whole of all schemas, different whenever a statement is; test databases are cloned from a
/// template of this name.
#[must_use]
pub fn fingerprint(dialect: Dialect) -> String {
    let mut hash = Sha256::new();
    for service in Service::ALL {
        for migration in service.migrations() {
            hash.update(service.name());
            hash.update(migration.name());
            for statement in migration.statements(dialect) {
                hash.update(statement);
            }
        }
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
