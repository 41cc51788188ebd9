//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Gets the people of a firm's client portal in.
#[derive(Debug, Parser)]
#[command(name = "usher", version, about)]
pub struct Cli {
    /// A settings file; keys that it does not name keep their defaults
    #[arg(long, global = true, value_name = "FILE", env = "USHER_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs gateway and services in this process; what happens without a command
    Serve,
    #[command(flatten)]
    Operator(usher_operator::Command),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn r1_serving_is_what_happens_without_a_command() {
        assert!(Cli::parse_from(["usher"]).command.is_none());
    }
}
