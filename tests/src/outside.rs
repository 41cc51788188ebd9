//! A PostgreSQL cluster and a RabbitMQ node of a test's own, to be stopped and started in the middle of work.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use usher_testkit::tls::Identity;

use crate::{eventually, free_port};

const START: Duration = Duration::from_secs(60);
/// The only user of a cluster.
const USER: &str = "root";

/// A command as an ordinary user: neither server runs as root.
fn as_user(user: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args([
            &format!("--reuid={user}"),
            &format!("--regid={user}"),
            "--clear-groups",
        ])
        .arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// A folder that the user may write in.
async fn folder_of(user: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    if is_root() {
        run(Command::new("chown").arg(user).arg(folder.path())).await;
    }
    folder
}

async fn run(command: &mut Command) {
    let output = command
        .output()
        .await
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A PostgreSQL cluster.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    password: Option<String>,
    encrypted: bool,
}

impl Postgres {
    /// Makes and starts one that trusts everybody.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed or does not start.
    pub async fn start() -> Self {
        Self::make(None, None).await
    }

    /// Makes and starts one that wants this password of its only user.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub async fn start_with_password(password: &str) -> Self {
        Self::make(Some(password), None).await
    }

    /// Makes and starts one that speaks TLS, with this certificate.
    ///
    /// # Panics
    /// As [`Postgres::start`].
    pub async fn start_with_certificate(identity: &Identity) -> Self {
        Self::make(None, Some(identity)).await
    }

    async fn make(password: Option<&str>, identity: Option<&Identity>) -> Self {
        let cluster = Self {
            folder: folder_of("postgres").await,
            programs: postgres_programs(),
            port: free_port(),
            password: password.map(str::to_owned),
            encrypted: identity.is_some(),
        };
        let mut initdb = as_user("postgres", cluster.programs.join("initdb"));
        initdb.arg("-D").arg(cluster.data()).args([
            "-U",
            USER,
            "-E",
            "UTF8",
            "--no-instructions",
            "--no-sync",
        ]);
        if let Some(password) = password {
            let file = cluster.folder.path().join("password");
            std::fs::write(&file, password).expect("a file");
            initdb.args(["-A", "scram-sha-256", "--pwfile"]).arg(file);
        } else {
            initdb.args(["-A", "trust"]);
        }
        run(&mut initdb).await;
        if let Some(identity) = identity {
            cluster.own("server.crt", &identity.certificate).await;
            cluster.own("server.key", &identity.key).await;
        }
        cluster.resume().await;
        cluster
    }

    /// A file that the server alone may read.
    async fn own(&self, name: &str, text: &str) {
        let file = self.data().join(name);
        std::fs::write(&file, text).expect("a file");
        run(Command::new("chmod").arg("600").arg(&file)).await;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&file)).await;
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts it (again).
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn resume(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -k {} -c ssl={}",
            self.port,
            self.folder.path().display(),
            if self.encrypted { "on" } else { "off" }
        );
        run(as_user("postgres", self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(self.folder.path().join("log"))
            .args(["-w", "-o", &options, "start"])
            .stdout(Stdio::null()))
        .await;
    }

    /// Stops it without saying goodbye to anybody, as a crash does.
    ///
    /// # Panics
    /// Where it does not stop.
    pub async fn crash(&self) {
        run(as_user("postgres", self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(self.data())
            .args(["-m", "immediate", "stop"]))
        .await;
    }

    /// Its address without a database's name.
    #[must_use]
    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}"));
        let password = password.unwrap_or_default();
        format!("postgres://{USER}{password}@127.0.0.1:{}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            kill_now(pid);
        }
    }
}

fn postgres_programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<_> = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    folders.sort();
    folders
        .pop()
        .expect("PostgreSQL's programs: install Debian's package postgresql (make test does)")
}

/// A node's settings, where it has any.
const CONFIG: &str = "settings";

/// A RabbitMQ node.
#[derive(Debug)]
pub struct RabbitMq {
    folder: TempDir,
    port: u16,
    /// Where it speaks TLS.
    encrypted: Option<u16>,
    distribution_port: u16,
    starter: Option<Child>,
}

impl RabbitMq {
    /// Makes and starts one.
    ///
    /// # Panics
    /// Where RabbitMQ is not installed or does not start.
    pub async fn start() -> Self {
        Self::start_in(folder_of("rabbitmq").await, None).await
    }

    /// Makes and starts one that speaks TLS on a port of its own, with this certificate.
    ///
    /// # Panics
    /// As [`RabbitMq::start`].
    pub async fn start_with_certificate(identity: &Identity) -> Self {
        Self::start_in(folder_of("rabbitmq").await, Some(identity)).await
    }

