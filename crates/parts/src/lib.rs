//! What a service with a database stands on, opened once the same way for all of them.
//!
//! A service's `main` is then a few lines:
//!
//! ```ignore
//! fn main() -> ExitCode {
//!     process::main_of_service("usher-contacts", env!("CARGO_PKG_VERSION"), |process| async move {
//!         let listener = process.listen(Service::Contacts).await?;
//!         let parts = Parts::open(Service::Contacts, &process).await?;
//!         usher_contacts::run(process.settings, parts, listener, process.lifecycle).await
//!     })
//! }
//! ```
//!
//! and its `run` begins with `parts.need_database(&lifecycle)` and `parts.follow_revocations(&lifecycle)` (the latter not so in `invitations`, which fills its verifier
//! from its own tables), runs `usher_messaging::run(parts.broker, parts.database, …)` in the background with
//! [`StartErrors::start_error`] for its errors, and serves with
//! `grpc::Server::new("contacts").service(parts.dead_letters()).verifier(parts.verifier).service(…).serve(listener, &lifecycle)`.

mod dead_letters;
mod errors;
mod open;
mod queues;

pub use dead_letters::Letters;
pub use errors::StartErrors;
pub use open::{connect_broker, connect_database, database_settings, migrate, rabbit, try_database};
pub use queues::{QUEUES, Queue, declare_queues, topology};

use std::sync::Arc;

use usher_auth::{Service, ServiceTokens, Verifier};
use usher_database::Database;
use usher_messaging::Broker;
use usher_service::grpc::ServiceCaller;
use usher_service::{DataDir, Keys, Lifecycle, Peers, Process, Settings, StartError, revocations};
use usher_types::{SharedClock, SharedTokens, SystemClock, SystemTokens};

/// Everything outside of itself that a service works with. Cheap to clone.
#[derive(Clone)]
pub struct Parts {
    /// Which service this is.
    pub service: Service,
    /// Its own schema or file, at the version that this program knows.
    pub database: Database,
    /// RabbitMQ, or the broker in this process.
    pub broker: Broker,
    /// The time.
    pub clock: SharedClock,
    /// Random tokens.
    pub tokens: SharedTokens,
    /// The installation's keys.
    pub keys: Keys,
    /// Verifies tokens; filled by [`Parts::follow_revocations`].
    pub verifier: Verifier,
    /// Makes the tokens with which this service calls others.
    pub caller: ServiceCaller,
    /// Where the others are.
    pub peers: Peers,
    /// Held while the process keeps anything in the data folder.
    pub folder: Option<Arc<DataDir>>,
}

impl Parts {
    /// Opens everything for a service that is a process of its own: waits for database and broker, checks the schema.
    ///
    /// # Errors
    /// [`StartError::Settings`] for wrong settings or passwords, and for a schema that is not the one expected.
    pub async fn open(service: Service, process: &Process) -> Result<Self, StartError> {
        let settings = &process.settings;
        let common = &settings.common;
        if common.amqp_url.is_none() {
            return Err(StartError::settings(
                "USHER_AMQP_URL is not given: services that are processes of their own need RabbitMQ",
            ));
        }
        let folder = common
            .uses_data_dir()
            .then(|| DataDir::lock_part(&common.data_dir, service.as_str()).map(Arc::new))
            .transpose()?;
        let stop = process.lifecycle.stopping();
        let database = connect_database(settings, service, &stop).await?;
        let broker = connect_broker(settings, &format!("usher-{}", service.as_str()), &stop).await?;
        declare_queues(&broker, &stop).await?;
        let peers = Peers::of(settings)?;
        let (clock, tokens): (SharedClock, SharedTokens) = (Arc::new(SystemClock), Arc::new(SystemTokens));
        let parts = Self::assemble(service, settings, database, broker, peers, (clock, tokens))?;
        Ok(Self { folder, ..parts })
    }

    /// Puts parts together that were opened elsewhere: by `usher`, which shares them, and by tests.
    ///
    /// # Errors
    /// [`StartError::Settings`] when keys are missing.
    pub fn assemble(
        service: Service,
        settings: &Settings,
        database: Database,
        broker: Broker,
        peers: Peers,
        (clock, tokens): (SharedClock, SharedTokens),
    ) -> Result<Self, StartError> {
        let keys = Keys::load(&settings.common)?;
        let service_tokens = ServiceTokens::new(keys.service()?, service);
        Ok(Self {
            service,
            database,
            broker,
            verifier: Verifier::new(service_tokens.clone(), clock.clone()),
            caller: ServiceCaller::new(service_tokens, clock.clone()),
            clock,
            tokens,
            keys,
            peers,
            folder: None,
        })
    }

    /// The process is ready while this service's database answers.
    pub fn need_database(&self, lifecycle: &Lifecycle) {
        let database = self.database.clone();
        let needed = lifecycle.readiness();
        needed.require("the database does not answer", move || {
            let database = database.clone();
            async move { database.ping().await.is_ok() }
        });
    }

    /// Follows the verification keys and the ended sessions of `invitations` in the background.
    pub fn follow_revocations(&self, lifecycle: &Lifecycle) {
        let invitations = self.peers.invitations();
        revocations::follow(self.verifier.clone(), invitations, self.caller.clone(), lifecycle);
    }
}
