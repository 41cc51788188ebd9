//! The schema of the service `notifications`.

mod hold;
mod message;
mod retention;
mod suppression;

use crate::Migration;

/// The service's own steps, after those of messaging.
#[must_use]
pub fn migrations() -> Vec<Migration> {
    vec![
        Migration::new("0002_message", message::message),
        Migration::new("0003_hold", hold::hold),
        Migration::new("0016_suppression", suppression::up),
        Migration::new("0017_retention", retention::up),
    ]
}
