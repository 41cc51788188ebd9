//! Processes that the bench starts and, by their own id, ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Context, Failure, fail};

/// How long a process may take to end by itself.
const GRACE: Duration = Duration::from_secs(30);

/// A running process, ended when dropped.
pub struct Child {
    name: String,
    log: PathBuf,
    process: std::process::Child,
    end_signal: &'static str,
}

impl Child {
    /// Starts it; what it writes goes to `LOGS/NAME.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, logs: &Path, command: &mut Command) -> Result<Self, Failure> {
        let log = logs.join(format!("{name}.log"));
        let output = File::create(&log).context(log.display())?;
        let errors = output.try_clone().context(log.display())?;
        let process = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let process = process.context(format!(
            "cannot start {name} ({})",
            command.get_program().display()
        ))?;
        Ok(Self {
            name: name.to_owned(),
            log,
            process,
            end_signal: "TERM",
        })
    }

    /// The same, ended by another signal.
    pub fn ended_by(mut self, end_signal: &'static str) -> Self {
        self.end_signal = end_signal;
        self
    }

    /// What it was started as.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Fails when it has ended, with where to read why.
    pub fn check(&mut self) -> Result<(), Failure> {
        match self.process.try_wait().context(&self.name)? {
            Some(status) => Err(fail(format!(
                "{} ended ({status}); see {}",
                self.name,
                self.log.display()
            ))),
            None => Ok(()),
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid])
            .stderr(Stdio::null())
            .status()
            .ok();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.check().is_err() {
            return;
        }
        self.signal(self.end_signal);
        let started = Instant::now();
        while self.check().is_ok() {
            if started.elapsed() > GRACE {
                self.process.kill().ok();
                self.process.wait().ok();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Tries until it works, at most this long.
///
/// # Errors
/// The last failure, when the time is over.
pub fn wait_until<T>(limit: Duration, mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let started = Instant::now();
    loop {
        match attempt() {
            Err(_) if started.elapsed() < limit => std::thread::sleep(Duration::from_millis(50)),
            last => return last,
        }
    }
}

/// Runs a program to its end and gives back what it wrote to standard output.
///
/// # Errors
/// When it cannot be started or ends badly: then with what it wrote to standard error.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .context(format!("cannot start {name}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(fail(format!(
            "{name} failed ({}): {}",
            output.status,
            errors.trim()
        )));
    }
    String::from_utf8(output.stdout).context(name)
}
