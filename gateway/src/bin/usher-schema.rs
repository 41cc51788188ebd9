//! Prints the schema, for `make schema`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(usher_gateway::graphql::sdl().as_bytes())
}
