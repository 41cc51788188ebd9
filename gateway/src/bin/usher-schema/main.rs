//! Prints the schema, or with `reference` the page that describes it, for `make schema`.

mod reference;

use std::error::Error;
use std::io::Write;

use usher_gateway::graphql::sdl;

fn main() -> Result<(), Box<dyn Error>> {
    let text = match std::env::args().nth(1).as_deref() {
        None => sdl(),
        Some("reference") => reference::page(&sdl())?,
        Some(other) => return Err(format!("{other}: nothing, or `reference`").into()),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
