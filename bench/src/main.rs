//! What `make bench` runs: each line measures Usher against a limit that the parts below it set on the same machine at the
//! same time, and says whether the share of it that is wanted was reached.
//!
//! ```text
//! bench NAME VALUE UNIT limit=LIMIT ratio=RATIO want>=X ok
//! ```
//!
//! `usher-bench [LINE…]` runs the named lines, or all. Exit code 1: a line is SHORT; 2: one could not be measured.

mod broker;
mod bulk;
mod child;
mod cluster;
mod collector;
mod failure;
mod graphql;
mod inbox;
mod lines;
mod loaded;
mod mail;
mod measure;
mod pages;
mod random;
mod system;
mod workshop;

use std::io::Write;
use std::process::ExitCode;

use crate::failure::{Failure, fail};
use crate::lines::{LINES, Line};
use crate::workshop::Workshop;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, Failure> {
    let wanted = wanted(std::env::args().skip(1).collect())?;
    let workshop = Workshop::open()?;
    let mut all_reached = true;
    for line in wanted {
        note(&format!("{}: {}", line.name, line.what));
        let outcome = (line.run)(&workshop)?;
        note(&format!("{}: spread {}", line.name, outcome.spread()));
        say(&outcome.to_string());
        all_reached &= outcome.reached();
    }
    Ok(all_reached)
}

fn wanted(names: Vec<String>) -> Result<Vec<&'static Line>, Failure> {
    if names.is_empty() {
        return Ok(LINES.to_vec());
    }
    let known = LINES.map(|line| line.name).join(", ");
    let find = |name: &String| {
        let line = LINES.into_iter().find(|line| line.name == name);
        line.ok_or_else(|| fail(format!("no line {name:?}; there are {known}")))
    };
    names.iter().map(find).collect()
}

/// A result, on standard output.
fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

/// Something to know beside the results: also on standard output, marked, so that a log of the run is complete.
fn note(text: &str) {
    writeln!(std::io::stdout(), "# {text}").ok();
}
