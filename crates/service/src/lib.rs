//! What every process of Usher would otherwise repeat: settings, life cycle, telemetry, transports, the gRPC edge,
//! keys.

pub mod data_dir;
pub mod error;
pub mod grpc;
pub mod keys;
pub mod lifecycle;
mod metrics;
mod private;
pub mod process;
mod readiness;
pub mod revocations;
pub mod settings;
pub mod telemetry;
pub mod transport;
pub mod wait;

pub use data_dir::DataDir;
pub use error::StartError;
pub use keys::Keys;
pub use lifecycle::Lifecycle;
pub use process::Process;
pub use readiness::Readiness;
pub use settings::{Common, Mode, Settings, Sources, Trust};
pub use transport::{GrpcSettings, Listener, PeerAddress, PeerChannel, Peers};
pub use wait::{Attempt, wait_for};
