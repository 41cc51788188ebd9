//! The program of the migrations' image: `usher` with the operator's commands and without what serves, and `usher-migrate`. Under two
//! names it is half as large as two programs, which are mostly the same libraries.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use usher_operator::Command;
use usher_service::Sources;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The operator's commands of Usher
#[derive(Debug, Parser)]
#[command(name = "usher", version)]
struct Cli {
    /// A settings file; keys that it does not name keep their defaults
    #[arg(long, global = true, value_name = "FILE", env = "USHER_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let called = std::env::args_os().next();
    let name = called.as_deref().and_then(|path| Path::new(path).file_name());
    if name.is_some_and(|name| name == usher_migrations::PROGRAM) {
        return usher_migrations::main();
    }
    let cli = Cli::parse();
    usher_operator::run(cli.command, Sources::of_process(cli.config))
}
