//! Signing in at an OpenID Connect provider: the authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0 §3.1,
//! RFC 7636, RFC 9700), as a client with a secret.
//!
//! Who somebody is comes out, with what the provider says of them. What that is worth here is not this crate's to say.

mod attempt;
mod claims;
mod http;
mod id_token;
mod keys;
mod metadata;
mod provider;
mod published;
mod registration;

pub use attempt::Attempt;
pub use claims::Claims;
pub use http::Http;
pub use id_token::{Expected, Untrusted, verify};
pub use keys::Keys;
pub use provider::Provider;
pub use registration::{Registration, WrongRegistration, is_guarded};

/// Why nobody can be signed in. No text of the provider's is in it but short names of errors: it may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The provider does not answer, or says that it cannot: later it may.
    #[error("the identity provider is away: {0}")]
    Away(String),
    /// It answers otherwise than a provider must, or does not know us: somebody has to mend settings, here or there.
    #[error("the identity provider does not serve us: {0}")]
    Wrong(String),
    /// What the browser brought is good for nothing, or not any more.
    #[error("the sign-in was refused: {0}")]
    Refused(String),
}
