//! One try to sign in, from the way to the provider to the way back.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use usher_types::RawToken;

/// One secret that stays in the browser that began, and what travels in its place. Each is a hash of its own, with the issuer in it:
/// whoever sees the addresses that go to the provider and come back learns `state`, `nonce` and the challenge, and cannot tell the
/// verifier from them, nor what another provider would have been sent.
#[derive(Clone, Debug)]
pub struct Attempt {
    secret: RawToken,
    issuer: String,
}

impl Attempt {
    /// The attempt of this secret, of 256 random bits, at this provider.
    #[must_use]
    pub fn new(secret: RawToken, issuer: &str) -> Self {
        Self {
            secret,
            issuer: issuer.to_owned(),
        }
    }

    fn derived(&self, what: &str) -> String {
        let purpose = format!("oidc {what} {}", self.issuer);
        URL_SAFE_NO_PAD.encode(self.secret.hash(&purpose).to_vec())
    }

    /// What comes back in the address: a way back that belongs to another browser's beginning, or to another
    /// provider, is refused by it (RFC 9700 §4.4, §4.7).
    #[must_use]
    pub fn state(&self) -> String {
        self.derived("state")
    }

    /// What comes back in the ID token.
    #[must_use]
    pub fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// What the code is exchanged with (RFC 7636 §4.1).
    #[must_use]
    pub fn verifier(&self) -> String {
        self.derived("verifier")
    }

    /// The verifier's hash, which the provider keeps with the code (RFC 7636 §4.2, S256).
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i15_what_travels_tells_nothing_of_what_stays() {
        let of = |byte, issuer| Attempt::new(RawToken::from_bytes([byte; 32]), issuer);
        let attempt = of(7, "https://login.example");
        let all = [
            attempt.state(),
            attempt.nonce(),
            attempt.verifier(),
            attempt.challenge(),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 43);
            assert!(!all[..index].contains(one));
        }
        assert_ne!(attempt.state(), of(8, "https://login.example").state());
        assert_ne!(attempt.state(), of(7, "https://other.example").state());
        assert_eq!(
            format!("{attempt:?}"),
            "Attempt { secret: RawToken(…), issuer: \"https://login.example\" }"
        );
    }
}
