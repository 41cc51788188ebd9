//! Handlers of the service's queues.

mod deliver;
mod urgent;

pub use deliver::DeliverHandler;
pub use urgent::UrgentHandler;

use usher_events::{CancelMessages, Command, Deliver};

/// Letters to be sent; both lanes.
pub const DELIVER: &str = <Deliver as Command>::QUEUE;
/// What reaches us ahead of letters that still wait.
pub const URGENT: &str = <CancelMessages as Command>::QUEUE;
