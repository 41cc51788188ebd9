//! `usher topology`: what RabbitMQ has to have, for operators who make it themselves.

use std::io::Write;

use usher_parts::topology;
use usher_service::{Process, StartError};

/// Prints the definitions; connects to nothing.
pub async fn run(process: Process) -> Result<(), StartError> {
    let definitions = topology(&process.settings)?;
    std::io::stdout().write_all(definitions.as_bytes()).ok();
    Ok(())
}
