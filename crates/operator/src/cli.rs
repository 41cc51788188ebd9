//! The operator's commands, as they stand on a command line.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use uuid::Uuid;

/// What an operator asks for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Looks whether all that this installation needs is there and set up; changes nothing
    Doctor(DoctorArguments),
    /// Messages between services that one of them could not handle
    DeadLetters {
        /// What to do with them
        #[command(subcommand)]
        command: DeadLettersCommand,
    },
    /// Has all services say once more what stands in their databases, after one of them was restored from a backup
    Resync,
    /// The keys that sign access tokens
    Keys {
        /// What to do with them
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Prints RabbitMQ's exchanges, queues and bindings as definitions that it can import, for broker.topology = "expect"
    Topology,
    /// Organizations of this installation
    Organization {
        /// What to do
        #[command(subcommand)]
        command: OrganizationCommand,
    },
}

#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// How many processes of each service run; their connections to the database are counted
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub replicas: u32,
    /// The selector of the DKIM key with which the mail server signs, to be looked up
    #[arg(long, value_name = "NAME")]
    pub dkim_selector: Option<String>,
    /// The name server to ask about the sender's domain, instead of those of this machine
    #[arg(long, value_name = "IP:PORT")]
    pub name_server: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Lists them, the newest of each service first: id, moment, queue, type and reason, with tabs between
    List {
        /// Only those of this queue, such as contacts.events
        #[arg(long)]
        queue: Option<String>,
        /// Those that were handled after all or dropped, instead of those that were not
        #[arg(long)]
        replayed: bool,
        /// The most of each service
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        limit: u64,
    },
    /// Has them handled once more, by the services that run
    Replay {
        #[command(flatten)]
        letters: Letters,
        /// Only those of this queue, such as contacts.events
        #[arg(long)]
        queue: Option<String>,
    },
    /// Ends them without having them handled: what they say is gone at once, that they were there is listed with --replayed for 30 days
    Drop {
        #[command(flatten)]
        letters: Letters,
        /// Only those of this queue, such as contacts.events
        #[arg(long)]
        queue: Option<String>,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Letters {
    /// Their ids, as the list shows them
    #[arg(value_name = "ID")]
    pub ids: Vec<Uuid>,
    /// All of them
    #[arg(long)]
    pub all: bool,
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
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn e3_a_replay_says_which_letters() {
        let parse = |rest: &[&str]| {
            let arguments = ["usher", "dead-letters", "replay"].iter().chain(rest).copied();
            Cli::try_parse_from(arguments)
        };
        let id = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5";
        for right in [
            &[id][..],
            &[id, id],
            &["--all"],
            &["--all", "--queue", "contacts.events"],
        ] {
            assert!(parse(right).is_ok(), "{right:?}");
        }
        for wrong in [&[][..], &["--queue", "contacts.events"], &["--all", id], &["all"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
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
