//! The gRPC edge of every service: one server, one way to say who calls, one way to fail.

pub(crate) mod context;
mod errors;
mod frame;
mod server;

pub use context::request_id;
pub use errors::{internal, invalid, unavailable};
pub use server::Server;
