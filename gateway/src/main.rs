//! The gateway as a process of its own.

use std::process::ExitCode;
use std::sync::Arc;

use usher_auth::{Service, ServiceTokens, Verifier};
use usher_gateway::Parts;
use usher_service::grpc::ServiceCaller;
use usher_service::transport::GrpcSettings;
use usher_service::{Keys, Listener, PeerAddress, Process, StartError};
use usher_types::{SharedClock, SystemClock};

/// Costs the gateway a third less processor time than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    usher_service::process::main_of_service("usher-gateway", env!("CARGO_PKG_VERSION"), serve)
}

async fn serve(process: Process) -> Result<(), StartError> {
    let Process { settings, lifecycle } = process;
    let common = &settings.common;
    let grpc = GrpcSettings::of(&settings)?;
    let contacts = PeerAddress::parse(&common.contacts_url, "contacts_url")?.channel("contacts", &grpc);
    let invitations =
        PeerAddress::parse(&common.invitations_url, "invitations_url")?.channel("invitations", &grpc);
    let notifications =
        PeerAddress::parse(&common.notifications_url, "notifications_url")?.channel("notifications", &grpc);
    let clock: SharedClock = Arc::new(SystemClock);
    let tokens = ServiceTokens::new(Keys::load(common)?.service()?, Service::Gateway);
    let verifier = Verifier::new(tokens.clone(), Arc::clone(&clock));
    let listener = Listener::bind(common.listen, "USHER_LISTEN").await?;
    let caller = ServiceCaller::new(tokens, Arc::clone(&clock));
    usher_service::revocations::follow(verifier.clone(), invitations.clone(), caller, &lifecycle);
    let parts = Parts {
        contacts,
        invitations,
        notifications,
        verifier,
        clock,
    };
    usher_gateway::run(settings, parts, listener, lifecycle).await
}
