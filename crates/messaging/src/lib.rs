//! Messages between services: nothing lost, nothing doubled, in order for each contact (E3, E4).
//!
//! **Speaking.** [`enqueue`] writes envelopes into the outbox in the business transaction. The relay, part of [`run`],
//! publishes them after the commit.
//!
//! **Listening.** A [`Subscription`] names a queue, the event types bound to it, and a [`Handler`]. Handlers take a slice
//! of up to 200 messages in one transaction, in system scope since the slice may hold messages of several organizations;
//! the inbox has already removed those that were handled before. [`deliver`] is one such step, for tests.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use usher_database::{Database, DatabaseSettings, Transaction};
//! # use usher_events::Envelope;
//! # use usher_messaging::{Broker, Handler, HandlerError, Subscription, run};
//! struct Project;
//!
//! #[async_trait::async_trait]
//! impl Handler for Project {
//!     async fn handle(&self, tx: &Transaction, slice: &[Envelope]) -> Result<(), HandlerError> {
//!         for envelope in slice { /* decode and collect; then one set-based statement for all */ }
//!         Ok(())
//!     }
//! }
//!
//! # async fn example(database: Database, stop: tokio_util::sync::CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//! let broker = Broker::embedded("data/broker.db").await?; // or Broker::rabbit(&settings)
//! let subscription = Subscription::new("contacts.portal", &["usher.invitation.*.v1"], Arc::new(Project));
//! run(broker, database, "contacts", vec![subscription], stop).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **Queues.** `{queue}.interactive` and `{queue}.bulk`, so that what a person waits for does not stand behind a mass.
//! Events go to the topic exchange `{prefix}usher.events`, for everyone, as one CloudEvent each with the routing key
//! `contact.updated.v1.interactive`; and to our own queues in packs of up to 100, which spares the broker most of its
//! work. Commands ([`Envelope::queue`](usher_events::Envelope)) to the direct exchange `{prefix}usher.work` with the queue's
//! name and lane. A queue takes its own commands without any binding.
//!
//! **From others.** A queue with a binding that begins with `usher.inbound.` takes what other services publish on the topic
//! exchange `{prefix}usher.inbound`, on RabbitMQ alone. Such a message is believed only for who published it.
//!
//! **Failures.** [`HandlerError::Retry`] waits and tries again, five times in all; [`HandlerError::Reject`] and the fifth
//! failure go to the consumer's table `dead_letter` with the reason, from which [`ask_replay`] gives them to the handler once more. While a message waits, later ones with its key wait
//! behind it. A database that does not answer, and deadlocks, are not the message's fault and are tried without limit.
//!
//! **Order** is kept for each key and lane if writers of one key exclude each other before [`enqueue`], as they do when
//! they first change the key's row. One consumer a queue is active at a time; other replicas stand by.

mod broker;
mod consumer;
mod dead_letter;
mod deliver;
mod embedded;
mod gauges;
mod handler;
mod held;
mod json;
mod outbox;
mod pace;
mod quiet;
mod rabbit;
mod relay;
mod replay;
mod retention;
mod rows;
mod run;
mod subscription;
mod trace;
mod transport;

pub use broker::{Broker, BrokerError};
pub use dead_letter::{DeadLetter, Which, ask_replay, ask_some_replay, dead_letters, drop_some};
pub use deliver::{DeliverError, deliver};
pub use gauges::{Waiting, waiting};
pub use handler::{Handler, HandlerError};
pub use outbox::{BUCKETS, enqueue};
pub use pace::Pace;
pub use quiet::{Pending, undrained};
pub use rabbit::RabbitSettings;
pub use retention::sweep;
pub use run::{run, run_at};
pub use subscription::Subscription;
pub use trace::{relate, traceparent};
