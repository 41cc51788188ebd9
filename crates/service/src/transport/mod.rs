//! Where a service listens and how it is reached: over TCP between processes, in memory inside one.
//!
//! Both ends are chosen once at the start; nothing above this module knows which it is.

mod address;
mod channel;
mod greeted;
mod listener;
mod peers;
mod resolve;

pub use address::PeerAddress;
pub use channel::PeerChannel;
pub(crate) use greeted::Greeted;
pub use listener::{Listener, MemoryListener, memory};
pub use peers::Peers;

use std::time::Duration;

use serde::Deserialize;

use crate::{Settings, StartError};

/// The largest message that a gRPC client or server of ours takes, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// The table `[grpc]` of the settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcSettings {
    deadline_seconds: u64,
    connect_seconds: u64,
    resolve_seconds: u64,
}

impl GrpcSettings {
    /// Reads the table.
    ///
    /// # Errors
    /// [`StartError::Settings`] when a value is wrong.
    pub fn of(settings: &Settings) -> Result<Self, StartError> {
        let own: Self = settings.section("grpc")?;
        if own.deadline_seconds == 0 || own.connect_seconds == 0 || own.resolve_seconds == 0 {
            return Err(StartError::settings("[grpc]: times are at least one second"));
        }
        Ok(own)
    }

    /// How long an answer may take when the request does not say otherwise.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds)
    }

    pub(crate) fn connect(&self) -> Duration {
        Duration::from_secs(self.connect_seconds)
    }

    pub(crate) fn resolve(&self) -> Duration {
        Duration::from_secs(self.resolve_seconds)
    }
}
