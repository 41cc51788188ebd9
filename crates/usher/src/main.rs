//! `usher`: gateway and services in one process, and the operator's commands.

mod banner;
mod cli;
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
        Command::Operator(command) => usher_operator::run(command, sources),
    }
}
