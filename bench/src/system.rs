//! Usher as in production: separate processes, each started and ended by its own id.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::broker;
use crate::child::{Child, output, wait_until};
use crate::failure::{Context, Failure};
use crate::graphql::ready;
use crate::workshop::{Workshop, free_port};

/// The administrator of the first organization; the generator gives every further one a copy.
pub const ADMIN_EMAIL: &str = "admin@example.com";
/// Their password. The database is the bench's own and listens on this machine only.
pub const ADMIN_PASSWORD: &str = "a bench administrator's password";

/// The services, and what stands in front of them.
pub const ALL: [&str; 4] = ["invitations", "contacts", "notifications", "gateway"];

/// How long until everything is ready.
const START: Duration = Duration::from_secs(60);

/// What a system of processes needs to know.
pub struct Plan<'a> {
    /// Where the programs and folders are.
    pub workshop: &'a Workshop,
    /// The URL of its database.
    pub database: String,
    /// The URL of the mail server.
    pub smtp: Option<String>,
    /// Settings beyond those: variable and value.
    pub settings: Vec<(&'static str, String)>,
}

/// Running processes; they end when this is dropped, the gateway first.
pub struct System {
    /// Where the gateway listens.
    pub address: String,
    parts: Vec<Child>,
}

impl Plan<'_> {
    /// Brings the schemas up to date.
    ///
    /// # Errors
    /// When a migration fails.
    pub fn migrate(&self) -> Result<(), Failure> {
        let mut migrate = self.program("usher-migrate");
        output(migrate.arg("up").env("USHER_DATABASE_URL", &self.database)).map(drop)
    }

    /// Starts the parts and waits until the gateway is ready.
    ///
    /// # Errors
    /// When one ends or the gateway does not become ready.
    pub fn start(&self, runtime: &Runtime, parts: &[&str]) -> Result<System, Failure> {
        broker::empty();
        self.start_beside(runtime, parts)
    }

    /// The same beside a system that runs, on the same database and broker.
    ///
    /// # Errors
    /// As [`Plan::start`].
    pub fn start_beside(&self, runtime: &Runtime, parts: &[&str]) -> Result<System, Failure> {
        let data = self.workshop.folder.join("data");
        fs::create_dir_all(&data).context(data.display())?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut environment = vec![
            ("USHER_LISTEN".to_owned(), address.clone()),
            ("USHER_DATA_DIR".to_owned(), data.display().to_string()),
            ("USHER_DATABASE_URL".to_owned(), self.database.clone()),
            ("USHER_AMQP_URL".to_owned(), broker::url()),
            ("USHER_BROKER_PREFIX".to_owned(), broker::PREFIX.to_owned()),
            ("USHER_ADMIN_EMAIL".to_owned(), ADMIN_EMAIL.to_owned()),
            ("USHER_ADMIN_PASSWORD".to_owned(), ADMIN_PASSWORD.to_owned()),
        ];
        // everybody who is measured comes from one address, and a few people ask for what thousands would
        for budget in ["RATE_POINTS", "SIGN_INS_PER_MINUTE", "LINKS_PER_MINUTE"] {
            environment.push((format!("USHER_GATEWAY__{budget}"), "0".to_owned()));
        }
        environment.extend(
            self.smtp
                .iter()
                .map(|url| ("USHER_SMTP_URL".to_owned(), url.clone())),
        );
        environment.extend(
            self.settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        for service in ["CONTACTS", "INVITATIONS", "NOTIFICATIONS"] {
            let port = free_port()?;
            environment.push((format!("USHER_{service}_LISTEN"), format!("127.0.0.1:{port}")));
            environment.push((format!("USHER_{service}_URL"), format!("http://127.0.0.1:{port}")));
        }
        let mut system = System {
            address,
            parts: Vec::new(),
        };
        for part in parts {
            let name = format!("usher-{part}");
            let mut command = self.program(&name);
            command.envs(environment.iter().map(|(name, value)| (name, value)));
            system
                .parts
                .push(Child::start(&name, &self.workshop.logs, &mut command)?);
        }
        wait_until(START, || {
            system.check()?;
            runtime.block_on(ready(&system.address))
        })?;
        Ok(system)
    }

    /// A program without what the shell around it happens to set for Usher.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.workshop.binaries.join(name));
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("USHER_") {
                command.env_remove(variable);
            }
        }
        command
    }
}

impl System {
    /// Fails when a part has ended.
    ///
    /// # Errors
    /// With the part, and where to read why.
    pub fn check(&mut self) -> Result<(), Failure> {
        self.parts.iter_mut().try_for_each(Child::check)
    }

    /// Stops one part for good.
    pub fn stop(&mut self, part: &str) {
        self.parts
            .retain(|running| running.name() != format!("usher-{part}"));
    }

    /// Bytes that the processes take, each shared page counted once in all (PSS).
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn memory(&self) -> Result<u64, Failure> {
        self.parts
            .iter()
            .map(|part| proportional_set_size(part.pid()))
            .sum()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        while self.parts.pop().is_some() {}
    }
}

fn proportional_set_size(pid: u32) -> Result<u64, Failure> {
    let path = PathBuf::from(format!("/proc/{pid}/smaps_rollup"));
    let text = fs::read_to_string(&path).context(path.display())?;
    let kilobytes = text.lines().find_map(|line| {
        line.strip_prefix("Pss:")?
            .trim()
            .strip_suffix("kB")?
            .trim()
            .parse()
            .ok()
    });
    kilobytes
        .map(|kilobytes: u64| kilobytes * 1024)
        .ok_or("no Pss")
        .context(path.display())
}
