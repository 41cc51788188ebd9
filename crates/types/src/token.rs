//! Tokens of links and sessions: 256 random bits, of which only the SHA-256 is kept (I9).

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngExt;
use sha2::{Digest, Sha256};

const BYTES: usize = 32;

/// A token in clear, as it stands in a link. It is neither printed by `Debug` nor serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct RawToken([u8; BYTES]);

impl RawToken {
    /// The token with these bits.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads the text of a link; anything but 256 bits in base64url is no token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text that goes into a link.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The bits, for sealing.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// What is stored, and looked up by. `purpose` separates the kinds of token, so that one is good for nothing else.
    #[must_use]
    pub fn hash(&self, purpose: &str) -> TokenHash {
        let mut hasher = Sha256::new();
        hasher.update(purpose.as_bytes());
        hasher.update([0]);
        hasher.update(self.0);
        TokenHash(hasher.finalize().into())
    }
}

impl std::fmt::Debug for RawToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RawToken(…)")
    }
}

/// The SHA-256 of a token with its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; BYTES]);

impl TokenHash {
    /// For storage.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// Makes tokens; an argument, so that tests can say which.
pub trait TokenGenerator: Send + Sync + std::fmt::Debug {
    /// A fresh token.
    fn token(&self) -> RawToken;
}

/// A token generator that is handed around.
pub type SharedTokens = Arc<dyn TokenGenerator>;

/// Tokens from the operating system's randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemTokens;

impl TokenGenerator for SystemTokens {
    fn token(&self) -> RawToken {
        RawToken(rand::rng().random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_a_token_has_256_bits_and_survives_its_link() {
        let token = SystemTokens.token();
        assert_eq!(token.reveal().len(), 43);
        assert_eq!(RawToken::parse(&token.reveal()), Some(token));
        assert_eq!(RawToken::parse("short"), None);
    }

    #[test]
    fn i9_a_token_is_good_for_its_own_purpose_alone() {
        let token = RawToken::from_bytes([7; 32]);
        assert_ne!(token.hash("invitation"), token.hash("refresh"));
        assert_eq!(format!("{token:?}"), "RawToken(…)");
    }
}
