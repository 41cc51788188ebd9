//! The operator's commands: what is done beside the API, on the databases and parts that the settings name.

mod cli;
mod databases;
mod dead_letters;
mod doctor;
mod keys;
mod organization;
mod resync;
mod topology;

use std::process::ExitCode;

use usher_auth::Service;
use usher_service::{Sources, process};

pub use cli::{Command, DeadLettersCommand, DoctorArguments, KeysCommand, Letters, OrganizationCommand};

/// The services, each with a database of its own.
const SERVICES: [Service; 3] = [Service::Contacts, Service::Invitations, Service::Notifications];

/// Does what was asked for, and says how it ended as a program does.
pub fn run(command: Command, sources: Sources) -> ExitCode {
    // a command may run beside what serves, and leaves its private address alone
    let sources = sources.set("private_listen", "");
    match command {
        Command::DeadLetters { command } => {
            process::run("usher", sources, |process| dead_letters::run(process, command))
        }
        Command::Doctor(arguments) => {
            process::run("usher", sources, |process| doctor::run(process, arguments))
        }
        Command::Keys { command } => process::run("usher", sources, |process| keys::run(process, command)),
        Command::Topology => process::run("usher", sources, topology::run),
        Command::Resync => process::run("usher", sources, resync::run),
        Command::Organization { command } => {
            process::run("usher", sources, |process| organization::run(process, command))
        }
    }
}
