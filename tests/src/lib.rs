//! The harness of the journeys: real processes, a real browser, GraphQL in and mail out.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that cannot go on ends the test and says why"
)]

mod browser;
mod gate;
mod graphql;
mod health;
mod insight;
mod leaks;
mod look;
mod mailbox;
mod names;
mod otlp;
mod outside;
mod parts;
mod process;
mod provider;
mod replicas;
mod second;
mod sql;
mod system;

pub use browser::Browser;
pub use gate::Gate;
pub use graphql::{Answer, Client, SIGN_IN};
pub use leaks::{keep_secret, leaks};
pub use mailbox::{Mail, Mailbox};
pub use names::NameServer;
pub use otlp::{Collector, Line, Span};
pub use outside::{Postgres, RabbitMq};
pub use parts::{Parts, machine_amqp};
pub use process::{Process, binary, eventually, free_port};
pub use provider::{Browsing, IdentityProvider, oauth_client};
pub use replicas::{Fleet, Retrying};
pub use sql::{LockedTable, psql};
pub use system::{ADMIN_EMAIL, ADMIN_PASSWORD, Setting, System};

/// Makes each test run on both settings: `name::embedded` and `name::distributed`.
#[macro_export]
macro_rules! on_both_settings {
    ($($(#[$doc:meta])* async fn $name:ident($system:ident: &System) $body:block)+) => {$(
        $(#[$doc])*
        #[cfg(test)]
        mod $name {
            use super::*;

            async fn journey($system: &System) $body

            #[tokio::test]
            async fn embedded() {
                let system = System::start(Setting::Embedded).await;
                journey(&system).await;
                system.stop().await;
            }

            #[tokio::test]
            async fn distributed() {
                let system = System::start(Setting::Distributed).await;
                journey(&system).await;
                system.stop().await;
            }
        }
    )+};
}
