//! Journeys through the whole system, GraphQL in and mail out.

#![cfg(test)]

mod authorization;
mod batches;
mod dead_letters;
mod doctor;
mod events;
mod examples;
mod faults;
mod graphiql;
mod identity;
mod leaks;
mod migrate;
mod one_person;
mod operations;
mod pages;
mod partial;
mod people;
mod reading;
mod readme;
mod recovery;
mod restore;
mod rolling;
mod start;
mod stop;
mod telemetry;
mod tls;
mod toggles;
mod trace;
