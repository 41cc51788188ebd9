//! Rows in and out; the only place that knows SQL and its dialects. Finders and writers take the organization and name it in
//! their statements: row security, which SQLite does not have, is the second wall.

pub(crate) mod accounts;
pub(crate) mod activity;
pub(crate) mod address_state;
pub(crate) mod batch;
pub(crate) mod claim;
mod columns;
pub(crate) mod companies;
pub(crate) mod contacts;
mod eligibility;
pub(crate) mod facts;
mod filter;
pub(crate) mod inbound;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod list_accounts;
mod list_walk;
mod lookup;
pub(crate) mod organization;
mod params;
pub(crate) mod placeholder;
pub(crate) mod portal;
mod rows;
pub(crate) mod search;
pub(crate) mod segments;
pub(crate) mod selection;
pub(crate) mod status_order;
mod tables;
mod tags;
pub(crate) mod told;
pub(crate) mod view;
