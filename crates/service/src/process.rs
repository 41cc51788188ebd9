//! What every `main` is a shell around: settings, telemetry, life cycle, and an exit code that tells why.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;
use serde::Deserialize;
use usher_auth::Service;

use crate::telemetry::Telemetry;
use crate::{Lifecycle, Listener, Settings, Sources, StartError};

/// The most request threads that are started unless the settings ask for more.
const MOST_THREADS: usize = 4;

/// A process that has read its settings and may now begin.
#[derive(Debug)]
pub struct Process {
    /// The settings of all layers.
    pub settings: Settings,
    /// The life that signals end.
    pub lifecycle: Lifecycle,
}

impl Process {
    /// Binds the socket of a service that is a process of its own: HTTP for the gateway, gRPC for the others.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub async fn listen(&self, service: Service) -> Result<Listener, StartError> {
        let common = &self.settings.common;
        match service {
            Service::Gateway => Listener::bind(common.listen, "USHER_LISTEN").await,
            Service::Contacts => Listener::bind(common.contacts_listen, "USHER_CONTACTS_LISTEN").await,
            Service::Invitations => {
                Listener::bind(common.invitations_listen, "USHER_INVITATIONS_LISTEN").await
            }
            Service::Notifications => {
                Listener::bind(common.notifications_listen, "USHER_NOTIFICATIONS_LISTEN").await
            }
        }
    }
}

/// The command line of a process that runs one service.
#[derive(Debug, Parser)]
struct ServiceArguments {
    /// A settings file; keys that it does not name keep their defaults
    #[arg(long, value_name = "FILE", env = "USHER_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeSettings {
    worker_threads: usize,
    blocking_threads: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LifecycleSettings {
    grace_seconds: u64,
}

/// How long telemetry may take to go out at the end: behind the grace of a stop, before whoever stops us kills us.
const FLUSHED: Duration = Duration::from_secs(3);
/// The same where a second signal asked for the end.
const FLUSHED_AT_ONCE: Duration = Duration::from_millis(500);

/// The whole `main` of a process that runs one service; `name` is the binary's.
///
/// `core` gets the settings and the life, and returns when the service has stopped.
pub fn main_of_service<F, Fut>(name: &'static str, version: &'static str, core: F) -> ExitCode
where
    F: FnOnce(Process) -> Fut,
    Fut: Future<Output = Result<(), StartError>>,
{
    use clap::{CommandFactory, FromArgMatches};
    let command = ServiceArguments::command()
        .name(name)
        .bin_name(name)
        .version(version);
    let config = match ServiceArguments::from_arg_matches(&command.get_matches()) {
        Ok(arguments) => arguments.config,
        Err(error) => error.exit(),
    };
    run(name, Sources::of_process(config), core)
}

/// Runs a fallible core and turns its end into an exit code: what `main` consists of.
///
/// Telemetry is flushed on every way out. A stop that nobody asked for is not success. The core's own background
/// tasks, those of the life it was given, are waited for.
pub fn run<F, Fut>(name: &'static str, sources: Sources, core: F) -> ExitCode
where
    F: FnOnce(Process) -> Fut,
    Fut: Future<Output = Result<(), StartError>>,
{
    // first of all, so that a library built with another provider cannot make TLS panic later
    rustls::crypto::ring::default_provider().install_default().ok();
    match try_run(name, sources, core) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, StartError::Stopped) {
                eprintln!("{name}: {error}");
            }
            error.exit_code()
        }
    }
}

fn try_run<F, Fut>(name: &'static str, sources: Sources, core: F) -> Result<(), StartError>
where
    F: FnOnce(Process) -> Fut,
    Fut: Future<Output = Result<(), StartError>>,
{
    let settings = Settings::load(sources)?;
    let runtime = runtime(&settings)?;
    let own: LifecycleSettings = settings.section("lifecycle")?;
    let lifecycle = Lifecycle::new(Duration::from_secs(own.grace_seconds));
    let outcome = runtime.block_on(async {
        let telemetry = Telemetry::start(&settings, name, &lifecycle)?;
        std::panic::set_hook(Box::new(panicked));
        let life = lifecycle.clone();
        let outcome = supervise(Process { settings, lifecycle }, core).await;
        telemetry.flush(if life.is_in_a_hurry() {
            FLUSHED_AT_ONCE
        } else {
            FLUSHED
        });
        outcome
    });
    // a thread that blocks must not keep the process
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// A panic is logged like everything else, with the request that it is found by.
fn panicked(panic: &std::panic::PanicHookInfo<'_>) {
    let reason = panic.payload_as_str().unwrap_or("no reason");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let request_id = crate::grpc::request_id();
    tracing::error!(%request_id, place, reason, "panicked");
}

/// Runs the core until it ends, then waits for the tasks that it left behind.
async fn supervise<F, Fut>(process: Process, core: F) -> Result<(), StartError>
where
    F: FnOnce(Process) -> Fut,
    Fut: Future<Output = Result<(), StartError>>,
{
    let lifecycle = process.lifecycle.clone();
    lifecycle.watch_signals()?;
    let outcome = tokio::select! {
        biased;
        outcome = core(process) => outcome,
        () = lifecycle.overdue() => Err(StartError::Failed("requests in progress were dropped at the stop".to_owned())),
    };
    match &outcome {
        Ok(()) | Err(StartError::Stopped) => lifecycle.stop(),
        // nothing is finished for a process that cannot go on
        Err(_) => lifecycle.abort(),
    }
    let rest = lifecycle.finish().await;
    match (outcome, rest) {
        (Ok(()) | Err(StartError::Stopped), rest) => rest,
        (Err(error), _) => Err(error),
    }
}

fn runtime(settings: &Settings) -> Result<tokio::runtime::Runtime, StartError> {
    let own: RuntimeSettings = settings.section("runtime")?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = match own.worker_threads {
        0 => processors.min(MOST_THREADS),
        given => given,
    };
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(own.blocking_threads.max(1))
        .thread_name_fn(|| format!("usher-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
        .enable_all()
        .build()
        .map_err(|error| StartError::failed("threads", &error))
}
