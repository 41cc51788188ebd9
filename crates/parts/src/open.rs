//! Opening database and broker, waiting for what does not answer yet (R5).

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use usher_auth::Service;
use usher_database::{ConnectError, Database, DatabaseSettings};
use usher_messaging::{Broker, RabbitSettings};
use usher_migrations::{MigrateError, SchemaError};
use usher_service::{Attempt, Settings, StartError, Trust, wait_for};

use crate::StartErrors;

/// The file of the in-process broker in the data folder.
const BROKER_FILE: &str = "broker.db";
/// The role that migrations make; its absence means that they have not run yet.
const SERVICE_ROLE: &str = "usher_service";

/// The table `[database]` of the settings.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolSettings {
    connections: u32,
}

/// The table `[broker]` of the settings.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BrokerSettings {
    topology: Topology,
}

/// Who makes queues and exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Topology {
    /// Every program does.
    Declare,
    /// Somebody else, by the definitions.
    Expect,
}

/// Where the database is and how many connections a process may have.
///
/// # Errors
/// [`StartError::Settings`] where the table `[database]` is wrong.
pub fn database_settings(settings: &Settings) -> Result<DatabaseSettings, StartError> {
    let pool: PoolSettings = settings.section("database")?;
    if pool.connections == 0 {
        return Err(StartError::settings("[database]: connections is at least 1"));
    }
    let url = settings.common.database();
    Ok(DatabaseSettings::new(url.expose_secret())
        .with_connections(pool.connections)
        .trusting(Trust::of(settings)?.database))
}

/// What is waited for, without its password.
fn database_name(settings: &Settings) -> &'static str {
    if settings.common.database_url.is_some() {
        "the database (USHER_DATABASE_URL)"
    } else {
        "the SQLite files"
    }
}

/// Brings all schemas up to date: what `usher` does at its start. Processes of their own leave it to `usher-migrate`.
///
/// # Errors
/// [`StartError::Settings`] for a wrong URL, password or missing rights; [`StartError::Failed`] for a step that fails.
pub async fn migrate(settings: &Settings, stop: &CancellationToken) -> Result<(), StartError> {
    let database = &database_settings(settings)?;
    let done = wait_for(database_name(settings), stop, || async move {
        match usher_migrations::migrate_all(database).await {
            Ok(()) => Ok(Ok(())),
            Err(MigrateError::Step(error)) => Ok(Err(StartError::failed("migration", &error))),
            Err(error) => Err(Attempt::of(error.is_passing(), &error)),
        }
    });
    done.await?
}

/// Connects a service to its schema or file and looks at the schema's version. A migration that has not run yet is
/// waited for.
///
/// # Errors
/// [`StartError::Settings`] for a wrong URL or password, and for a schema that this version does not know (R3).
pub async fn connect_database(
    settings: &Settings,
    service: Service,
    stop: &CancellationToken,
) -> Result<Database, StartError> {
    let database = &database_settings(settings)?;
    let connect = || try_database(database, service);
    wait_for(database_name(settings), stop, connect).await
}

/// [`connect_database`] without waiting.
///
/// # Errors
/// [`Attempt::NotYet`] for what a service would wait for, [`Attempt::Wrong`] for what would end it.
pub async fn try_database(settings: &DatabaseSettings, service: Service) -> Result<Database, Attempt> {
    let schema = usher_migrations::Service::from_name(service.as_str())
        .ok_or_else(|| Attempt::Wrong(format!("{} has no schema", service.as_str())))?;
    let database = match Database::connect(settings, service.as_str()).await {
        Ok(database) => database,
        Err(ConnectError::Settings(reason)) if reason.contains(SERVICE_ROLE) => {
            return Err(Attempt::NotYet(format!("{reason}: run usher-migrate up")));
        }
        Err(error) => return Err(Attempt::of(error.is_temporary(), &error)),
    };
    match usher_migrations::check(&database, schema).await {
        Ok(()) => Ok(database),
        Err(error) => {
            database.close().await;
            Err(Attempt::of(!matches!(error, SchemaError::Ahead { .. }), &error))
        }
    }
}

/// Names RabbitMQ, or opens the broker in this process. RabbitMQ is connected to, and waited for, when messaging runs.
///
/// `process` is shown in the broker's list of connections: "usher-contacts".
///
/// # Errors
/// [`StartError::Settings`] for a wrong URL.
pub async fn connect_broker(
    settings: &Settings,
    process: &str,
    stop: &CancellationToken,
) -> Result<Broker, StartError> {
    let common = &settings.common;
    if let Some(rabbit) = rabbit(settings, process)? {
        return Ok(rabbit);
    }
    let file = &common.data_dir.join(BROKER_FILE);
    let open = || async move {
        Broker::embedded(file)
            .await
            .map_err(|error| Attempt::of(error.is_temporary(), &error))
    };
    wait_for("the in-process broker", stop, open).await
}

/// RabbitMQ where the settings name one; nothing is connected yet.
///
/// # Errors
/// [`StartError::Settings`] for a wrong URL.
pub fn rabbit(settings: &Settings, process: &str) -> Result<Option<Broker>, StartError> {
    let common = &settings.common;
    let Some(url) = &common.amqp_url else {
        return Ok(None);
    };
    let rabbit = RabbitSettings::new(url.expose_secret(), common.broker_prefix.as_str(), process)
        .trusting(Trust::of(settings)?.amqp);
    let broker: BrokerSettings = settings.section("broker")?;
    let rabbit = match broker.topology {
        Topology::Declare => rabbit,
        Topology::Expect => rabbit.expecting_topology(),
    };
    Broker::rabbit(&rabbit)
        .map(Some)
        .map_err(StartErrors::start_error)
}
