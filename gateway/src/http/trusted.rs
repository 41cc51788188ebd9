//! Documents that front ends have registered when they were built, by the SHA-256 of their text.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use usher_service::StartError;

/// What an id may begin with.
const PREFIX: &str = "sha256:";

/// The trusted documents.
#[derive(Debug, Default)]
pub(crate) struct Trusted {
    by_hash: HashMap<String, String>,
    /// Whether all others are refused.
    pub(super) only: bool,
}

impl Trusted {
    /// Reads manifests: JSON objects from hash to text, as GraphQL Code Generator and the Relay compiler write them.
    ///
    /// # Errors
    /// [`StartError::Settings`] for a file that cannot be read or has a hash that is not its text's.
    pub(crate) fn load<'a>(files: impl Iterator<Item = &'a str>, only: bool) -> Result<Self, StartError> {
        let mut by_hash = HashMap::new();
        for file in files {
            let refused =
                |why: String| StartError::settings(format!("gateway.trusted_documents: {file} {why}"));
            let text =
                std::fs::read_to_string(file).map_err(|error| refused(format!("cannot be read: {error}")))?;
            let documents: HashMap<String, String> = serde_json::from_str(&text)
                .map_err(|error| refused(format!("is no JSON object from hash to document: {error}")))?;
            for (id, document) in documents {
                let hash = hash(&document);
                if id.strip_prefix(PREFIX).unwrap_or(&id) != hash {
                    return Err(refused(format!(
                        "has {id}, which is not the SHA-256 of its document; tell your compiler to use it \
                         (hashAlgorithm: \"sha256\" of codegen, algorithm: \"SHA256\" of Relay)"
                    )));
                }
                by_hash.insert(hash, document);
            }
        }
        if only && by_hash.is_empty() {
            return Err(StartError::settings(
                "gateway.trusted_only refuses every document while gateway.trusted_documents names none",
            ));
        }
        Ok(Self { by_hash, only })
    }

    /// The document with this id, with or without the prefix `sha256:`.
    pub(super) fn find(&self, id: &str) -> Option<&str> {
        let hash = id.strip_prefix(PREFIX).unwrap_or(id);
        self.by_hash.get(hash).map(String::as_str)
    }

    /// Whether a document that was sent in full may be executed.
    pub(super) fn allows(&self, document: &str) -> bool {
        !self.only || self.by_hash.contains_key(&hash(document))
    }
}

fn hash(document: &str) -> String {
    let digest = Sha256::digest(document.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_sha_256_of_the_text() {
        assert_eq!(
            hash("query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"),
            "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e",
            "the example of the specification"
        );
    }
}
