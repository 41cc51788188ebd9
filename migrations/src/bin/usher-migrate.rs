//! `usher-migrate`: brings the schemas up to date, or lists their steps.

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};
use usher_database::{Database, DatabaseSettings};
use usher_migrations::{MigrateError, Service, migrate, status};

/// sysexits.h: the configuration is wrong.
const EX_CONFIG: u8 = 78;

#[derive(Debug, Parser)]
#[command(
    name = "usher-migrate",
    version,
    about = "Brings Usher's database schemas up to date"
)]
struct Arguments {
    /// The database: sqlite://DIR/ or postgres://user:password@host/database
    #[arg(
        long,
        env = "USHER_DATABASE_URL",
        hide_env_values = true,
        global = true,
        default_value = ""
    )]
    database_url: String,
    /// One service only: contacts, invitations or notifications
    #[arg(long, global = true, value_parser = service)]
    service: Option<Service>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Does the steps that are missing; several at once are safe
    Up,
    /// Lists the steps and whether they were done
    Status,
}

fn service(name: &str) -> Result<Service, String> {
    Service::from_name(name).ok_or_else(|| "one of contacts, invitations, notifications".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "usher-migrate: {error}");
            match error {
                MigrateError::Settings(_) => ExitCode::from(EX_CONFIG),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), MigrateError> {
    if arguments.database_url.is_empty() {
        return Err(MigrateError::Settings("USHER_DATABASE_URL is not set".to_owned()));
    }
    let settings = DatabaseSettings::new(arguments.database_url.as_str());
    for service in Service::ALL {
        if arguments.service.is_some_and(|only| only != service) {
            continue;
        }
        match arguments.command {
            Command::Up => migrate(&settings, service).await?,
            Command::Status => print(&settings, service).await?,
        }
    }
    Ok(())
}

async fn print(settings: &DatabaseSettings, service: Service) -> Result<(), MigrateError> {
    let database = Database::connect(settings, service.name()).await?;
    for step in status(&database, service).await? {
        let state = match (step.applied, step.known) {
            (true, true) => "done",
            (false, _) => "missing",
            (true, false) => "unknown to this version",
        };
        let _ = writeln!(std::io::stdout(), "{}/{}: {state}", service.name(), step.name);
    }
    database.close().await;
    Ok(())
}
