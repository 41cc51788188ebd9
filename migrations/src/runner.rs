//! Bringing schemas up to date.

use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sea_orm_migration::MigratorTrait;
use usher_database::{DatabaseSettings, Dialect};

use crate::{
    MigrateError, Service, postgres,
    service::{ContactsMigrator, InvitationsMigrator, NotificationsMigrator},
};

/// Brings all services' schemas up to date.
///
/// # Errors
/// See [`MigrateError`]; steps that were done before it stay done.
pub async fn migrate_all(settings: &DatabaseSettings) -> Result<(), MigrateError> {
    if settings.dialect()? == Dialect::Sqlite {
        // Files know nothing of each other, and the first start is somebody's first impression.
        let [contacts, invitations, notifications] = Service::ALL.map(|service| migrate(settings, service));
        tokio::try_join!(contacts, invitations, notifications)?;
        return Ok(());
    }
    for service in Service::ALL {
        migrate(settings, service).await?;
    }
    Ok(())
}

/// Brings one service's schema up to date, making schema and roles where they are missing. Does nothing where all is done.
/// Several at once are safe: they wait for each other.
///
/// # Errors
/// See [`MigrateError`]; steps that were done before it stay done.
pub async fn migrate(settings: &DatabaseSettings, service: Service) -> Result<(), MigrateError> {
    match settings.dialect()? {
        Dialect::Sqlite => {
            let pool = settings.sqlite_owner(service.name()).await?;
            let done = up(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.clone()), service).await;
            pool.close().await;
            done
        }
        Dialect::Postgres => {
            // One connection, so that its advisory lock covers all that is done.
            let pool = settings.postgres_owner(service.name()).await?;
            let done = locked(&pool, service).await;
            pool.close().await;
            done
        }
    }
}

async fn locked(pool: &sqlx::PgPool, service: Service) -> Result<(), MigrateError> {
    postgres::lock(pool).await?;
    postgres::prepare(pool, service.name()).await?;
    up(
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
        service,
    )
    .await?;
    postgres::seal_history(pool, service.name()).await?;
    Ok(())
}

async fn up(connection: DatabaseConnection, service: Service) -> Result<(), MigrateError> {
    match service {
        Service::Contacts => ContactsMigrator::up(&connection, None).await?,
        Service::Invitations => InvitationsMigrator::up(&connection, None).await?,
        Service::Notifications => NotificationsMigrator::up(&connection, None).await?,
    }
    Ok(())
}
