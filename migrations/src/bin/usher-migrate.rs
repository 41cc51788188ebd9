//! `usher-migrate`, see [`usher_migrations::main`].

use std::process::ExitCode;

fn main() -> ExitCode {
    usher_migrations::main()
}
