//! Real processes: started, watched, killed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::leaks::look_through;

/// How often something outside of this process is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long a process may take to end.
const END: Duration = Duration::from_secs(30);

/// A process of ours with its log in a file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    /// What it tells whoever has started it, such as an administrator's address in development.
    told: PathBuf,
    log: PathBuf,
}

/// What it has logged tells of nobody, whatever the test was about.
impl Drop for Process {
    fn drop(&mut self) {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        look_through(&self.name, &log);
    }
}

/// The binary of that name, beside this test's own.
///
/// # Panics
/// Where it has not been built: `make test` builds all of them first.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this test");
    let folder = own.parent().and_then(Path::parent).expect("the target folder");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{name} is not built: run `cargo build --workspace --bins --examples` (make test does)"
    );
    path
}

fn command(name: &str, arguments: &[&str], environment: &HashMap<String, String>, folder: &Path) -> Command {
    let mut command = Command::new(binary(name));
    for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("USHER_")) {
        command.env_remove(key);
    }
    command
        .args(arguments)
        .envs(environment)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

impl Process {
    /// Starts one of our binaries. Nothing of this process's own `USHER_` settings is passed on.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn start(
        name: &str,
        arguments: &[&str],
        environment: &HashMap<String, String>,
        folder: &Path,
    ) -> Self {
        let [told, log] = ["out", "log"].map(|kind| folder.join(format!("{name}.{kind}")));
        let open = |path: &Path| {
            let mut options = std::fs::OpenOptions::new();
            options.create(true).append(true).open(path).expect("a log file")
        };
        let child = command(name, arguments, environment, folder)
            .stdout(open(&told))
            .stderr(open(&log))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self {
            name: name.to_owned(),
            child,
            told,
            log,
        }
    }

    /// Runs one of our binaries that ends by itself, and keeps what it writes.
    ///
    /// # Panics
    /// Where it does not end within thirty seconds.
    pub async fn output(
        name: &str,
        arguments: &[&str],
        environment: &HashMap<String, String>,
        folder: &Path,
    ) -> Output {
        let mut command = command(name, arguments, environment, folder);
        let output = timeout(END, command.output())
            .await
            .unwrap_or_else(|_| panic!("{name} does not end"))
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        look_through(name, &String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Everything that it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        read(&self.told) + &read(&self.log)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Panics
    /// Where it does not end within thirty seconds.
    pub async fn stop(&mut self) -> ExitStatus {
        self.terminate().await;
        self.ended().await
    }

    /// Asks it to end (SIGTERM), unless it has ended.
    ///
    /// # Panics
    /// Where it takes no signal.
    pub async fn terminate(&self) {
        if let Some(id) = self.child.id() {
            let status = Command::new("kill")
                .arg("-TERM")
                .arg(id.to_string())
                .status()
                .await
                .expect("kill runs");
            assert!(status.success(), "{} takes no signal", self.name);
        }
    }

    /// Waits for its own end.
    ///
    /// # Panics
    /// Where it does not end within thirty seconds.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(END, self.child.wait())
            .await
            .unwrap_or_else(|_| panic!("{} does not end:\n{}", self.name, self.log()))
            .expect("an exit status")
    }

    /// Itself, where it has ended already.
    pub fn if_ended(&mut self) -> Option<&Self> {
        self.child.try_wait().ok().flatten()?;
        Some(self)
    }
}

/// Looks until there is something to see. For what happens in other processes, of which no event tells.
///
/// # Panics
/// Where `within` is over; `what` says what was waited for.
pub async fn eventually<T, F, Fut>(what: &str, within: Duration, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timeout(within, async {
        loop {
            ticks.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("not within {within:?}: {what}"))
}

/// A port of the loopback that nobody listens on.
///
/// # Panics
/// Where there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}
