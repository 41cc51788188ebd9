//! The databases of all services, for commands that run beside them.

use usher_database::Database;
use usher_parts::{connect_database, database_settings};
use usher_service::{Process, StartError};

use crate::SERVICES;

/// Those of [`SERVICES`], in that order; none is made.
///
/// # Errors
/// [`StartError`] where one is not there, or does not know this program.
pub async fn databases(process: &Process) -> Result<Vec<Database>, StartError> {
    let settings = database_settings(&process.settings)?;
    let mut databases = Vec::new();
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
        databases.push(connect_database(&process.settings, service, &stop).await?);
    }
    Ok(databases)
}
