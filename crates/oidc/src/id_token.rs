//! ID tokens: whose they are, for whom, and for how long (OpenID Connect Core 1.0 §3.1.3.7).

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Keys;

/// Clocks of provider and service may differ by so much.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// A token is shown right after it was made: one that is older was kept by somebody.
const OLDEST: TimeDelta = TimeDelta::minutes(10);
/// §2.
const LONGEST_SUBJECT: usize = 255;

/// What a token has to say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Exactly so.
    pub issuer: &'a str,
    /// Ours.
    pub client_id: &'a str,
    /// Of this attempt.
    pub nonce: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
}

/// Why a token is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// No JWT, or one whose algorithm is none or one that we do not know.
    #[error("the ID token cannot be read")]
    Unreadable,
    /// The provider has published no key of this id: it may have a new one.
    #[error("the ID token is signed with a key that the provider has not published")]
    UnknownKey,
    /// The key's, for this algorithm.
    #[error("the ID token's signature is not right")]
    Signature,
    /// Another issuer.
    #[error("the ID token is another issuer's")]
    Issuer,
    /// For somebody else.
    #[error("the ID token is for another client")]
    Audience,
    /// Of another attempt.
    #[error("the ID token is of another attempt to sign in")]
    Nonce,
    /// Run out, not yet good, or kept.
    #[error("the ID token has run out, or is not good yet")]
    Time,
    /// Of nobody.
    #[error("the ID token names nobody")]
    Subject,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Said {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
}

/// The claims of a token that is right in everything.
///
/// # Errors
/// [`Untrusted`], the first thing that is not.
pub fn verify(token: &str, keys: &Keys, expected: Expected<'_>) -> Result<Map<String, Value>, Untrusted> {
    let claims = signed(token, keys)?;
    let said = Said::deserialize(Value::Object(claims.clone())).map_err(|_| Untrusted::Unreadable)?;
    if said.iss != expected.issuer {
        return Err(Untrusted::Issuer);
    }
    if !is_for(&said, expected.client_id) {
        return Err(Untrusted::Audience);
    }
    if !is_good(&said, expected.now) {
        return Err(Untrusted::Time);
    }
    if said.nonce.as_deref() != Some(expected.nonce) {
        return Err(Untrusted::Nonce);
    }
    if said.sub.is_empty() || said.sub.len() > LONGEST_SUBJECT || said.sub.contains('\0') {
        return Err(Untrusted::Subject);
    }
    Ok(claims)
}

fn signed(token: &str, keys: &Keys) -> Result<Map<String, Value>, Untrusted> {
    let header = decode_header(token).map_err(|_| Untrusted::Unreadable)?;
    let id = header.kid.as_deref();
    let mut validation = Validation::new(header.alg);
    // the rest is looked at claim by claim: time is an argument here
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    keys.of(id, header.alg)
        .find_map(|key| decode::<Map<String, Value>>(token, key, &validation).ok())
        .map(|data| data.claims)
        .ok_or(match id {
            Some(id) if keys.has(id) => Untrusted::Signature,
            // a new key may fit
            _ => Untrusted::UnknownKey,
        })
}

/// Among several audiences the one that the token was made for has to be named, and it is us.
fn is_for(said: &Said, client_id: &str) -> bool {
    let named = match &said.aud {
        Audience::One(audience) => audience == client_id,
        Audience::Several(audiences) => {
            let several = audiences.len() > 1 && said.azp.is_none();
            audiences.iter().any(|audience| audience == client_id) && !several
        }
    };
    named && said.azp.as_ref().is_none_or(|party| party == client_id)
}

fn is_good(said: &Said, now: DateTime<Utc>) -> bool {
    // a double holds them exactly for millions of years
    let seconds = |at: DateTime<Utc>| at.timestamp() as f64;
    said.exp > seconds(now - LEEWAY)
        && said.iat <= seconds(now + LEEWAY)
        && said.iat >= seconds(now - OLDEST)
        && said.nbf.is_none_or(|nbf| nbf <= seconds(now + LEEWAY))
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;
