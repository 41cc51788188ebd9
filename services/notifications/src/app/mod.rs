//! The use cases.

mod accept;
mod cancel;
mod gauges;
mod hold;
mod preview;
mod publish;
mod resync;
mod retain;
mod suppress;

pub use accept::accept;
pub use cancel::cancel;
pub use gauges::measure;
pub use hold::Mover;
pub use preview::{Preview, PreviewError, preview};
pub use publish::{publish_addresses, publish_ended, publish_noted};
pub use resync::resync;
pub use retain::Retention;
pub use suppress::suppress;

/// The name under which this service speaks.
pub const SERVICE: &str = "notifications";
