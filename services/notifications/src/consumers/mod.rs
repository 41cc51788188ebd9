//! Handlers of the service's queues.

mod cancel;
mod deliver;

pub use cancel::CancelHandler;
pub use deliver::DeliverHandler;

/// Letters to be sent; both lanes.
pub const DELIVER: &str = "notifications.deliver";
/// What reaches us ahead of letters that still wait.
pub const URGENT: &str = "notifications.urgent";
