//! Journeys through the whole system, GraphQL in and mail out.

#![cfg(test)]

mod authorization;
mod faults;
mod one_person;
mod operations;
mod pages;
mod recovery;
mod start;
mod toggles;
