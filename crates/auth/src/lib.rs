//! Who is asking, and what they may do.
//!
//! Every service verifies tokens and looks at permissions by itself: the gateway's checks only refuse earlier. This
//! crate knows no database; verification keys and ended sessions are handed to the [`Verifier`].

mod claims;
mod keyring;
mod operation;
mod permission;
mod principal;
mod revocation;
mod role;
mod seal;
mod service_token;
mod signing;
mod verifier;

pub use keyring::{InvalidKeyring, Keyring};
pub use operation::{Access, Denied, Operation, authorize};
pub use permission::{Permission, PermissionSet};
pub use principal::{Principal, Service, Subject};
pub use revocation::EndedSessions;
pub use role::Role;
pub use seal::{SealContext, SealError, open_token, seal_token, unwrap_secret, wrap_secret, wrapped_with};
pub use service_token::{ServiceTokens, service_may_call};
pub use signing::{InvalidJwks, SigningError, SigningKey, VerifyingKeys};
pub use verifier::{InvalidToken, Verifier};

/// Life of an access token in seconds (I11).
pub const ACCESS_TOKEN_SECONDS: i64 = 300;

/// Life of an impersonation's only token in seconds (I14): there is no refresh token beside it.
pub const IMPERSONATION_SECONDS: i64 = 1_800;
