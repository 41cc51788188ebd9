//! The data folder, and the lock that keeps a second process out of it.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::StartError;

/// The file whose lock says that the folder is in use.
const LOCK_FILE: &str = "lock";

/// The data folder, held for as long as this value lives.
///
/// The lock belongs to the open file, so the system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _locks: Vec<File>,
}

impl DataDir {
    /// Makes the folder if needed and takes it whole: for `usher`, which runs all services.
    ///
    /// # Errors
    /// [`StartError::Unavailable`] when another process uses it, [`StartError::Settings`] when it cannot be made.
    pub fn lock_all(path: &Path) -> Result<Self, StartError> {
        let file = open(path, LOCK_FILE)?;
        file.try_lock().map_err(|error| taken(path, "", &error))?;
        Ok(Self {
            path: path.to_owned(),
            _locks: vec![file],
        })
    }

    /// Takes the part of one service; services that are processes of their own may share the folder.
    ///
    /// # Errors
    /// As [`DataDir::lock_all`].
    pub fn lock_part(path: &Path, service: &str) -> Result<Self, StartError> {
        let whole = open(path, LOCK_FILE)?;
        whole.try_lock_shared().map_err(|error| taken(path, "", &error))?;
        let part = open(path, &format!("{service}.lock"))?;
        part.try_lock()
            .map_err(|error| taken(path, &format!(" for {service}"), &error))?;
        Ok(Self {
            path: path.to_owned(),
            _locks: vec![whole, part],
        })
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the folder if it is not there, for its owner alone: captured mails hold links that work.
///
/// # Errors
/// [`StartError::Settings`] when it cannot be made.
pub fn ensure(path: &Path) -> Result<(), StartError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| StartError::settings(format!("data_dir {}: {error}", path.display())))
}

fn open(path: &Path, name: &str) -> Result<File, StartError> {
    ensure(path)?;
    let file = path.join(name);
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(|error| StartError::settings(format!("data_dir {}: {error}", file.display())))
}

fn taken(path: &Path, part: &str, error: &TryLockError) -> StartError {
    match error {
        TryLockError::WouldBlock => StartError::unavailable(format!(
            "the data folder {} is in use{part} by another process; stop it or set USHER_DATA_DIR",
            path.display()
        )),
        TryLockError::Error(error) => StartError::unavailable(format!(
            "the data folder {} cannot be locked: {error}",
            path.display()
        )),
    }
}
