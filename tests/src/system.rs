//! A whole Usher for one journey, on either setting.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use usher_auth::Keyring;

use crate::health::Health;
use crate::parts::Outside;
use crate::{Client, Mailbox, Parts, Process, SIGN_IN, eventually, free_port, keep_secret};

/// The first administrator of every journey.
pub const ADMIN_EMAIL: &str = "admin@usher.example";
/// Their password.
pub const ADMIN_PASSWORD: &str = "Harbour-Violet-Anvil-31";

/// The services, as settings call them.
pub(crate) const SERVICES: [&str; 3] = ["CONTACTS", "INVITATIONS", "NOTIFICATIONS"];

/// The most that a journey waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One code, two ways to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `usher`: SQLite files, the in-process broker, captured mail.
    Embedded,
    /// Five processes on PostgreSQL, RabbitMQ and an SMTP server.
    Distributed,
}

/// A running Usher with everything that belongs to it. What it has made anywhere goes with it, also when a test fails: first
/// the processes, then what they stand on.
#[derive(Debug)]
pub struct System {
    setting: Setting,
    base: String,
    pub(crate) environment: HashMap<String, String>,
    pub(crate) processes: Vec<Process>,
    pub(crate) outside: Option<Outside>,
    pub(crate) folder: TempDir,
    pub(crate) admin: Option<Client>,
    pub(crate) other_admin: Option<Client>,
    pub(crate) slug: Option<String>,
}

impl System {
    /// Starts everything, waits until it is ready, and signs the administrator in.
    ///
    /// # Panics
    /// Where a part is missing or does not start; the message names it.
    pub async fn start(setting: Setting) -> Self {
        Self::start_on(setting, &Parts::Machine).await
    }

    /// The same on other outside parts.
    ///
    /// # Panics
    /// As [`System::start`].
    pub async fn start_on(setting: Setting, parts: &Parts) -> Self {
        Self::start_with(setting, parts, &[]).await
    }

