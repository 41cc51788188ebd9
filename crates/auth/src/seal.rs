//! Tokens travel sealed (I9): only notifications can open them, and only for the message they were sealed for.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngExt;
use usher_types::{InvitationId, MessageId, OrganizationId, RawToken};

use crate::Keyring;

const NONCE_BYTES: usize = 12;

/// The seal does not open: another key, another message, or not a seal at all.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the seal does not open with these keys for this message")]
pub struct SealError;

/// What a seal is bound to (associated data of the AEAD).
#[derive(Clone, Copy, Debug)]
pub struct SealContext {
    /// The mail that will carry the link.
    pub message: MessageId,
    /// The invitation.
    pub invitation: InvitationId,
    /// The tenant.
    pub organization: OrganizationId,
}

impl SealContext {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = b"usher.token.v1".to_vec();
        for id in [
            self.message.uuid(),
            self.invitation.uuid(),
            self.organization.uuid(),
        ] {
            bytes.extend_from_slice(id.as_bytes());
        }
        bytes
    }
}

/// Seals a link's token: `{key id}:{base64}`.
///
/// # Errors
/// [`SealError`] where the cipher refuses, which it does for no input of this size.
pub fn seal_token(keys: &Keyring, context: SealContext, token: &RawToken) -> Result<String, SealError> {
    encrypt(keys, &context.bytes(), token.bytes())
}

/// Opens a sealed token.
///
/// # Errors
/// [`SealError`] where key, message, invitation or organization are not those it was sealed for.
pub fn open_token(keys: &Keyring, context: SealContext, sealed: &str) -> Result<RawToken, SealError> {
    let bytes = decrypt(keys, &context.bytes(), sealed)?;
    bytes.try_into().map(RawToken::from_bytes).map_err(|_| SealError)
}

/// Wraps a secret for keeping in a database: `{key id}:{base64}`.
///
/// # Errors
/// [`SealError`] where the cipher refuses.
pub fn wrap_secret(keys: &Keyring, purpose: &str, secret: &[u8]) -> Result<String, SealError> {
    encrypt(keys, purpose.as_bytes(), secret)
}

/// Unwraps what [`wrap_secret`] made for the same purpose.
///
/// # Errors
/// [`SealError`] where key or purpose are others.
pub fn unwrap_secret(keys: &Keyring, purpose: &str, wrapped: &str) -> Result<Vec<u8>, SealError> {
    decrypt(keys, purpose.as_bytes(), wrapped)
}

/// The id of the key that a secret was wrapped with; none for what is not wrapped at all.
#[must_use]
pub fn wrapped_with(wrapped: &str) -> Option<&str> {
    wrapped.split_once(':').map(|(id, _)| id)
}

fn encrypt(keys: &Keyring, associated: &[u8], plain: &[u8]) -> Result<String, SealError> {
    let (id, key) = keys.current();
    let nonce: [u8; NONCE_BYTES] = rand::rng().random();
    let cipher = Aes256Gcm::new(key.into());
    let payload = Payload {
        msg: plain,
        aad: associated,
    };
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| SealError)?;
    let mut bytes = nonce.to_vec();
    bytes.extend_from_slice(&sealed);
    Ok(format!("{id}:{}", STANDARD.encode(bytes)))
}

fn decrypt(keys: &Keyring, associated: &[u8], sealed: &str) -> Result<Vec<u8>, SealError> {
    let (id, encoded) = sealed.split_once(':').ok_or(SealError)?;
    let key = keys.get(id).ok_or(SealError)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| SealError)?;
    let (nonce, body) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError)?;
    let nonce = Nonce::try_from(nonce).map_err(|_| SealError)?;
    let cipher = Aes256Gcm::new(key.into());
    cipher
        .decrypt(
            &nonce,
            Payload {
                msg: body,
                aad: associated,
            },
        )
        .map_err(|_| SealError)
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    #[test]
    fn i9_a_seal_opens_only_for_its_own_message() {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let keys = Keyring::parse(&Keyring::generate_text("k1")).unwrap();
        let context = SealContext {
            message: MessageId::new(at),
            invitation: InvitationId::new(at),
            organization: OrganizationId::new(at),
        };
        let token = RawToken::from_bytes([9; 32]);
        let sealed = seal_token(&keys, context, &token).unwrap();
        assert!(!sealed.contains(&token.reveal()));
        assert_eq!(open_token(&keys, context, &sealed), Ok(token));
        let other = SealContext {
            message: MessageId::new(at),
            ..context
        };
        assert_eq!(open_token(&keys, other, &sealed), Err(SealError));
        let stranger = Keyring::parse(&Keyring::generate_text("k1")).unwrap();
        assert_eq!(open_token(&stranger, context, &sealed), Err(SealError));
        assert_eq!(open_token(&keys, context, "k1:AA=="), Err(SealError));
    }

    #[test]
    fn a_wrapped_secret_opens_for_its_own_purpose() {
        let keys = Keyring::parse(&Keyring::generate_text("k1")).unwrap();
        let wrapped = wrap_secret(&keys, "signing-key", b"secret").unwrap();
        assert_eq!(unwrap_secret(&keys, "signing-key", &wrapped).unwrap(), b"secret");
        assert_eq!(
            (wrapped_with(&wrapped), wrapped_with("secret")),
            (Some("k1"), None)
        );
        assert_eq!(unwrap_secret(&keys, "other", &wrapped), Err(SealError));
    }
}
