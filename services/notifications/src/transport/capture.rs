//! Mails kept as files, for development (N10).
//!
//! One file a mail, `{time of the first attempt}-{message id}.eml`, such as
//! `20260301T120000.000000Z-0195….eml`: sorting by name sorts by time, and a repeat replaces its own file. A file is complete
//! when it has that name; drafts begin with a dot.

use std::io;
use std::path::{Path, PathBuf};

use chrono::SecondsFormat;
use tokio::fs;

use super::Parcel;
use crate::domain::reply::{Stage, Trouble};

/// A folder of captured mail.
#[derive(Clone, Debug)]
pub struct Capture {
    folder: PathBuf,
}

impl Capture {
    /// Captures into this folder, which is made when the first mail comes.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Where the mails are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) async fn keep(&self, parcel: &Parcel) -> Result<(), Trouble> {
        self.write(parcel).await.map_err(|error| Trouble::Lost {
            stage: Stage::Content,
            text: format!("the mail could not be captured: {}", error.kind()),
        })
    }

    async fn write(&self, parcel: &Parcel) -> io::Result<()> {
        let name = name(parcel);
        let draft = self.folder.join(format!(".{name}"));
        if let Err(error) = fs::write(&draft, &parcel.bytes).await {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            fs::create_dir_all(&self.folder).await?;
            fs::write(&draft, &parcel.bytes).await?;
        }
        fs::rename(&draft, self.folder.join(format!("{name}.eml"))).await
    }
}

/// The same for every repeat.
fn name(parcel: &Parcel) -> String {
    let time = parcel
        .first_attempt_at
        .to_rfc3339_opts(SecondsFormat::Micros, true)
        .replace(['-', ':'], "");
    format!("{time}-{}", parcel.message)
}
