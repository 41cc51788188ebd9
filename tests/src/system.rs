//! A whole Usher for one journey, on either setting.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use usher_auth::{Keyring, SigningKey, unwrap_secret};
use usher_types::OrganizationId;
use uuid::Uuid;

use crate::outside::is_root;
use crate::{Client, Mailbox, Process, SIGN_IN, eventually, free_port};

/// The first administrator of every journey.
pub const ADMIN_EMAIL: &str = "admin@usher.example";
/// Their password.
pub const ADMIN_PASSWORD: &str = "Harbour-Violet-Anvil-31";

/// The most that a journey waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// One code, two ways to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `usher`: SQLite files, the in-process broker, captured mail.
    Embedded,
    /// Five processes on PostgreSQL, RabbitMQ and an SMTP server.
    Distributed,
}

/// The outside parts of the distributed setting.
#[derive(Clone, Debug)]
pub struct Parts {
    /// A PostgreSQL server, without a database's name.
    pub postgres: String,
    /// A RabbitMQ server.
    pub amqp: String,
}

impl Default for Parts {
    /// Those of the machine, as `make test` finds or starts them.
    fn default() -> Self {
        let postgres = given(
            "USHER_TEST_POSTGRES_URL",
            "postgres://root@127.0.0.1:5432/postgres",
        );
        let (server, _) = postgres
            .rsplit_once('/')
            .expect("the address ends with a database");
        Self {
            postgres: server.to_owned(),
            amqp: given("USHER_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2f"),
        }
    }
}

