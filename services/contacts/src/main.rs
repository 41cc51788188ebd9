//! `usher-contacts`: the service as a process of its own.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use usher_auth::Service;
use usher_parts::Parts;
use usher_service::process;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    process::main_of_service(
        "usher-contacts",
        env!("CARGO_PKG_VERSION"),
        |process| async move {
            let listener = process.listen(Service::Contacts).await?;
            let parts = Parts::open(Service::Contacts, &process).await?;
            usher_contacts::run(process.settings, parts, listener, process.lifecycle).await
        },
    )
}
