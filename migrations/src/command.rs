//! `usher-migrate`: brings the schemas up to date, or lists their steps.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;
use usher_database::{Database, DatabaseSettings};
use usher_service::{Attempt, Process, Sources, StartError, Trust, process, wait_for};

use crate::{MigrateError, Service, migrate, status};

/// What the program is called.
pub const PROGRAM: &str = "usher-migrate";

#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    about = "Brings Usher's database schemas up to date"
)]
struct Arguments {
    /// A settings file; the database is its database_url, or USHER_DATABASE_URL
    #[arg(long, global = true, value_name = "FILE", env = "USHER_CONFIG")]
    config: Option<PathBuf>,
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

/// The program: reads its arguments, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let sources = Sources::of_process(arguments.config.clone());
    process::run(PROGRAM, sources, |process| run(process, arguments))
}

async fn run(process: Process, arguments: Arguments) -> Result<(), StartError> {
    let url = process.settings.common.database_url.as_ref();
    let url = url.ok_or_else(|| StartError::settings("USHER_DATABASE_URL is not given"))?;
    let trust = Trust::of(&process.settings)?;
    let settings = &DatabaseSettings::new(url.expose_secret()).trusting(trust.database);
    for service in Service::ALL {
        if arguments.service.is_some_and(|only| only != service) {
            continue;
        }
        let step = || async move {
            match arguments.command {
                Command::Up => migrate(settings, service).await,
                Command::Status => print(settings, service).await,
            }
        };
        patiently(&process, step).await?;
    }
    Ok(())
}

/// Waits for a database that does not answer yet; a step that fails ends it.
async fn patiently<F, Fut>(process: &Process, step: F) -> Result<(), StartError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), MigrateError>>,
{
    let attempt = || async {
        match step().await {
            Ok(()) => Ok(Ok(())),
            Err(MigrateError::Step(error)) => Ok(Err(StartError::failed("migration", &error))),
            Err(error) => Err(Attempt::of(error.is_passing(), &error)),
        }
    };
    let stop = process.lifecycle.stopping();
    wait_for("the database (USHER_DATABASE_URL)", &stop, attempt).await?
}

async fn print(settings: &DatabaseSettings, service: Service) -> Result<(), MigrateError> {
    let database = Database::connect(settings, service.name()).await?;
    for step in status(&database, service).await? {
        let state = match (step.applied, step.known, step.serves_older) {
            (true, true, _) => "done",
            (false, ..) => "missing",
            (true, false, true) => "of a later version, which this one can serve on",
            (true, false, false) => "of a later version, which this one cannot serve on",
        };
        let _ = writeln!(std::io::stdout(), "{}/{}: {state}", service.name(), step.name);
    }
    database.close().await;
    Ok(())
}
