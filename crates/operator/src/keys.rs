//! `usher keys`: the signing keys of access tokens, turned by the operator.

use std::io::Write;
use std::sync::Arc;

use usher_auth::Service;
use usher_invitations::{RotateKeysError, Rotation, rotate_keys};
use usher_parts::connect_database;
use usher_service::{Keys, Process, StartError};
use usher_types::{SharedClock, SystemClock};

use crate::cli::KeysCommand;

/// Works on the database of `invitations` alone, beside `usher` and beside the services, which take the key over by themselves.
pub async fn run(process: Process, command: KeysCommand) -> Result<(), StartError> {
    let KeysCommand::Rotate { at_once } = command;
    let settings = &process.settings;
    let stop = process.lifecycle.stopping();
    let wrap = Keys::load(&settings.common)?.signing()?;
    let database = connect_database(settings, Service::Invitations, &stop).await?;
    let clock: SharedClock = Arc::new(SystemClock);
    let rotation = if at_once {
        Rotation::AtOnce
    } else {
        Rotation::Announced
    };
    let rotated = rotate_keys(&database, &wrap, &clock, rotation).await;
    database.close().await;
    let from = rotated.map_err(|error: RotateKeysError| StartError::Failed(error.to_string()))?;
    let text = if at_once {
        "a new key signs from now on; every access token of the old ones ends within seconds".to_owned()
    } else {
        let from = from.format("%Y-%m-%d %H:%M UTC");
        format!("a new key is published and signs from {from} on; the old one verifies a day longer")
    };
    writeln!(std::io::stdout(), "{text}").ok();
    Ok(())
}
