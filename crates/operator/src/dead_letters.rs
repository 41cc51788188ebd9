//! `usher dead-letters`: what services could not handle, of all organizations and of none.

use std::collections::BTreeSet;
use std::io::Write;

use sea_orm::DbErr;
use usher_database::{Database, Scope, SystemReason};
use usher_messaging::{DeadLetter, Which, ask_some_replay, dead_letters, drop_some};
use usher_parts::QUEUES;
use usher_service::{Process, StartError};
use uuid::Uuid;

use crate::cli::{DeadLettersCommand, Letters};
use crate::databases::databases;

/// Letters that one transaction changes.
const PAGE: u64 = 1000;

/// What is done to letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Replay,
    Drop,
}

/// Works on the databases alone: whatever runs the services on them handles what is to be replayed.
///
/// # Errors
/// [`StartError::Failed`] where a queue or letter that is named is not there.
pub async fn run(process: Process, command: DeadLettersCommand) -> Result<(), StartError> {
    match command {
        DeadLettersCommand::List {
            queue,
            replayed,
            limit,
        } => {
            known(queue.as_deref())?;
            let which = Which {
                queue,
                replayed,
                ..Which::default()
            };
            list(&process, &which, limit).await
        }
        DeadLettersCommand::Replay { letters, queue } => change(&process, Deed::Replay, letters, queue).await,
        DeadLettersCommand::Drop { letters, queue } => change(&process, Deed::Drop, letters, queue).await,
    }
}

/// Whether there is such a queue.
fn known(queue: Option<&str>) -> Result<(), StartError> {
    match queue {
        Some(queue) if !QUEUES.iter().any(|(name, _)| *name == queue) => {
            let names: Vec<&str> = QUEUES.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            Err(StartError::Failed(format!(
                "there is no queue {queue}; there are {names}"
            )))
        }
        _ => Ok(()),
    }
}

async fn list(process: &Process, which: &Which, limit: u64) -> Result<(), StartError> {
    let mut all = 0;
    for database in databases(process).await? {
        let tx = database.read(Scope::System(SystemReason::Operate)).await;
        let tx = tx.map_err(|error| broken(&error))?;
        let letters = dead_letters(&tx, which.clone(), limit).await;
        for letter in letters.map_err(|error| broken(&error))? {
            all += 1;
            say(&line(&letter));
        }
        drop(tx);
        database.close().await;
    }
    if all == 0 {
        // beside the list, which other programs read
        eprintln!("there are none");
    }
    Ok(())
}

async fn change(
    process: &Process,
    deed: Deed,
    letters: Letters,
    queue: Option<String>,
) -> Result<(), StartError> {
    known(queue.as_deref())?;
    let ids: BTreeSet<Uuid> = letters.ids.into_iter().collect();
    let which = Which {
        ids: (!letters.all).then(|| ids.iter().copied().collect()),
        queue,
        ..Which::default()
    };
    let mut changed = 0;
    let mut missing = ids;
    for database in databases(process).await? {
        let found = on(&database, deed, &which, &mut missing).await;
        database.close().await;
        changed += found.map_err(|error| broken(&error))?;
    }
    say(&match deed {
        Deed::Replay => format!(
            "{changed} to be handled once more by the running services; usher dead-letters list shows what fails again"
        ),
        Deed::Drop => format!("{changed} dropped"),
    });
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = missing.iter().map(Uuid::to_string).collect();
    Err(StartError::Failed(format!(
        "not there, handled already, or not readable: {}",
        missing.join(", ")
    )))
}

/// In one service's database; takes those that are there from `missing`.
async fn on(
    database: &Database,
    deed: Deed,
    which: &Which,
    missing: &mut BTreeSet<Uuid>,
) -> Result<u64, DbErr> {
    let scope = || Scope::System(SystemReason::Operate);
    if let Some(ids) = &which.ids {
        let limit = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let named = dead_letters(&database.read(scope()).await?, which.clone(), limit).await?;
        for letter in named {
            if deed == Deed::Drop || letter.envelope.is_some() {
                missing.remove(&letter.id);
            }
        }
    }
    let mut all = 0;
    loop {
        let tx = database.write(scope()).await?;
        let some = match deed {
            Deed::Replay => ask_some_replay(&tx, which.clone(), PAGE).await?,
            Deed::Drop => drop_some(&tx, which.clone(), PAGE).await?,
        };
        tx.commit().await?;
        all += some;
        if some < PAGE {
            return Ok(all);
        }
    }
}

fn broken(error: &DbErr) -> StartError {
    StartError::failed("the database", error)
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
