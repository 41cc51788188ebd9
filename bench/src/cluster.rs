//! A PostgreSQL cluster of the bench's own, as it comes plus two settings, durable as in production.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::child::{Child, output, wait_until};
use crate::failure::{Context, Failure, fail};
use crate::workshop::{Workshop, free_port, tool};

/// What differs from the defaults; fsync and synchronous_commit stay on.
const SETTINGS: [&str; 2] = ["shared_buffers=1GB", "max_wal_size=8GB"];
const SUPERUSER: &str = "usher_bench";

/// The running cluster.
pub struct Cluster {
    port: u16,
    psql: PathBuf,
    pgbench: PathBuf,
    // ended when dropped
    _server: Child,
}

impl Cluster {
    /// Makes it at the first run, starts it on a free port.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start(workshop: &Workshop) -> Result<Self, Failure> {
        let package = "postgresql";
        let folder = workshop.folder.join("postgresql");
        workshop.own_folder(&folder)?;
        let data = folder.join("data");
        if !data.join("PG_VERSION").exists() {
            let mut initdb = workshop.ordinary(&tool("initdb", package)?);
            initdb.arg("-D").arg(&data).args([
                "-U",
                SUPERUSER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ]);
            output(&mut initdb)?;
        }
        let port = free_port()?;
        let mut postgres = workshop.ordinary(&tool("postgres", package)?);
        postgres
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder)
            .args(["-p", &port.to_string()]);
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        // INT is PostgreSQL's fast shutdown: it does not wait for clients
        let server = Child::start("postgresql", &workshop.logs, &mut postgres)?.ended_by("INT");
        let mut cluster = Self {
            port,
            psql: tool("psql", package)?,
            pgbench: tool("pgbench", package)?,
            _server: server,
        };
        wait_until(Duration::from_secs(60), || {
            cluster._server.check()?;
            cluster.query("postgres", "select 1")
        })?;
        Ok(cluster)
    }

    /// Where a database of it is, for Usher.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL and gives back its rows, unaligned, without headers.
    ///
    /// # Errors
    /// The first error of the server.
    pub fn query(&self, database: &str, sql: &str) -> Result<String, Failure> {
        Ok(output(self.psql(database).args(["-c", sql]))?
            .trim_end()
            .to_owned())
    }

    /// Runs a file of SQL with `:name` variables.
    ///
    /// # Errors
    /// The first error of the server.
    pub fn run(&self, database: &str, file: &Path, variables: &[(&str, String)]) -> Result<String, Failure> {
        let mut psql = self.psql(database);
        for (name, value) in variables {
            psql.args(["-v", &format!("{name}={value}")]);
        }
        output(psql.arg("-f").arg(file))
    }

    /// A connection that is kept.
    ///
    /// # Errors
    /// When psql cannot be started.
    pub fn session(&self, database: &str) -> Result<Session, Failure> {
        Session::start(self.psql(database))
    }

    /// Whether a database is there.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn has(&self, database: &str) -> Result<bool, Failure> {
        let sql = format!("select count(*) from pg_database where datname = '{database}'");
        Ok(self.query("postgres", &sql)? == "1")
    }

    /// Makes a database anew, empty or as a copy of another.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn create(&self, database: &str, template: Option<&str>) -> Result<(), Failure> {
        self.drop_database(database)?;
        let template = template.map_or_else(String::new, |template| {
            format!(" template {template} strategy file_copy")
        });
        self.query("postgres", &format!("create database {database}{template}"))
            .map(drop)
    }

    /// Removes a database, if it is there.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn drop_database(&self, database: &str) -> Result<(), Failure> {
        self.query(
            "postgres",
            &format!("drop database if exists {database} with (force)"),
        )
        .map(drop)
    }

    /// Transactions a second of one prepared script.
    ///
    /// # Errors
    /// When pgbench fails or counts no rate.
    pub fn pgbench(
        &self,
        database: &str,
        script: &Path,
        clients: usize,
        seconds: u64,
    ) -> Result<f64, Failure> {
        let mut pgbench = Command::new(&self.pgbench);
        pgbench.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            SUPERUSER,
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
        ]);
        pgbench
            .args(["-c", &clients.to_string(), "-T", &seconds.to_string(), "-f"])
            .arg(script)
            .arg(database);
        let report = output(&mut pgbench)?;
        let rate = report.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = rate
            .and_then(|rate| rate.split(' ').next())
            .and_then(|rate| rate.parse().ok());
        rate.ok_or_else(|| fail(format!("pgbench counted no transactions: {report}")))
    }

    /// Writes everything to disk and makes plans know the tables.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn settle(&self, database: &str) -> Result<(), Failure> {
        self.query(database, "vacuum (analyze)")?;
        self.query(database, "checkpoint").map(drop)
    }

    fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(&self.psql);
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            SUPERUSER,
        ]);
        psql.args(["-p", &self.port.to_string(), "-d", database]);
        psql
    }
}

/// Milliseconds that psql told for the last statement of a file with `\timing on`.
///
/// # Errors
/// When it told none.
pub fn server_time(said: &str) -> Result<f64, Failure> {
    let time = said
        .lines()
        .filter_map(|line| line.strip_prefix("Time: "))
        .next_back();
    let time = time.and_then(|time| time.split(' ').next()?.parse().ok());
    time.ok_or_else(|| fail(format!("psql told no time: {said}")))
}

/// A kept connection: asking over it costs the machine next to nothing while something else is measured.
pub struct Session {
    psql: std::process::Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Session {
    fn start(mut psql: Command) -> Result<Self, Failure> {
        let mut psql = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("psql")?;
        let (Some(questions), Some(answers)) = (psql.stdin.take(), psql.stdout.take()) else {
            return Err(fail("psql has no pipes"));
        };
        Ok(Self {
            psql,
            questions,
            answers: BufReader::new(answers),
        })
    }

    /// The row that a statement gives back, which has to be exactly one.
    ///
    /// # Errors
    /// When the server refuses or is gone.
    pub fn ask(&mut self, sql: &str) -> Result<String, Failure> {
        writeln!(self.questions, "{sql};").context("psql")?;
        self.questions.flush().context("psql")?;
        let mut answer = String::new();
        match self.answers.read_line(&mut answer).context("psql")? {
            0 => Err(fail(format!("psql ended at: {sql}"))),
            _ => Ok(answer.trim_end().to_owned()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.psql.kill().ok();
        self.psql.wait().ok();
    }
}

/// The files below a folder with this ending, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn files_below(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).context(folder.display())?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path, endings)?);
        } else if path
            .extension()
            .is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted))
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
