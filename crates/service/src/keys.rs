//! Keys of the installation: lists of `id:base64`, the first used, all accepted.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use usher_auth::Keyring;

use crate::settings::Common;
use crate::{StartError, data_dir};

/// The development keys' file in the data folder.
const KEYS_FILE: &str = "keys.toml";
/// The kinds, as they are called in the settings.
const KINDS: [&str; 4] = ["seal_keys", "field_keys", "service_keys", "signing_keys"];

/// All keys of the installation. A process that does not need a kind does not look at it.
#[derive(Clone, Debug)]
pub struct Keys {
    lists: Arc<BTreeMap<&'static str, SecretString>>,
}

impl Keys {
    /// Takes the lists of the settings; in development makes missing ones once in `data_dir/keys.toml` (0600).
    ///
    /// # Errors
    /// [`StartError::Settings`] when the file cannot be read or made.
    pub fn load(common: &Common) -> Result<Self, StartError> {
        let given = [
            &common.seal_keys,
            &common.field_keys,
            &common.service_keys,
            &common.signing_keys,
        ];
        let mut lists: BTreeMap<&'static str, SecretString> = KINDS
            .into_iter()
            .zip(given)
            .filter_map(|(kind, list)| Some((kind, list.clone()?)))
            .collect();
        if common.is_development() && lists.len() < KINDS.len() {
            for (kind, list) in development_keys(&common.data_dir)? {
                lists.entry(kind).or_insert(list);
            }
        }
        Ok(Self {
            lists: Arc::new(lists),
        })
    }

    /// As [`Keys::load`], but makes nothing; none where development has not made its keys yet.
    ///
    /// # Errors
    /// As [`Keys::load`].
    pub fn look(common: &Common) -> Result<Option<Self>, StartError> {
        let made = !common.is_development() || common.data_dir.join(KEYS_FILE).exists();
        made.then(|| Self::load(common)).transpose()
    }

    /// Keys that seal tokens on their way to the mail: `invitations` and `notifications`.
    ///
    /// # Errors
    /// [`StartError::Settings`] when the list is missing or wrong.
    pub fn seal(&self) -> Result<Keyring, StartError> {
        self.ring("seal_keys")
    }

    /// Keys for fields that are stored encrypted: `contacts`.
    ///
    /// # Errors
    /// As [`Keys::seal`].
    pub fn field(&self) -> Result<Keyring, StartError> {
        self.ring("field_keys")
    }

    /// Keys of the tokens with which services call each other: all.
    ///
    /// # Errors
    /// As [`Keys::seal`].
    pub fn service(&self) -> Result<Keyring, StartError> {
        self.ring("service_keys")
    }

    /// Keys that wrap the signing keys of access tokens: `invitations`.
    ///
    /// # Errors
    /// As [`Keys::seal`].
    pub fn signing(&self) -> Result<Keyring, StartError> {
        self.ring("signing_keys")
    }

    fn ring(&self, kind: &'static str) -> Result<Keyring, StartError> {
        let name = format!("USHER_{}", kind.to_uppercase());
        let list = self.lists.get(kind).ok_or_else(|| {
            StartError::settings(format!(
                "{name} is not given; production needs it: id:base64 of 32 random bytes"
            ))
        })?;
        Keyring::parse(list.expose_secret())
            .map_err(|reason| StartError::settings(format!("{name}: {reason}")))
    }
}

/// Reads the development keys, making them when they are not there.
///
/// Several processes may start at once, so the file is linked into place whole: one wins, all read the same.
fn development_keys(folder: &Path) -> Result<Vec<(&'static str, SecretString)>, StartError> {
    data_dir::ensure(folder)?;
    let path = folder.join(KEYS_FILE);
    let failed = |error: &dyn fmt::Display| StartError::settings(format!("{}: {error}", path.display()));
    if !path.exists() {
        let draft = folder.join(format!(".{KEYS_FILE}.{}", std::process::id()));
        std::fs::remove_file(&draft).ok();
        write_private(&draft, &fresh_keys()).map_err(|error| failed(&error))?;
        let linked = std::fs::hard_link(&draft, &path);
        std::fs::remove_file(&draft).ok();
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(&error)),
            _ => {}
        }
    }
    let file = config::Config::builder()
        .add_source(config::File::from(path.as_path()).format(config::FileFormat::Toml))
        .build()
        .map_err(|_| failed(&"is not a list of keys; remove it to have new ones made"))?;
    let lists = KINDS.into_iter().map(|kind| {
        let list = file
            .get_string(kind)
            .map_err(|_| failed(&format!("has no {kind}")))?;
        Ok((kind, SecretString::from(list)))
    });
    lists.collect()
}

fn fresh_keys() -> String {
    let head = "# Made at the first start, for development only. Without them this folder's data is lost.";
    let lines = KINDS.map(|kind| format!("{kind} = \"{}\"", Keyring::generate_text("dev")));
    format!("{head}\n{}\n", lines.join("\n"))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
