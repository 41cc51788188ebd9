//! The schema of the service `invitations`.

mod account_access;
mod budget;
mod email_change;
mod identity;
mod impersonation;
mod operations;
mod people;
mod portal;
mod recovery;
mod reminder;
mod service_accounts;
mod trace;

use crate::Migration;

/// The service's own steps, after those of messaging.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    vec![
        Migration::new("0002_people", people::up),
        Migration::new("0003_portal", portal::up),
        Migration::new("0004_email_change", email_change::up),
        Migration::new("0005_recovery", recovery::up),
        Migration::new("0006_budget", budget::up),
        Migration::new("0007_account_access", account_access::up),
        Migration::new("0008_reminder", reminder::up),
        Migration::new("0009_impersonation", impersonation::up),
        Migration::new("0010_operations", operations::up),
        Migration::new("0011_service_accounts", service_accounts::up),
        Migration::new("0012_trace", trace::up),
        Migration::new("0013_identity", identity::up),
    ]
}
