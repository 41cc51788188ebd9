//! The rules of contacts, accounts and links: pure, without I/O.

pub(crate) mod account;
pub(crate) mod account_draft;
pub(crate) mod activity;
pub(crate) mod address;
pub(crate) mod contact;
pub(crate) mod contact_change;
pub(crate) mod contact_draft;
pub(crate) mod filter;
pub(crate) mod inbound;
mod invitable;
pub(crate) mod link;
pub(crate) mod order;
pub(crate) mod portal;
pub(crate) mod refusal;
pub(crate) mod search;
pub(crate) mod segment;
pub(crate) mod test_client;
pub(crate) mod text;
