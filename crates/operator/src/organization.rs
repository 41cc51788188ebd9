//! `usher organization`: what operators do beside the API (R6).

use std::io::Write;
use std::sync::Arc;

use usher_auth::Service;
use usher_invitations::{
    AddOrganizationError, Administrator, NewOrganization, OrganizationOffice, add_organization,
};
use usher_parts::{connect_database, migrate};
use usher_service::{Keys, Process, StartError};
use usher_types::{SystemClock, SystemTokens};

use crate::cli::OrganizationCommand;

/// Works on the database of `invitations` alone, so it may run beside `usher` and beside the services. The mail is a
/// command in the outbox, which the running service sends.
pub async fn run(process: Process, command: OrganizationCommand) -> Result<(), StartError> {
    let OrganizationCommand::Add {
        slug,
        name,
        admin_email,
    } = command;
    let settings = &process.settings;
    let stop = process.lifecycle.stopping();
    if settings.common.database_url.is_none() {
        // the first command on a machine may come before the first start
        migrate(settings, &stop).await?;
    }
    let database = connect_database(settings, Service::Invitations, &stop).await?;
    let office = OrganizationOffice {
        database: database.clone(),
        clock: Arc::new(SystemClock),
        tokens: Arc::new(SystemTokens),
        seal_keys: Keys::load(&settings.common)?.seal()?,
    };
    let new = NewOrganization {
        slug: slug.clone(),
        name,
        admin_email,
        administrator: Administrator::Invited,
    };
    let added = add_organization(&office, new).await;
    database.close().await;
    added.map_err(refusal)?;
    writeln!(
        std::io::stdout(),
        "organization {slug} is made; its administrator is invited by mail"
    )
    .ok();
    Ok(())
}

fn refusal(error: AddOrganizationError) -> StartError {
    match error {
        AddOrganizationError::Invalid(_) | AddOrganizationError::SlugTaken => {
            StartError::Failed(error.to_string())
        }
        other => StartError::failed("the organization was not made", &other),
    }
}
