//! Keys of the installation: lists of `id:base64`, the first used, all accepted.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::settings::Common;
use crate::{StartError, data_dir};

/// Bytes of a key: what AES-256-GCM and HMAC-SHA-256 want.
pub const KEY_BYTES: usize = 32;
/// The development keys' file in the data folder.
const KEYS_FILE: &str = "keys.toml";
/// The kinds, as they are called in the settings.
const KINDS: [&str; 4] = ["seal_keys", "field_keys", "service_keys", "signing_keys"];

/// One key with its id.
#[derive(Clone)]
pub struct Key {
    /// Written beside what the key made, so that a reader finds it again.
    pub id: String,
    secret: Arc<SecretBox<[u8; KEY_BYTES]>>,
}

impl Key {
    /// A key with this id and these bytes.
    pub fn new(id: impl Into<String>, secret: [u8; KEY_BYTES]) -> Self {
        Self {
            id: id.into(),
            secret: Arc::new(SecretBox::new(Box::new(secret))),
        }
    }

    /// The bytes, for the moment of their use.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.id)
    }
}

/// The keys of one kind. Never empty.
#[derive(Clone, Debug)]
pub struct Keyring {
    first: Key,
    older: Vec<Key>,
}

impl Keyring {
    /// The keys in the order of the list.
    pub fn new(first: Key, older: Vec<Key>) -> Self {
        Self { first, older }
    }

    /// The key with which new things are made.
    pub fn current(&self) -> &Key {
        &self.first
    }

    /// The accepted key with this id.
    pub fn find(&self, id: &str) -> Option<&Key> {
        self.iter().find(|key| key.id == id)
    }

    /// All accepted keys, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.older)
    }

    /// Reads a list such as `b:…,a:…`.
    ///
    /// # Errors
    /// What is wrong, without any part of the key.
    pub fn parse(list: &str) -> Result<Self, String> {
        let mut keys: Vec<Key> = Vec::new();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let key = parse_key(item)?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(format!("the id {} stands twice", key.id));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err("no key is given".to_owned());
        }
        Ok(Self {
            first: keys.remove(0),
            older: keys,
        })
    }
}

fn parse_key(item: &str) -> Result<Key, String> {
    let (id, encoded) = item.split_once(':').ok_or("each key is written id:base64")?;
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 40 || !id.chars().all(simple) {
        return Err("an id is 1 to 40 letters, digits, dots, dashes or underscores".to_owned());
    }
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|_| format!("the key {id} is not base64"))?;
    let length = bytes.len();
    let secret: [u8; KEY_BYTES] = bytes
        .try_into()
        .map_err(|_| format!("the key {id} has {length} bytes, not {KEY_BYTES}"))?;
    Ok(Key::new(id, secret))
}

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
        write_private(&draft, &fresh_keys()?).map_err(|error| failed(&error))?;
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

fn fresh_keys() -> Result<String, StartError> {
    let mut text = String::from(
        "# Made at the first start, for development only. Without them this folder's data is lost.\n",
    );
    for kind in KINDS {
        let mut secret = [0; KEY_BYTES];
        SysRng
            .try_fill_bytes(&mut secret)
            .map_err(|error| StartError::failed("random bytes", &error))?;
        text.push_str(&format!("{kind} = \"dev:{}\"\n", STANDARD.encode(secret)));
    }
    Ok(text)
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
