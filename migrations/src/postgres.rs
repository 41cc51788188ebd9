//! What PostgreSQL needs around the tables: a lock, roles, a schema, grants.

use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::MigrateError;

/// Any number that nobody else uses as an advisory lock in this database.
const LOCK: i64 = 0x5573_6865_7200_0001;
/// Roles belong to the cluster, where other databases may be migrated at the same moment.
const ROLE_TRIES: usize = 20;

/// Waits until nobody else migrates this database. The lock ends with the connection. A step does not wait long for a table that
/// somebody uses: whoever comes after it would wait, too, and that is everybody. It is tried again.
pub(crate) async fn lock(pool: &PgPool) -> Result<(), MigrateError> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(pool)
        .await?;
    pool.execute("SET lock_timeout = '5s'").await?;
    Ok(())
}

/// Makes roles and schema, with the rights on tables that are still to come.
pub(crate) async fn prepare(pool: &PgPool, schema: &str) -> Result<(), MigrateError> {
    let mut tries = 1;
    while let Err(error) = pool.execute(ROLES).await {
        // Two sessions changed the same row of the role catalogue; the other's change is what we want, too.
        let raced = error.as_database_error().is_some_and(|database| {
            database
                .code()
                .is_some_and(|code| matches!(&*code, "XX000" | "23505" | "42710" | "40001"))
        });
        if !raced || tries == ROLE_TRIES {
            return Err(roles_error(error));
        }
        tries += 1;
    }
    let grants = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         GRANT USAGE ON SCHEMA {schema} TO usher_service, usher_system;
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}
             GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO usher_service, usher_system;
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO usher_service, usher_system;"
    );
    pool.execute(AssertSqlSafe(grants)).await?;
    Ok(())
}

/// Services read the history and never write it.
pub(crate) async fn seal_history(pool: &PgPool, schema: &str) -> Result<(), MigrateError> {
    let sql = format!(
        "REVOKE INSERT, UPDATE, DELETE ON {schema}.seaql_migrations, {schema}.schema_step FROM usher_service, usher_system"
    );
    pool.execute(AssertSqlSafe(sql)).await?;
    Ok(())
}

fn roles_error(error: sqlx::Error) -> MigrateError {
    let denied = error
        .as_database_error()
        .is_some_and(|database| database.code().is_some_and(|code| code == "42501"));
    if denied {
        return MigrateError::Settings(
            "the roles usher_service and usher_system are missing and this user may not make them: let an \
             administrator run CREATE ROLE usher_service NOLOGIN; CREATE ROLE usher_system NOLOGIN; and grant both \
             to the user of the database URL"
                .to_owned(),
        );
    }
    error.into()
}

/// Both roles cannot sign in, own nothing, and are lent to the user of the URL.
const ROLES: &str = "DO $$
DECLARE role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['usher_service', 'usher_system'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', role);
        END IF;
        IF NOT EXISTS (
            SELECT 1 FROM pg_auth_members m
            JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
            WHERE r.rolname = role AND u.rolname = session_user
        ) THEN
            EXECUTE format('GRANT %I TO %I', role, session_user);
        END IF;
    END LOOP;
END $$";
