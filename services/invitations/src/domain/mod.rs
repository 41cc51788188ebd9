//! The rules, pure: no I/O, no clock of its own, nothing asynchronous.

pub mod asking;
pub mod batch;
pub mod delivery;
pub mod impersonation;
pub mod link;
pub mod member;
pub mod organization;
pub mod password;
pub mod portal;
pub mod recovery;
pub mod session;
pub mod signing;
pub mod waits;
