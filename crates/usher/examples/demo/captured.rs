//! Captured mail, where Usher runs on this machine without a mail server.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Counts the `.eml` files of the data folder, before and after.
pub struct Captured {
    folder: PathBuf,
    before: u64,
    now: u64,
}

impl Captured {
    /// Counts what lies there already.
    pub fn look(folder: &Path) -> Self {
        let before = count(folder);
        Self {
            folder: folder.to_owned(),
            before,
            now: before,
        }
    }

    /// Counts again. Sign-in notices and the like may come on top, so it waits a moment for at least `expected`.
    pub fn settle(&mut self, expected: u64) {
        for _ in 0..20 {
            self.now = count(&self.folder);
            if self.now == self.before || self.now - self.before >= expected {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// How many came; none where nothing is captured here, as with a real mail server.
    pub fn fresh(&self) -> Option<u64> {
        Some(self.now - self.before).filter(|&fresh| fresh > 0)
    }
}

fn count(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => count(&entry.path()),
            _ => u64::from(
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "eml"),
            ),
        })
        .sum()
}
