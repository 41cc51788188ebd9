//! The mail server that takes and forgets, and how fast it takes: `smtp-sink` and `smtp-source` of Debian's postfix.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::child::{Child, output, wait_until};
use crate::failure::{Context, Failure};
use crate::measure::ROUND_SECONDS;
use crate::workshop::{Workshop, free_port, tool};

/// A running sink.
pub struct Sink {
    address: String,
    // ended when dropped
    _server: Child,
}

impl Sink {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When postfix is not installed or the sink does not start.
    pub fn start(workshop: &Workshop) -> Result<Self, Failure> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(tool("smtp-sink", "postfix")?);
        if workshop.is_root() {
            command.args(["-u", "nobody"]);
        }
        let mut server = Child::start("smtp-sink", &workshop.logs, command.args([&address, "256"]))?;
        wait_until(Duration::from_secs(10), || {
            server.check()?;
            std::net::TcpStream::connect(&address).map(drop).context(&address)
        })?;
        Ok(Self {
            address,
            _server: server,
        })
    }

    /// Where it listens, for Usher.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Mails a second that `smtp-source` brings in over kept sessions.
    ///
    /// # Errors
    /// When `smtp-source` fails.
    pub fn rate(&self, sessions: usize, bytes: usize) -> Result<f64, Failure> {
        let source = tool("smtp-source", "postfix")?;
        let (mut mails, floor) = (5_000_usize, Duration::from_secs(ROUND_SECONDS));
        loop {
            let mut command = Command::new(&source);
            command.args([
                "-d",
                "-s",
                &sessions.to_string(),
                "-l",
                &bytes.to_string(),
                "-m",
                &mails.to_string(),
            ]);
            command.args(["-f", "bench@example.com", "-t", "sink@example.com", &self.address]);
            let started = Instant::now();
            output(&mut command)?;
            let took = started.elapsed();
            if took >= floor {
                return Ok(mails as f64 / took.as_secs_f64());
            }
            // enough for a round and a little more, by what this one did
            mails = (mails as f64 * 1.2 * floor.as_secs_f64() / took.as_secs_f64()) as usize;
        }
    }
}
