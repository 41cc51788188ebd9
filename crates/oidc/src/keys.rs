//! The keys that a provider signs with (RFC 7517).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The shortest RSA key that is taken, in bytes (RFC 7518 §3.3).
const SHORTEST_RSA: usize = 256;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

struct Key {
    id: Option<String>,
    /// Those that it may have signed with: asymmetric ones all of them.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Public keys with the algorithms that each is good for. An algorithm is the key's, never the token's to say (RFC 8725 §3.1).
#[derive(Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Reads a JSON Web Key Set. Secrets, keys for encryption, short ones and those of kinds that we do not know are left out.
    ///
    /// # Errors
    /// Where the text is no such set.
    pub fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        let set: Set = serde_json::from_slice(json)?;
        // one by one: a kind of tomorrow must not take the others along
        let keys = set.keys.into_iter().filter_map(|key| {
            let jwk: Jwk = serde_json::from_value(key).ok()?;
            let purpose = jwk.common.public_key_use.as_ref();
            if purpose.is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
                return None;
            }
            let mut algorithms = good_for(&jwk.algorithm);
            if let Some(named) = &jwk.common.key_algorithm {
                algorithms.retain(|algorithm| same(*algorithm, named));
            }
            let key = DecodingKey::from_jwk(&jwk).ok()?;
            (!algorithms.is_empty()).then_some(Key {
                id: jwk.common.key_id,
                algorithms,
                key,
            })
        });
        Ok(Self(keys.collect()))
    }

    /// The keys that may have signed a token with this head. One without an id may be any key's, and a key without one any token's.
    pub(crate) fn of<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a DecodingKey> {
        self.0
            .iter()
            .filter(move |key| key.may_be(id))
            .filter(move |key| key.algorithms.contains(&algorithm))
            .map(|key| &key.key)
    }

    /// Whether this id is a key's.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

impl Key {
    fn may_be(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(own), Some(id)) => own == id,
            _ => true,
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|key| &key.id))
            .finish()
    }
}

fn good_for(parameters: &AlgorithmParameters) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(rsa)
            if URL_SAFE_NO_PAD
                .decode(&rsa.n)
                .is_ok_and(|modulus| modulus.len() >= SHORTEST_RSA) =>
        {
            vec![RS256, RS384, RS512, PS256, PS384, PS512]
        }
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![ES256],
            EllipticCurve::P384 => vec![ES384],
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => vec![EdDSA],
        _ => Vec::new(),
    }
}

/// Both are written alike.
fn same(algorithm: Algorithm, named: &KeyAlgorithm) -> bool {
    let text = |value: serde_json::Result<Value>| value.ok();
    text(serde_json::to_value(algorithm)) == text(serde_json::to_value(named))
}
