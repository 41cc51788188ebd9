//! `usher-invitations`: the service as a process of its own.

use std::io::Write;
use std::process::ExitCode;

use usher_auth::Service;
use usher_parts::Parts;
use usher_service::process;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    process::main_of_service(
        "usher-invitations",
        env!("CARGO_PKG_VERSION"),
        |process| async move {
            let listener = process.listen(Service::Invitations).await?;
            let parts = Parts::open(Service::Invitations, &process).await?;
            if let Some(made) = usher_invitations::first_start(&process.settings, &parts).await? {
                let text = made.announcement();
                std::io::stdout().write_all(text.as_bytes()).ok();
            }
            usher_invitations::run(process.settings, parts, listener, process.lifecycle).await
        },
    )
}
