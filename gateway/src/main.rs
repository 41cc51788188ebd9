//! The gateway as a process of its own.

use std::process::ExitCode;
use std::sync::Arc;

use usher_auth::{Service, ServiceTokens, Verifier};
use usher_gateway::Parts;
use usher_service::grpc::ServiceCaller;
use usher_service::{Keys, Peers, Process, StartError};
use usher_types::{SharedClock, SystemClock};

/// Costs the gateway a third less processor time than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    usher_service::process::main_of_service("usher-gateway", env!("CARGO_PKG_VERSION"), serve)
}

async fn serve(process: Process) -> Result<(), StartError> {
    let listener = process.listen(Service::Gateway).await?;
    let Process { settings, lifecycle } = process;
    let peers = Peers::of(&settings)?;
    let invitations = peers.invitations();
    let clock: SharedClock = Arc::new(SystemClock);
    let tokens = ServiceTokens::new(Keys::load(&settings.common)?.service()?, Service::Gateway);
    let verifier = Verifier::new(tokens.clone(), Arc::clone(&clock));
    let caller = ServiceCaller::new(tokens, Arc::clone(&clock));
    usher_service::revocations::follow(verifier.clone(), invitations.clone(), caller, &lifecycle);
    let parts = Parts {
        contacts: peers.contacts(),
        invitations,
        notifications: peers.notifications(),
        verifier,
        clock,
    };
    usher_gateway::run(settings, parts, listener, lifecycle).await
}