    /// The same with further settings.
    ///
    /// # Panics
    /// As [`System::start`].
    pub async fn start_with(setting: Setting, parts: &Parts, settings: &[(&str, &str)]) -> Self {
        let mut system = Self::still(setting);
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        system.environment.extend(settings);
        if setting == Setting::Distributed {
            system.prepare(parts).await;
        }
        for name in system.binaries() {
            system.launch(name);
        }
        system.wait_until_ready().await;
        system.admin = Some(system.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD, "MEMBER").await);
        system
    }

    /// `usher` with further settings, which the caller may wait for or not.
    ///
    /// # Panics
    /// Where it cannot be launched.
    #[must_use]
    pub fn launch_on(settings: &[(&str, &str)]) -> Self {
        let mut system = Self::still(Setting::Embedded);
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        system.environment.extend(settings);
        system.launch("usher");
        system
    }

    /// Starts what was prepared with [`System::still`], waits until it is ready, and signs the administrator in.
    ///
    /// # Panics
    /// As [`System::start`].
    pub async fn begin(&mut self) {
        if self.setting == Setting::Distributed {
            self.prepare(&Parts::Machine).await;
        }
        for name in self.binaries() {
            self.launch(name);
        }
        self.wait_until_ready().await;
        self.admin = Some(self.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD, "MEMBER").await);
    }

    /// Writes a file for it, and names it in this variable.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&mut self, name: &str, text: &str, variable: &str) {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).expect("a file");
        let path = file.display().to_string();
        self.environment.insert(variable.to_owned(), path);
    }

    /// Before anything is started.
    #[must_use]
    pub fn still(setting: Setting) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        Self {
            setting,
            base: format!("http://127.0.0.1:{port}"),
            environment: environment(folder.path(), port),
            processes: Vec::new(),
            outside: None,
            folder,
            admin: None,
            other_admin: None,
            slug: None,
        }
    }

    /// Signs in to the first organization.
    ///
    /// # Panics
    /// Where the credentials are refused.
    pub async fn sign_in(&self, email: &str, password: &str, role: &str) -> Client {
        self.nobody()
            .sign_in(email, password, role, self.slug.as_deref())
            .await
    }

    const fn binaries(&self) -> &'static [&'static str] {
        match self.setting {
            Setting::Embedded => &["usher"],
            Setting::Distributed => &[
                "usher-invitations",
                "usher-contacts",
                "usher-notifications",
                "usher-gateway",
            ],
        }
    }

    pub(crate) async fn prepare(&mut self, parts: &Parts) {
        let outside = Outside::prepare(parts, &self.mail_folder()).await;
        self.environment.extend(outside.settings());
        self.outside = Some(outside);
        for service in SERVICES {
            let address = format!("127.0.0.1:{}", free_port());
            self.environment
                .insert(format!("USHER_{service}_LISTEN"), address.clone());
            self.environment
                .insert(format!("USHER_{service}_URL"), format!("http://{address}"));
        }
        if let Parts::Own { .. } = parts {
            let mut migration =
                Process::start("usher-migrate", &["up"], &self.environment, self.folder.path());
            let status = migration.ended().await;
            assert!(status.success(), "usher-migrate: {}", migration.log());
        }
    }

    pub(crate) fn launch(&mut self, name: &str) {
        self.processes
            .push(Process::start(name, &[], &self.environment, self.folder.path()));
    }

    /// Waits until gateway and services say that they are ready.
    ///
    /// # Panics
    /// Where a process ends instead.
    pub async fn wait_until_ready(&mut self) {
        let client = Client::new(&self.base);
        let services = match self.setting {
            Setting::Embedded => Vec::new(),
            Setting::Distributed => SERVICES.map(|name| self.health_of(name)).into(),
        };
        let processes = &mut self.processes;
        let look = || {
            if let Some(process) = processes.iter_mut().find_map(Process::if_ended) {
                panic!("{} has ended:\n{}", process.name(), process.log());
            }
            async {
                for service in &services {
                    service.serving().await?;
                }
                let status = client.try_get("/readyz").await;
                status.filter(hyper::StatusCode::is_success)
            }
        };
        eventually(&format!("{} is ready", self.base), PATIENCE, look).await;
    }

    /// Who takes this client's access token: the gateway, and where they are processes of their own, each service by itself.
    ///
    /// # Panics
    /// Where the client has no token.
    pub async fn taken_by(&self, client: &Client) -> Vec<&'static str> {
        let token = client.token().expect("a token");
        let mut taken = Vec::new();
        if client
            .send("query { viewer { __typename } }", json!({}))
            .await
            .status
            .is_success()
        {
            taken.push("GATEWAY");
        }
        if self.setting == Setting::Distributed {
            for name in SERVICES {
                if self.health_of(name).takes(token).await {
                    taken.push(name);
                }
            }
        }
        taken
    }

    fn health_of(&self, service: &str) -> Health {
        Health::new(&self.environment[&format!("USHER_{service}_URL")])
    }

    /// The administrator, signed in.
    ///
    /// # Panics
    /// Before the start is complete.
    #[must_use]
    pub fn admin(&self) -> &Client {
        self.admin.as_ref().expect("the administrator is signed in")
    }

    /// The administrator with a new session, once sign-in works again.
    pub async fn sign_in_again(&self) -> Client {
        let input = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "as": "MEMBER", "organization": self.slug });
        let body = json!({ "query": SIGN_IN, "variables": { "input": input } });
        let token = eventually("signing in works again", PATIENCE, || async {
            let (_, bytes) = self.nobody().try_post(&body).await.ok()?;
            let answer: Value = serde_json::from_slice(&bytes).ok()?;
            Some(
                answer["data"]["signIn"]["session"]["accessToken"]
                    .as_str()?
                    .to_owned(),
            )
        })
        .await;
        self.nobody().with_token(token)
    }

    /// Nobody.
    #[must_use]
    pub fn nobody(&self) -> Client {
        Client::new(&self.base)
    }

    /// The gateway's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The most that a journey waits for anything.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        PATIENCE
    }

    /// What went out.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        Mailbox::new(&self.mail_folder(), PATIENCE)
    }

    fn mail_folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Everything that its processes have logged.
    #[must_use]
    pub fn logs(&self) -> String {
        self.processes
            .iter()
            .map(|process| format!("--- {}\n{}\n", process.name(), process.log()))
            .collect()
    }

    /// Everything that one of its processes has logged.
    ///
    /// # Panics
    /// Where there is no such process.
    #[must_use]
    pub fn log_of(&self, name: &str) -> String {
        let process = self.processes.iter().find(|process| process.name() == name);
        process.expect("a process of that name").log()
    }

    /// How a process ended that had to, with what it has logged.
    ///
    /// # Panics
    /// Where it goes on, or there is no such process.
    pub async fn ended(&mut self, name: &str) -> (i32, String) {
        let process = self.processes.iter_mut().find(|process| process.name() == name);
        let process = process.expect("a process of that name");
        let code = process.ended().await.code().expect("an end of its own");
        (code, process.log())
    }

    /// Asks all its processes to end, and does not wait.
    ///
    /// # Panics
    /// Where one takes no signal.
    pub async fn terminate(&self) {
        for process in &self.processes {
            process.terminate().await;
        }
    }

    /// What the names of its exchanges and queues begin with.
    ///
    /// # Panics
    /// Without a broker.
    #[must_use]
    pub fn broker_prefix(&self) -> String {
        self.environment["USHER_BROKER_PREFIX"].clone()
    }

    /// Where its mail server listens.
    ///
    /// # Panics
    /// Without one.
    #[must_use]
    pub fn mail_port(&self) -> u16 {
        let url: url::Url = self.environment["USHER_SMTP_URL"].parse().expect("a URL");
        url.port().expect("a port")
    }

    /// `kill -9` of one process, and its start again.
    ///
    /// # Panics
    /// Where there is no such process.
    pub async fn kill_and_restart(&mut self, name: &str) {
        let place = self
            .processes
            .iter()
            .position(|process| process.name() == name)
            .expect("a process of that name");
        self.processes.remove(place).kill().await;
        self.launch(name);
    }

    /// Stops one process softly, and leaves it so.
    ///
    /// # Panics
    /// Where there is no such process.
    pub async fn halt(&mut self, name: &str) {
        let named = self.processes.iter().position(|process| process.name() == name);
        let mut process = self.processes.remove(named.expect("a process of that name"));
        process.stop().await;
    }

    /// Starts a process that was stopped, and waits for nothing.
    pub fn launch_again(&mut self, name: &str) {
        self.launch(name);
    }

    /// Starts a process that was stopped, and waits until everything is ready.
    pub async fn resume(&mut self, name: &str) {
        self.launch(name);
        self.wait_until_ready().await;
    }

    /// Ends everything in order. A process that fails to end well is a failure.
    ///
    /// # Panics
    /// Where a process ends with an error.
    pub async fn stop(mut self) {
        for mut process in std::mem::take(&mut self.processes).into_iter().rev() {
            let status = process.stop().await;
            assert!(
                status.success(),
                "{} ended with {status}\n{}",
                process.name(),
                process.log()
            );
        }
    }
}

