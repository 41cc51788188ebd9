//! Rows. The only place that knows SQL and where its dialects differ.

pub(crate) mod access;
pub(crate) mod account_told;
pub(crate) mod activity;
pub(crate) mod address;
pub(crate) mod batch;
pub(crate) mod budget;
pub(crate) mod client_secret;
pub(crate) mod delivery;
pub(crate) mod email_change;
pub(crate) mod expiry;
pub(crate) mod figures;
pub(crate) mod funnel;
pub(crate) mod idempotency;
pub(crate) mod impersonation;
pub(crate) mod invitation;
pub(crate) mod member;
pub(crate) mod organization;
pub(crate) mod password_reset;
pub(crate) mod reminder;
pub(crate) mod request_budget;
pub(crate) mod results;
mod row;
pub(crate) mod session;
pub(crate) mod signing_key;