fn given(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

/// A running Usher with everything that belongs to it.
#[derive(Debug)]
pub struct System {
    setting: Setting,
    folder: TempDir,
    base: String,
    environment: HashMap<String, String>,
    processes: Vec<Process>,
    smtp: Option<Child>,
    database: Option<(String, String)>,
    admin: Option<Client>,
    other_admin: Option<Client>,
    slug: Option<String>,
}

impl System {
    /// Starts everything, waits until it is ready, and signs the administrator in.
    ///
    /// # Panics
    /// Where a part is missing or does not start; the message names it.
    pub async fn start(setting: Setting) -> Self {
        Self::start_on(setting, &Parts::default()).await
    }

    /// The same on other outside parts.
    ///
    /// # Panics
    /// As [`System::start`].
    pub async fn start_on(setting: Setting, parts: &Parts) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let base = format!("http://127.0.0.1:{port}");
        let mut system = Self {
            setting,
            base: base.clone(),
            environment: environment(folder.path(), port),
            folder,
            processes: Vec::new(),
            smtp: None,
            database: None,
            admin: None,
            other_admin: None,
            slug: None,
        };
        if setting == Setting::Distributed {
            system.prepare_parts(parts).await;
        }
        for name in system.binaries() {
            system.launch(name);
        }
        system.wait_until_ready().await;
        system.admin = Some(system.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD, "MEMBER").await);
        system
    }

    /// An embedded system with two organizations, the second made by an operator while nothing ran.
    ///
    /// # Panics
    /// As [`System::start`].
    pub async fn start_with_second_organization() -> Self {
        let mut system = Self::start(Setting::Embedded).await;
        let own = system
            .admin()
            .payload("query { organization { slug } }", json!({}))
            .await;
        system.slug = own["slug"].as_str().map(str::to_owned);
        for mut process in std::mem::take(&mut system.processes) {
            assert!(process.stop().await.success(), "usher stops:\n{}", process.log());
        }
        let add = [
            "organization",
            "add",
            "--slug",
            "second",
            "--name",
            "Second",
            "--admin-email",
            "second@example.com",
        ];
        let mut command = Process::start("usher", &add, &system.environment, system.folder.path());
        assert!(
            command.ended().await.success(),
            "usher organization add:\n{}",
            command.log()
        );
        system.launch("usher");
        system.wait_until_ready().await;
        system.admin = Some(system.sign_in_again().await);
        let token = system
            .mailbox()
            .only_mail_to("second@example.com")
            .await
            .link_token();
        let accept = "mutation Accept($input: AcceptInvitationInput!) {
          acceptInvitation(input: $input) { accepted userErrors { code message } } }";
        let nobody = system.nobody();
        nobody
            .done(
                accept,
                json!({ "input": { "token": token, "password": ADMIN_PASSWORD } }),
            )
            .await;
        let other = nobody
            .sign_in("second@example.com", ADMIN_PASSWORD, "MEMBER", Some("second"))
            .await;
        system.other_admin = Some(other);
        system
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

    /// The second organization's administrator.
    ///
    /// # Panics
    /// Where there is no second organization.
    #[must_use]
    pub fn other_admin(&self) -> &Client {
        self.other_admin.as_ref().expect("a second organization")
    }

    /// The first organization's id.
    ///
    /// # Panics
    /// Where the administrator's token does not say.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        let token = self.admin().token().expect("a token");
        let claims = token.split('.').nth(1).expect("a JWT");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        claims["org"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("the organization")
    }

    /// The key that signs this installation's access tokens.
    ///
    /// # Panics
    /// Where it cannot be read.
    pub async fn signing_key(&self) -> SigningKey {
        let file = self.folder.path().join("invitations.db");
        let line = sqlite_text(&file, "SELECT id || ' ' || wrapped FROM signing_key LIMIT 1").await;
        let (id, wrapped) = line.trim().split_once(' ').expect("a key");
        let keys = Keyring::parse(&self.environment["USHER_SIGNING_KEYS"]).expect("keys");
        let pkcs8 = unwrap_secret(&keys, "usher.signing-key.v1", wrapped).expect("the key opens");
        SigningKey::from_pkcs8(id.to_owned(), &pkcs8).expect("a key")
    }

    /// How much has been said and noted: changes with every act, and with nothing else.
    pub async fn traces(&self) -> i64 {
        let mut count = 0;
        for (service, table) in [
            ("contacts", "outbox"),
            ("contacts", "activity"),
            ("invitations", "outbox"),
            ("invitations", "activity"),
            ("notifications", "message"),
        ] {
            let file = self.folder.path().join(format!("{service}.db"));
            count += sqlite(&file, &format!("SELECT count(*) FROM {table}")).await;
        }
        count
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

    async fn prepare_parts(&mut self, parts: &Parts) {
        let name = format!("usher_journey_{}", Uuid::new_v4().simple());
        psql(
            &format!("{}/postgres", parts.postgres),
            &format!("CREATE DATABASE {name}"),
        )
        .await;
        self.database = Some((parts.postgres.clone(), name.clone()));
        let smtp = free_port();
        self.smtp = Some(smtp_sink(smtp, &self.mail_folder()));
        for (key, value) in [
            ("USHER_DATABASE_URL", format!("{}/{name}", parts.postgres)),
            ("USHER_AMQP_URL", parts.amqp.clone()),
            ("USHER_SMTP_URL", format!("smtp://127.0.0.1:{smtp}")),
            ("USHER_BROKER_PREFIX", format!("{name}.")),
        ] {
            self.environment.insert(key.into(), value);
        }
        for service in ["CONTACTS", "INVITATIONS", "NOTIFICATIONS"] {
            let address = format!("127.0.0.1:{}", free_port());
            self.environment
                .insert(format!("USHER_{service}_LISTEN"), address.clone());
            self.environment
                .insert(format!("USHER_{service}_URL"), format!("http://{address}"));
        }
        let mut migration = Process::start("usher-migrate", &["up"], &self.environment, self.folder.path());
        let status = migration.ended().await;
        assert!(status.success(), "usher-migrate: {}", migration.log());
    }

    fn launch(&mut self, name: &str) {
        self.processes
            .push(Process::start(name, &[], &self.environment, self.folder.path()));
    }

    /// Waits until the gateway says that it is ready.
    ///
    /// # Panics
    /// Where a process ends instead.
    pub async fn wait_until_ready(&mut self) {
        let client = Client::new(&self.base);
        let base = self.base.clone();
        let look = || async {
            client
                .try_get("/readyz")
                .await
                .filter(hyper::StatusCode::is_success)
        };
        eventually(
            &format!("{base} is ready\n{}", self.folder.path().display()),
            PATIENCE,
            look,
        )
        .await;
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

    /// Outbox rows of all services that have not been published.
    ///
    /// # Panics
    /// Where a database cannot be asked.
    pub async fn unpublished(&self) -> i64 {
        let mut count = 0;
        for service in ["contacts", "invitations", "notifications"] {
            count += match &self.database {
                Some((server, name)) => {
                    let sql = format!("SELECT count(*) FROM {service}.outbox WHERE published_at IS NULL");
                    psql(&format!("{server}/{name}"), &sql).await
                }
                None => {
                    let file = self.folder.path().join(format!("{service}.db"));
                    sqlite(&file, "SELECT count(*) FROM outbox WHERE published_at IS NULL").await
                }
            };
        }
        count
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

    /// The folder that all processes of this system live in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The settings that every process of this system gets.
    #[must_use]
    pub const fn environment(&self) -> &HashMap<String, String> {
        &self.environment
    }

    /// Everything that its processes have logged.
    #[must_use]
    pub fn logs(&self) -> String {
        self.processes
            .iter()
            .map(|process| format!("--- {}\n{}\n", process.name(), process.log()))
            .collect()
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

    /// Ends everything in order and takes the database away. A process that fails to end well is a failure.
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
        if let Some(mut smtp) = self.smtp.take() {
            smtp.kill().await.expect("smtp-sink ends");
        }
        if let Some((server, name)) = self.database.take() {
            psql(
                &format!("{server}/postgres"),
                &format!("DROP DATABASE {name} WITH (FORCE)"),
            )
            .await;
        }
    }
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
        ("USHER_SEAL_KEYS", Keyring::generate_text("seal")),
        ("USHER_FIELD_KEYS", Keyring::generate_text("field")),
        ("USHER_SERVICE_KEYS", Keyring::generate_text("service")),
        ("USHER_SIGNING_KEYS", Keyring::generate_text("signing")),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Debian's test server of Postfix: a real SMTP dialogue, each mail a file.
fn smtp_sink(port: u16, folder: &Path) -> Child {
    std::fs::create_dir_all(folder).expect("a folder for mail");
    let mut command = Command::new("smtp-sink");
    // smtp-sink refuses to run as root; its user writes into the folder.
    if is_root() {
        command.args(["-u", "nobody"]);
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .expect("permissions");
        if let Some(parent) = folder.parent() {
            std::fs::set_permissions(parent, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .expect("permissions");
        }
    }
    command
        .current_dir(folder)
        .args(["-d", "%Y%m%d%H%M%S."])
        .arg(format!("127.0.0.1:{port}"))
        .arg("256")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("smtp-sink starts: install Debian's package postfix (make test does)")
}

/// Runs one statement; the number that it answers, where it answers one.
async fn psql(database: &str, sql: &str) -> i64 {
    let text = ask(
        Command::new("psql").args([database, "-qAtc", sql]),
        "postgresql-client",
    )
    .await;
    text.trim().parse().unwrap_or_default()
}

async fn sqlite(file: &Path, sql: &str) -> i64 {
    sqlite_text(file, sql).await.trim().parse().expect("a number")
}

async fn sqlite_text(file: &Path, sql: &str) -> String {
    ask(
        Command::new("sqlite3").arg("-readonly").arg(file).arg(sql),
        "sqlite3",
    )
    .await
}

async fn ask(command: &mut Command, package: &str) -> String {
    let output = command
        .output()
        .await
        .unwrap_or_else(|error| panic!("{error}: install Debian's package {package} (make test does)"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
