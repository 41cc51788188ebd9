//! The lines, one file each. A new one is a file and an entry here.

mod accept;
mod bulk_invite_mail;
mod bulk_rows;
mod idle_memory;
mod list_page;
mod preview;
mod single_invite;
mod telemetry_cost;

use crate::failure::Failure;
use crate::measure::Outcome;
use crate::workshop::Workshop;

/// Something that is measured.
pub struct Line {
    /// What it is called on the command line and in its result.
    pub name: &'static str,
    /// What it measures, in a few words.
    pub what: &'static str,
    /// Measures it.
    pub run: fn(&Workshop) -> Result<Outcome, Failure>,
}

/// All lines, in the order they run.
pub const LINES: [&Line; 10] = [
    &list_page::LINE,
    &telemetry_cost::LINE,
    &preview::LINE,
    &bulk_invite_mail::LINE,
    &bulk_rows::ACCEPT,
    &bulk_rows::ROWS,
    &single_invite::LINE,
    &accept::PASSWORDS,
    &accept::LIST,
    &idle_memory::LINE,
];

/// Settings that lift the limits against abuse out of the way, printed so that nobody takes the figures for more.
pub fn raised() -> Vec<(&'static str, String)> {
    let settings: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in &settings {
        crate::note(&format!("raised for this line: {name}={value}"));
    }
    settings
}
