//! The lines, one file each. A new one is a file and an entry here.

mod bulk_invite_mail;
mod idle_memory;
mod list_page;

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
pub const LINES: [&Line; 3] = [&list_page::LINE, &bulk_invite_mail::LINE, &idle_memory::LINE];

/// Settings that lift the limits against abuse out of the way, printed so that nobody takes the figures for more.
pub fn raised() -> Vec<(&'static str, String)> {
    let settings: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in &settings {
        crate::note(&format!("raised for this line: {name}={value}"));
    }
    settings
}