fn key(id: &str) -> String {
    let text = Keyring::generate_text(id);
    keep_secret(text.rsplit(':').next().unwrap_or_default());
    text
}

/// What every process gets, on both settings.
fn environment(folder: &Path, port: u16) -> HashMap<String, String> {
    let data = folder.display().to_string();
    [
        ("USHER_LISTEN", format!("127.0.0.1:{port}")),
        ("USHER_PUBLIC_URL", format!("http://127.0.0.1:{port}")),
        ("USHER_DATA_DIR", data),
        ("USHER_ADMIN_EMAIL", ADMIN_EMAIL.to_owned()),
        ("USHER_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
        // What a killed process had claimed is taken over after its lease; tests do not wait three minutes for it.
        ("USHER_MAIL__DIALOGUE_SECONDS", "5".to_owned()),
        ("USHER_MAIL__LEASE_SECONDS", "12".to_owned()),
        // What is logged is looked through, and more is logged than anybody else will see.
        ("USHER_TELEMETRY__FILTER", "debug".to_owned()),
        ("USHER_SEAL_KEYS", key("seal")),
        ("USHER_FIELD_KEYS", key("field")),
        ("USHER_SERVICE_KEYS", key("service")),
        ("USHER_SIGNING_KEYS", key("signing")),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}
