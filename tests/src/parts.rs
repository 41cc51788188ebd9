//! PostgreSQL, RabbitMQ and a mail server for the distributed setting.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};
use usher_parts::QUEUES;
use usher_testkit::{BrokerPrefix, TestDatabase};

use crate::outside::is_root;
use crate::sql::psql;
use crate::{Postgres, RabbitMq, free_port};

/// Which outside parts a system stands on.
#[derive(Clone, Debug)]
pub enum Parts {
    /// Those of the machine, as `make test` finds or starts them.
    Machine,
    /// Servers of the test's own, which it stops and starts.
    Own {
        /// A PostgreSQL server, without a database's name.
        postgres: String,
        /// A RabbitMQ server.
        amqp: String,
    },
}

impl Parts {
    /// Servers of the test's own.
    #[must_use]
    pub fn own(postgres: &Postgres, rabbitmq: &RabbitMq) -> Self {
        Self::Own {
            postgres: postgres.url(),
            amqp: rabbitmq.url(),
        }
    }
}

/// RabbitMQ as `make test` finds or starts it.
#[must_use]
pub fn machine_amqp() -> String {
    std::env::var("USHER_TEST_AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned())
}

/// What one system has of the outside parts. Goes after its processes, and takes its database and queues along.
#[derive(Debug)]
pub(crate) struct Outside {
    /// The database's URL.
    pub(crate) database: String,
    settings: Vec<(&'static str, String)>,
    _smtp: Child,
    _on_machine: Option<(TestDatabase, BrokerPrefix)>,
}

impl Outside {
    /// A database, a broker, and a mail server that puts its mails into `mail`. The machine's database has all schemas from a
    /// template; that of an own server is empty, so that there the migrations do all their work.
    pub(crate) async fn prepare(parts: &Parts, mail: &Path) -> Self {
        let smtp = free_port();
        let (database, amqp, prefix, on_machine) = match parts {
            Parts::Machine => {
                let amqp = machine_amqp();
                let database = TestDatabase::postgres().await;
                let broker = BrokerPrefix::new(&amqp).await;
                broker.expect(QUEUES.iter().map(|(queue, _)| *queue));
                let url = database.settings().url().to_owned();
                let prefix = broker.as_str().to_owned();
                (url, amqp, prefix, Some((database, broker)))
            }
            Parts::Own { postgres, amqp } => {
                psql(&format!("{postgres}/postgres"), "CREATE DATABASE usher").await;
                (format!("{postgres}/usher"), amqp.clone(), String::new(), None)
            }
        };
        Self {
            settings: vec![
                ("USHER_DATABASE_URL", database.clone()),
                ("USHER_AMQP_URL", amqp),
                ("USHER_BROKER_PREFIX", prefix),
                ("USHER_SMTP_URL", format!("smtp://127.0.0.1:{smtp}")),
            ],
            database,
            _smtp: smtp_sink(smtp, mail),
            _on_machine: on_machine,
        }
    }

    /// What its processes have to know: variable and value.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (String, String)> {
        self.settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
    }
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
