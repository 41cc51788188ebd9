//! Keys of what is counted, so that no table collects the addresses of strangers.

use sha2::{Digest, Sha256};

/// The SHA-256 of `parts`, apart for each purpose.
pub(super) fn fingerprint(purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(purpose.as_bytes());
    for part in parts {
        hash.update([0]);
        hash.update(part);
    }
    hash.finalize().to_vec()
}
