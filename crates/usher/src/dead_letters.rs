//! `usher dead-letters`: what services could not handle, of all organizations and of none.

use std::io::Write;

use sea_orm::DbErr;
use usher_database::{Database, Scope, SystemReason};
use usher_messaging::{DeadLetter, Which, ask_replay, dead_letters};
use usher_parts::{connect_database, database_settings};
use usher_service::{Process, StartError};

use crate::SERVICES;
use crate::cli::{DeadLettersCommand, Letters};

/// Works on the databases alone: whatever runs the services on them handles what is to be replayed.
pub async fn run(process: Process, command: DeadLettersCommand) -> Result<(), StartError> {
    let settings = database_settings(&process.settings)?;
    let mut all = 0;
    for service in SERVICES {
        // to open it would make it
        let file = settings.file(service.as_str());
        let file = file.map_err(|error| StartError::settings(error.to_string()))?;
        if let Some(missing) = file.filter(|file| !file.exists()) {
            return Err(StartError::settings(format!(
                "there is no {}: run this in the folder of the server, or with its USHER_DATA_DIR",
                missing.display()
            )));
        }
        let stop = process.lifecycle.stopping();
        let database = connect_database(&process.settings, service, &stop).await?;
        let letters = work(&database, &command).await;
        database.close().await;
        let letters = letters.map_err(|error| StartError::failed("the database", &error))?;
        all += letters.len();
        for letter in &letters {
            say(&line(letter));
        }
    }
    match command {
        DeadLettersCommand::List { .. } => {}
        DeadLettersCommand::Replay { .. } => {
            say(&format!(
                "{all} to be handled once more by the running services; usher dead-letters list shows what fails again"
            ));
        }
    }
    Ok(())
}

async fn work(database: &Database, command: &DeadLettersCommand) -> Result<Vec<DeadLetter>, DbErr> {
    let scope = Scope::System(SystemReason::Operate);
    match command {
        DeadLettersCommand::List {
            queue,
            replayed,
            limit,
        } => {
            let which = Which {
                queue: queue.clone(),
                replayed: *replayed,
                ..Which::default()
            };
            dead_letters(&database.read(scope).await?, which, *limit).await
        }
        DeadLettersCommand::Replay { letters, queue } => {
            let Letters { ids, all } = letters;
            let which = Which {
                ids: (!all).then(|| ids.clone()),
                queue: queue.clone(),
                ..Which::default()
            };
            let tx = database.write(scope).await?;
            let asked = ask_replay(&tx, which).await?;
            tx.commit().await?;
            Ok(asked)
        }
    }
}

/// Id, moment, queue, type and reason, a tab between each, so that other programs can read it.
fn line(letter: &DeadLetter) -> String {
    let kind = letter
        .envelope
        .as_ref()
        .map_or("-", |envelope| envelope.kind.as_str());
    let at = letter.at.format("%Y-%m-%dT%H:%M:%SZ");
    format!("{}\t{at}\t{}\t{kind}\t{}", letter.id, letter.queue, letter.reason)
}

fn say(line: &str) {
    // whoever reads over a closed pipe does not want the rest
    writeln!(std::io::stdout(), "{line}").ok();
}
