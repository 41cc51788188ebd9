//! `usher-invitations`: the service as a process of its own.

use std::process::ExitCode;

use usher_auth::Service;
use usher_parts::Parts;
use usher_service::process;

fn main() -> ExitCode {
    process::main_of_service(
        "usher-invitations",
        env!("CARGO_PKG_VERSION"),
        |process| async move {
            let listener = process.listen(Service::Invitations).await?;
            let parts = Parts::open(Service::Invitations, &process).await?;
            usher_invitations::run(process.settings, parts, listener, process.lifecycle).await
        },
    )
}
