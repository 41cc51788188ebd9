//! A prefix on the RabbitMQ of all tests, and the end of everything below it.
//!
//! AMQP cannot list queues, so a test's queues are recorded in a file before they are made. The file is locked for as long
//! as its process lives: a record that can be locked is what a killed process has left, and says what to delete.

use std::collections::BTreeSet;
use std::fs::{DirEntry, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use usher_messaging::{BrokerError, RabbitSettings};
use uuid::Uuid;

use crate::background::in_background;

/// The record of another broker, which may not even stand any more, is forgotten after a day.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

/// A prefix for exchanges and queues that no other test has. Dropping it, as a panic does too, deletes whatever it has been
/// told of; what a killed process leaves is deleted by the next one that asks for a prefix.
#[derive(Debug)]
pub struct BrokerPrefix {
    url: String,
    record: Record,
}

impl BrokerPrefix {
    /// A new one on the broker at `url`.
    pub async fn new(url: &str) -> Self {
        let folder = records();
        std::fs::create_dir_all(&folder).expect("a folder for records of queues");
        sweep(&folder, url).await;
        let prefix = format!("usher-test-{}.", Uuid::new_v4().simple());
        Self {
            url: url.to_owned(),
            record: Record::new(&folder, prefix, url),
        }
    }

    /// What goes before every name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.record.prefix
    }

    /// These queues, by their names without lanes, are about to be made.
    pub fn expect<'a>(&self, queues: impl IntoIterator<Item = &'a str>) {
        queues.into_iter().for_each(|queue| self.record.add(queue));
    }
}

impl Drop for BrokerPrefix {
    fn drop(&mut self) {
        let (url, prefix) = (self.url.clone(), self.as_str().to_owned());
        let queues = self.record.queues();
        // Where this fails the record stays, and with it the next process's duty.
        if let Some(Ok(())) = in_background(async move { delete(&url, &prefix, &queues).await }) {
            std::fs::remove_file(&self.record.path).ok();
        }
    }
}

async fn delete(url: &str, prefix: &str, queues: &BTreeSet<String>) -> Result<(), BrokerError> {
    let queues: Vec<_> = queues.iter().map(String::as_str).collect();
    RabbitSettings::new(url, prefix, "test").delete(&queues).await
}

/// A file named as the prefix: the broker's address in the first line, then a queue a line.
#[derive(Debug)]
struct Record {
    prefix: String,
    path: PathBuf,
    written: Mutex<(File, BTreeSet<String>)>,
}

impl Record {
    fn new(folder: &Path, prefix: String, url: &str) -> Self {
        let path = folder.join(&prefix);
        let mut file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)
            .expect("a record of queues");
        // An empty record names no broker, so whoever looks into it at this moment leaves it alone.
        file.lock().expect("the record is ours");
        writeln!(file, "{}", address(url)).expect("the record is written");
        Self {
            prefix,
            path,
            written: Mutex::new((file, BTreeSet::new())),
        }
    }

    fn add(&self, queue: &str) {
        let mut written = self.written.lock().expect("the record");
        let (file, queues) = &mut *written;
        if queues.insert(queue.to_owned()) {
            writeln!(file, "{queue}").expect("the record is written");
        }
    }

    fn queues(&self) -> BTreeSet<String> {
        // Also while a panic unwinds, and whatever it has interrupted.
        let written = self.written.lock();
        written.map_or_else(
            |broken| broken.into_inner().1.clone(),
            |written| written.1.clone(),
        )
    }
}

/// One folder for all test processes of a user.
fn records() -> PathBuf {
    let user = std::env::var("USER").unwrap_or_default();
    std::env::temp_dir().join(format!("usher-test-queues-{user}"))
}

/// The broker and its virtual host, without a password.
fn address(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, address)| address)
}

/// Deletes what dead processes have left on this broker.
async fn sweep(folder: &Path, url: &str) {
    let entries = std::fs::read_dir(folder).expect("the records of queues");
    for entry in entries.flatten() {
        let Some((_locked, text)) = abandoned(&entry) else {
            continue;
        };
        let mut lines = text.lines();
        let broker = lines.next().unwrap_or_default();
        let queues = lines.map(str::to_owned).collect();
        let prefix = entry.file_name().to_string_lossy().into_owned();
        let done = if broker == address(url) {
            delete(url, &prefix, &queues).await.is_ok()
        } else {
            is_forgotten(&entry)
        };
        if done {
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

/// The record of a process that has ended, locked so that nobody else sweeps it.
fn abandoned(entry: &DirEntry) -> Option<(File, String)> {
    let mut file = File::open(entry.path()).ok()?;
    file.try_lock().ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    Some((file, text))
}

fn is_forgotten(entry: &DirEntry) -> bool {
    let written = entry.metadata().and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > FORGOTTEN))
}
