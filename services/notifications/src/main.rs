//! The process `usher-notifications`.

use std::process::ExitCode;

use usher_auth::Service;
use usher_parts::Parts;
use usher_service::process;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    process::main_of_service(
        "usher-notifications",
        env!("CARGO_PKG_VERSION"),
        |process| async move {
            let listener = process.listen(Service::Notifications).await?;
            let parts = Parts::open(Service::Notifications, &process).await?;
            usher_notifications::run(process.settings, parts, listener, process.lifecycle).await
        },
    )
}
