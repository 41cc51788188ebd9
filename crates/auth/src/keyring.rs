//! Lists of symmetric keys: the first is used, all are accepted.

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngExt;

/// The text is no list of keys.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("write keys as id:base64,id:base64 with 32 bytes each, the first of which is used")]
pub struct InvalidKeyring;

/// Keys with their ids. `Debug` shows the ids only.
#[derive(Clone)]
pub struct Keyring(Vec<(String, [u8; 32])>);

impl Keyring {
    /// Reads `id:base64,id:base64`.
    ///
    /// # Errors
    /// Where there is no key, an id is empty or repeated, or a key does not have 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidKeyring> {
        let mut keys: Vec<(String, [u8; 32])> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (id, encoded) = part.split_once(':').ok_or(InvalidKeyring)?;
            let key = STANDARD.decode(encoded).map_err(|_| InvalidKeyring)?;
            let key: [u8; 32] = key.try_into().map_err(|_| InvalidKeyring)?;
            if id.is_empty() || keys.iter().any(|(other, _)| other == id) {
                return Err(InvalidKeyring);
            }
            keys.push((id.to_owned(), key));
        }
        if keys.is_empty() {
            Err(InvalidKeyring)
        } else {
            Ok(Self(keys))
        }
    }

    /// A list of one fresh key, in the form that [`Keyring::parse`] reads.
    #[must_use]
    pub fn generate_text(id: &str) -> String {
        let key: [u8; 32] = rand::rng().random();
        format!("{id}:{}", STANDARD.encode(key))
    }

    /// The key that is used.
    #[must_use]
    pub fn current(&self) -> (&str, &[u8; 32]) {
        // `parse` refuses an empty list.
        let (id, key) = &self.0[0];
        (id, key)
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&[u8; 32]> {
        self.0
            .iter()
            .find(|(candidate, _)| candidate == id)
            .map(|(_, key)| key)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|(id, _)| id))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_used_and_all_are_accepted() {
        let text = format!("{},{}", Keyring::generate_text("b"), Keyring::generate_text("a"));
        let keys = Keyring::parse(&text).unwrap();
        assert_eq!(keys.current().0, "b");
        assert!(keys.get("a").is_some());
        assert_eq!(format!("{keys:?}"), r#"["b", "a"]"#);
    }

    #[test]
    fn a_list_that_cannot_be_right_is_refused() {
        let once = Keyring::generate_text("a");
        for text in [
            "",
            "a",
            "a:short",
            &format!("{once},{once}"),
            &once.replace("a:", ":"),
        ] {
            assert_eq!(Keyring::parse(text).err(), Some(InvalidKeyring), "{text}");
        }
    }
}
