//! The service from outside: gRPC in, messages out, on SQLite and on PostgreSQL. Contacts and notifications are played.

#![expect(clippy::unwrap_used, reason = "a helper that fails has failed the test")]

mod account_access;
mod addresses;
mod batches;
mod budgets;
mod confirmations;
mod declined;
mod events;
mod forgotten;
mod histories;
mod insight;
mod keys;
mod links;
mod members;
mod news;
mod pausing;
mod people;
mod races;
mod refusals;
mod reminders;
mod replicas;
mod results;
mod service_accounts;
mod sessions;
mod stage;
mod tenants;
mod turns;
