//! The rules, pure: no I/O, no clock of its own, nothing asynchronous.

pub mod asking;
pub mod batch;
pub mod budget;
pub mod client_secret;
pub mod delivery;
pub mod explain;
pub mod impersonation;
pub mod link;
pub mod member;
pub mod organization;
pub mod password;
pub mod portal;
pub mod provider;
pub mod recovery;
pub mod reminder;
pub mod session;
pub mod signing;
pub mod waits;
pub mod weeks;
