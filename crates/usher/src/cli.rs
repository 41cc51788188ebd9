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
    /// The keys that sign access tokens
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Organizations of this installation
    Organization {
        #[command(subcommand)]
        command: OrganizationCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes the next key: published now, it signs after an hour, and the old one verifies a day longer
    Rotate {
        /// Drops the old keys, where somebody else may have them: every access token ends, sessions go on by their refresh tokens
        #[arg(long)]
        at_once: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum OrganizationCommand {
    /// Makes an organization and invites its administrator
    Add {
        /// Its short name in addresses and at sign-in: letters, digits and dashes
        #[arg(long)]
        slug: String,
        /// Its name as people read it
        #[arg(long)]
        name: String,
        /// The address of its first administrator
        #[arg(long, value_name = "EMAIL")]
        admin_email: String,
    },
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

    #[test]
    fn r6_an_organization_needs_all_three() {
        let all = [
            "usher",
            "organization",
            "add",
            "--slug",
            "a",
            "--name",
            "A",
            "--admin-email",
            "a@b.example",
        ];
        assert!(Cli::try_parse_from(all).is_ok());
        for left_out in [3, 5, 7] {
            let mut arguments = all.to_vec();
            arguments.drain(left_out..left_out + 2);
            assert!(Cli::try_parse_from(arguments).is_err());
        }
    }
}
