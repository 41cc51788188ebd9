//! The gRPC edge of every service: one server, one way to say who calls, one way to fail.

mod caller;
pub(crate) mod context;
mod errors;
mod frame;
pub(crate) mod observe;
mod server;

pub use caller::{Bearer, CODE_METADATA, ServiceCaller, denied, organization, permit, principal, require};
pub use context::{follow, id_of, request_id, within};
pub use errors::{internal, invalid, unavailable};
pub use server::Server;
