//! `usher`: gateway and services in one process, and the operator's commands.

mod banner;
mod cli;
mod databases;
mod dead_letters;
mod doctor;
mod keys;
mod organization;
mod resync;
mod serve;
mod topology;

use std::process::ExitCode;

use clap::Parser;
use usher_auth::Service;
use usher_service::{Sources, process};

use crate::cli::{Cli, Command};

/// The services, each with a database of its own.
const SERVICES: [Service; 3] = [Service::Contacts, Service::Invitations, Service::Notifications];

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let sources = Sources::of_process(cli.config);
    // a command may run beside what serves, and leaves its private address alone
    let beside = sources.clone().set("private_listen", "");
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => process::run("usher", sources, serve::serve),
        Command::DeadLetters { command } => {
            process::run("usher", beside, |process| dead_letters::run(process, command))
        }
        Command::Doctor(arguments) => {
            process::run("usher", beside, |process| doctor::run(process, arguments))
        }
        Command::Keys { command } => process::run("usher", beside, |process| keys::run(process, command)),
        Command::Topology => process::run("usher", beside, topology::run),
        Command::Resync => process::run("usher", beside, resync::run),
        Command::Organization { command } => {
            process::run("usher", beside, |process| organization::run(process, command))
        }
    }
}
