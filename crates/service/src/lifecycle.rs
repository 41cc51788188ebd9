//! How a process stops: softly first, hard when it takes too long, and never unnoticed.
//!
//! The soft stop asks: finish what you have begun, take nothing new. The hard stop drops what is left. An essential
//! task that ends although nobody asked is a failure: the process stops and exits non-zero.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Readiness, StartError};

/// How long work in progress may take when nothing else is said.
const DEFAULT_GRACE: Duration = Duration::from_secs(20);
/// How long dropped tasks may take to be gone.
const HARD_GRACE: Duration = Duration::from_secs(2);

/// The life of a process, or of one service in it. Clones are the same life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    /// Cancelled by a second signal alone.
    hurry: CancellationToken,
    tasks: TaskTracker,
    /// The names of the essential tasks that run.
    running: Arc<Mutex<Vec<&'static str>>>,
    failure: Arc<Mutex<Option<StartError>>>,
    /// When the stop began, from which the grace counts.
    stopped: Arc<OnceLock<Instant>>,
    grace: Duration,
    readiness: Readiness,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new(DEFAULT_GRACE)
    }
}

impl Lifecycle {
    /// A life whose work in progress may take `grace` after a stop.
    pub fn new(grace: Duration) -> Self {
        Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            hurry: CancellationToken::new(),
            tasks: TaskTracker::new(),
            running: Arc::default(),
            failure: Arc::default(),
            stopped: Arc::default(),
            grace,
            readiness: Readiness::default(),
        }
    }

    /// A life inside this one: it stops when this one stops, and can be stopped alone. It is waited for with its
    /// own [`Lifecycle::finish`].
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            soft: self.soft.child_token(),
            hard: self.hard.child_token(),
            hurry: self.hurry.clone(),
            tasks: TaskTracker::new(),
            running: Arc::default(),
            failure: Arc::default(),
            stopped: Arc::default(),
            grace: self.grace,
            readiness: self.readiness.clone(),
        }
    }

    /// A life that goes on while this one stops, for what others still lean on: it is stopped by its own
    /// [`Lifecycle::stop`]. A hard stop of this one ends it too, and its own failure stops this one.
    #[must_use]
    pub fn outliving(&self) -> Self {
        let other = Self {
            soft: CancellationToken::new(),
            // there is one grace for both
            stopped: Arc::clone(&self.stopped),
            ..self.child()
        };
        let (life, behind) = (self.clone(), other.clone());
        // not tracked: it ends with whichever life ends last
        tokio::spawn(async move {
            behind.soft.cancelled().await;
            life.stop();
        });
        other
    }

    /// Waits for the soft stop and then for the whole grace: when this returns, what is left is to be dropped.
    pub async fn overdue(&self) {
        self.soft.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep_until(self.end_of_grace()) => {}
            () = self.hard.cancelled() => {}
        }
    }

    fn end_of_grace(&self) -> Instant {
        *self.stopped.get_or_init(Instant::now) + self.grace
    }

    /// Whether the process can do what it is asked for.
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// What is missing for requests to be answered: nothing, or the first of it, for people.
    pub async fn missing(&self) -> Option<&'static str> {
        if self.is_stopping() {
            return Some("stopping");
        }
        self.readiness.missing().await
    }

    /// Cancelled when work should come to its end.
    pub fn stopping(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when what is left is dropped.
    pub fn aborting(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Whether somebody has asked for the end at once, with a second signal.
    pub fn is_in_a_hurry(&self) -> bool {
        self.hurry.is_cancelled()
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Asks for a stop.
    pub fn stop(&self) {
        self.stopped.get_or_init(Instant::now);
        self.soft.cancel();
    }

    /// Drops what is left.
    pub fn abort(&self) {
        self.stop();
        self.hard.cancel();
    }

    /// Stops because something broke; the first reason is kept and becomes the process's end.
    pub fn fail(&self, reason: StartError) {
        tracing::error!(%reason, "stopping");
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(reason);
        self.stop();
    }

    /// Runs an essential task: it should end only after a stop was asked for. Its earlier end, or a panic, stops
    /// everything. The hard stop drops it.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn_service(name, task.map(Ok));
    }

    /// As [`Lifecycle::spawn`], for a task that can fail.
    pub fn spawn_service<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), StartError>> + Send + 'static,
    {
        let life = self.clone();
        life.running().push(name);
        self.tasks.spawn(async move {
            let guarded = AssertUnwindSafe(task).catch_unwind();
            let ended = tokio::select! {
                biased;
                ended = guarded => ended,
                () = life.hard.cancelled() => return,
            };
            life.has_ended(name);
            match ended {
                Ok(Ok(())) | Ok(Err(StartError::Stopped)) if life.is_stopping() => {}
                Ok(Ok(())) => life.fail(StartError::Failed(format!("{name} ended although nobody asked"))),
                Ok(Err(error)) => life.fail(error),
                Err(_) => life.fail(StartError::Failed(format!("{name} panicked"))),
            }
        });
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<&'static str>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self, name: &'static str) {
        let mut running = self.running();
        if let Some(place) = running.iter().position(|other| *other == name) {
            running.swap_remove(place);
        }
    }

    /// Runs a task that may end whenever it is done, but is waited for at a stop.
    pub fn spawn_short<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let hard = self.hard.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = task => {}
                () = hard.cancelled() => {}
            }
        });
    }

    /// Turns SIGTERM and Ctrl-C into a soft stop and the second of them into a hard one.
    ///
    /// # Errors
    /// [`StartError::Failed`] when the system does not let us listen for signals.
    pub fn watch_signals(&self) -> Result<(), StartError> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| StartError::failed("signals", &error));
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let life = self.clone();
        // not tracked: it lives as long as the process
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if life.is_stopping() {
                    tracing::warn!("second signal: stopping at once");
                    life.hurry.cancel();
                    life.abort();
                } else {
                    tracing::info!("stopping; a second signal stops at once");
                    life.stop();
                }
            }
        });
        Ok(())
    }

    /// Waits for the stop and then for all tasks, until the grace that began with it is over; then drops what is left.
    ///
    /// # Errors
    /// The reason given to [`Lifecycle::fail`], or a task that had to be dropped.
    pub async fn finish(self) -> Result<(), StartError> {
        self.soft.cancelled().await;
        let end = self.end_of_grace();
        self.tasks.close();
        let in_time = tokio::select! {
            () = self.tasks.wait() => true,
            () = tokio::time::sleep_until(end) => false,
            () = self.hard.cancelled() => false,
        };
        let left = self.running().join(", ");
        if !in_time {
            self.hard.cancel();
            // a task that never yields cannot be dropped; the process ends without it
            tokio::time::timeout(HARD_GRACE, self.tasks.wait()).await.ok();
        }
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(failure),
            None if in_time => Ok(()),
            None => Err(StartError::Failed(format!(
                "work in progress was dropped at the stop: {left}"
            ))),
        }
    }
}
