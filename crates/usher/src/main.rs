//! `usher`: gateway and services in one process, and the operator's commands.

mod banner;
mod cli;
mod keys;
mod organization;
mod serve;

use std::process::ExitCode;

use clap::Parser;
use usher_service::{Sources, process};

use crate::cli::{Cli, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let sources = Sources::of_process(cli.config);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => process::run("usher", sources, serve::serve),
        Command::Keys { command } => process::run("usher", sources, |process| keys::run(process, command)),
        Command::Organization { command } => {
            process::run("usher", sources, |process| organization::run(process, command))
        }
    }
}
