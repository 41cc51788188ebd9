//! Rows in and out; the only place that knows SQL and its dialects.

pub(crate) mod accounts;
pub(crate) mod activity;
pub(crate) mod address_state;
mod columns;
pub(crate) mod contacts;
mod eligibility;
pub(crate) mod facts;
mod filter;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod list_accounts;
pub(crate) mod organization;
mod params;
pub(crate) mod placeholder;
pub(crate) mod portal;
pub(crate) mod search;
pub(crate) mod selection;
pub(crate) mod status_order;
mod tags;
pub(crate) mod view;