    /// The same with definitions that it loads before anybody comes: users, permissions, queues.
    ///
    /// # Panics
    /// As [`RabbitMq::start`].
    pub async fn start_with(definitions: &serde_json::Value) -> Self {
        let folder = folder_of("rabbitmq").await;
        let file = folder.path().join("definitions.json");
        std::fs::write(&file, definitions.to_string()).expect("a file");
        let config = format!("load_definitions = {}\n", file.display());
        std::fs::write(folder.path().join(format!("{CONFIG}.conf")), config).expect("a file");
        Self::start_in(folder, None).await
    }

    async fn start_in(folder: TempDir, identity: Option<&Identity>) -> Self {
        std::fs::write(folder.path().join("plugins"), "[].\n").expect("a file");
        let mut node = Self {
            folder,
            port: free_port(),
            encrypted: identity.map(|_| free_port()),
            distribution_port: free_port(),
            starter: None,
        };
        if let Some(identity) = identity {
            node.encrypt(identity).await;
        }
        node.resume().await;
        node
    }

    async fn encrypt(&self, identity: &Identity) {
        let folder = self.folder.path();
        for (name, text) in [
            ("server.crt", &identity.certificate),
            ("server.key", &identity.key),
        ] {
            let file = folder.join(name);
            std::fs::write(&file, text).expect("a file");
            run(Command::new("chmod").arg("600").arg(&file)).await;
            if is_root() {
                run(Command::new("chown").arg("rabbitmq").arg(&file)).await;
            }
        }
        let settings = format!(
            "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.certfile = {folder}/server.crt\n\
             ssl_options.keyfile = {folder}/server.key\nssl_options.verify = verify_none\n\
             ssl_options.fail_if_no_peer_cert = false\n",
            port = self.encrypted.unwrap_or_default(),
            folder = folder.display(),
        );
        std::fs::write(folder.join(format!("{CONFIG}.conf")), settings).expect("a file");
    }

    /// Starts it (again).
    ///
    /// # Panics
    /// Where it does not start within a minute.
    pub async fn resume(&mut self) {
        let folder = self.folder.path();
        let log = std::fs::File::create(folder.join("out")).expect("a log file");
        let starter = self
            .program("rabbitmq-server")
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_CONFIG_FILE", folder.join(CONFIG))
            .env("RABBITMQ_PID_FILE", self.pid_file())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("rabbitmq-server starts");
        self.starter = Some(starter);
        let port = self.port;
        let look = || async { TcpStream::connect(("127.0.0.1", port)).await.ok() };
        eventually("RabbitMQ answers", START, look).await;
        if let Some(port) = self.encrypted {
            let look = || async { TcpStream::connect(("127.0.0.1", port)).await.ok() };
            eventually("RabbitMQ answers over TLS", START, look).await;
        }
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("pid")
    }

    /// One of RabbitMQ's programs, for this node.
    fn program(&self, name: &str) -> Command {
        let path = Path::new("/usr/lib/rabbitmq/bin").join(name);
        assert!(
            path.exists(),
            "RabbitMQ's programs: install Debian's package rabbitmq-server (make test does)"
        );
        let mut command = as_user("rabbitmq", path);
        command
            .env("HOME", self.folder.path())
            .env("RABBITMQ_NODENAME", format!("usher_{}@localhost", self.port))
            .current_dir(self.folder.path());
        command
    }

    /// How many messages lie in its queues, whether somebody is at work on them or not.
    ///
    /// # Panics
    /// Where the node does not answer.
    pub async fn messages(&self) -> u64 {
        let mut command = self.program("rabbitmqctl");
        let output = command.args(["list_queues", "--silent", "messages"]).output();
        let output = output.await.expect("rabbitmqctl runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text.lines()
            .map(|line| line.trim().parse::<u64>().expect("a number"))
            .sum()
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// Where it was not running.
    pub async fn crash(&mut self) {
        let pid = std::fs::read_to_string(self.pid_file()).expect("the node's process id");
        kill_now(pid.trim());
        if let Some(mut starter) = self.starter.take() {
            starter.wait().await.expect("the starter ends with its node");
        }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("guest", "guest")
    }

    /// Its address for another user.
    #[must_use]
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("amqp://{user}:{password}@127.0.0.1:{}/%2f", self.port)
    }

    /// Where it speaks TLS, under a name.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn encrypted_url(&self, host: &str) -> String {
        let port = self.encrypted.expect("a node with a certificate");
        format!("amqps://guest:guest@{host}:{port}")
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.pid_file()) {
            kill_now(pid.trim());
        }
    }
}

pub(crate) fn kill_now(pid: &str) {
    std::process::Command::new("kill")
        .args(["-9", pid])
        .stderr(Stdio::null())
        .status()
        .ok();
}
