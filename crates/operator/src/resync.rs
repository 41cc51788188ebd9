//! `usher resync`: after a restore every service says once more what stands in its database, and others overwrite what they had
//! projected of it (ADR 44).

use std::io::Write;
use std::sync::Arc;

use sea_orm::DbErr;
use usher_database::Database;
use usher_service::{Process, StartError};
use usher_types::{SharedClock, SystemClock};

use crate::databases::databases;

/// Works on the databases alone: the services that run on them publish and hear what is said here.
///
/// # Errors
/// [`StartError::Failed`] where a database does not answer; to run it again does no harm.
pub async fn run(process: Process) -> Result<(), StartError> {
    let databases = databases(&process).await?;
    let [contacts, invitations, notifications] = databases.as_slice() else {
        return Err(StartError::Failed("a service has no database".to_owned()));
    };
    let clock: SharedClock = Arc::new(SystemClock);
    let said = said(contacts, invitations, notifications, &clock).await;
    for database in &databases {
        database.close().await;
    }
    let text = said.map_err(|error| StartError::failed("the database", &error))?;
    writeln!(std::io::stdout(), "{text}").ok();
    Ok(())
}

async fn said(
    contacts: &Database,
    invitations: &Database,
    notifications: &Database,
    clock: &SharedClock,
) -> Result<String, DbErr> {
    let people = usher_contacts::resync(contacts, clock).await?;
    let mut gone = 0;
    let mut after = None;
    loop {
        let known = usher_invitations::known_people(invitations, after).await?;
        let Some(last) = known.last() else { break };
        after = Some(last.id);
        gone += usher_contacts::resync_gone(contacts, clock, known).await?;
    }
    let portals = usher_invitations::resync(invitations, clock).await?;
    let addresses = usher_notifications::app::resync(notifications, clock).await?;
    Ok(format!(
        "{people} contacts, the portal access of {portals} and the state of {addresses} addresses are told once more; {gone} contacts are gone"
    ))
}
