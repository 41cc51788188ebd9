//! What a provider that misbehaves could send; the key is the test's own.

use chrono::TimeZone;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example";

struct Bench {
    now: DateTime<Utc>,
    key: EncodingKey,
    keys: Keys,
    /// The public half, as it stands in the set.
    public: String,
}

fn jwk(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    serde_json::to_value(jwk).unwrap()
}

/// As RFC 8410 §7 writes a private key without its public half, the one form that `Jwk::from_encoding_key` reads.
fn ed() -> EncodingKey {
    let mut pkcs8 = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).unwrap();
    pkcs8.extend(seed);
    EncodingKey::from_ed_der(&pkcs8)
}

fn ec() -> EncodingKey {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EncodingKey::from_ec_der(pkcs8.as_ref())
}

fn bench() -> Bench {
    let key = ed();
    let published = jwk(&key, Algorithm::EdDSA, "k");
    let secret = json!({ "kty": "oct", "kid": "shared", "k": "c2VjcmV0" });
    let of_tomorrow = json!({ "kty": "LATTICE", "kid": "new" });
    let set = json!({ "keys": [of_tomorrow, secret, published] });
    Bench {
        now: Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap(),
        key,
        keys: Keys::read(set.to_string().as_bytes()).unwrap(),
        public: published["x"].as_str().unwrap().to_owned(),
    }
}

impl Bench {
    fn claims(&self) -> Value {
        let now = self.now.timestamp();
        json!({ "iss": ISSUER, "sub": "ada", "aud": "usher", "nonce": "n", "iat": now, "exp": now + 300 })
    }

    fn verified(&self, token: &str) -> Result<Map<String, Value>, Untrusted> {
        let expected = Expected {
            issuer: ISSUER,
            client_id: "usher",
            nonce: "n",
            now: self.now,
        };
        verify(token, &self.keys, expected)
    }

    fn signed(&self, claims: &Value) -> String {
        token(Algorithm::EdDSA, Some("k"), claims, &self.key)
    }

    /// The verdict about a token in which these claims are others.
    fn with(&self, change: Value) -> Option<Untrusted> {
        let mut claims = self.claims();
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        self.verified(&self.signed(&claims)).err()
    }
}

fn token(algorithm: Algorithm, id: Option<&str>, claims: &Value, key: &EncodingKey) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    encode(&header, claims, key).unwrap()
}

#[test]
fn i15_an_id_token_is_trusted_with_everything_right() {
    let bench = bench();
    let claims = bench.verified(&bench.signed(&bench.claims())).unwrap();
    assert_eq!(claims["sub"], "ada");
    let unnamed = token(Algorithm::EdDSA, None, &bench.claims(), &bench.key);
    assert!(bench.verified(&unnamed).is_ok());
    for fine in [
        json!({ "aud": ["usher"] }),
        json!({ "aud": ["usher", "other"], "azp": "usher" }),
        json!({ "azp": "usher" }),
    ] {
        assert_eq!(bench.with(fine.clone()), None, "{fine}");
    }
}

#[test]
fn i15_an_id_token_of_another_issuer_client_attempt_or_time_is_refused() {
    let bench = bench();
    let now = bench.now.timestamp();
    for (change, reason) in [
        (json!({ "iss": "https://login.example/" }), Untrusted::Issuer),
        (json!({ "iss": "https://evil.example" }), Untrusted::Issuer),
        (json!({ "aud": "other" }), Untrusted::Audience),
        (json!({ "aud": [] }), Untrusted::Audience),
        (json!({ "aud": ["usher", "other"] }), Untrusted::Audience),
        (
            json!({ "aud": ["usher", "other"], "azp": "other" }),
            Untrusted::Audience,
        ),
        (json!({ "azp": "other" }), Untrusted::Audience),
        (json!({ "nonce": "m" }), Untrusted::Nonce),
        (json!({ "nonce": null }), Untrusted::Nonce),
        (json!({ "exp": now - 60 }), Untrusted::Time),
        (json!({ "iat": now + 61 }), Untrusted::Time),
        (json!({ "iat": now - 601 }), Untrusted::Time),
        (json!({ "nbf": now + 61 }), Untrusted::Time),
        (json!({ "sub": "" }), Untrusted::Subject),
        (json!({ "sub": "x".repeat(256) }), Untrusted::Subject),
        (json!({ "sub": null }), Untrusted::Unreadable),
        (json!({ "exp": null }), Untrusted::Unreadable),
        (json!({ "iat": null }), Untrusted::Unreadable),
        (json!({ "aud": null }), Untrusted::Unreadable),
        (json!({ "exp": "tomorrow" }), Untrusted::Unreadable),
    ] {
        assert_eq!(bench.with(change.clone()), Some(reason), "{change}");
    }
    // the minute by which clocks may differ
    assert_eq!(bench.with(json!({ "exp": now - 59 })), None);
    assert_eq!(bench.with(json!({ "iat": now + 60 })), None);
}

#[test]
fn i15_an_id_token_is_signed_by_a_published_key_with_that_keys_algorithm() {
    let bench = bench();
    let claims = bench.claims();
    let refused = |token: &str| bench.verified(token).unwrap_err();
    // the public half, and a secret of the set, as in the oldest tricks against JWT
    let public = EncodingKey::from_secret(bench.public.as_bytes());
    let shared = EncodingKey::from_secret(b"secret");
    assert_eq!(
        refused(&token(Algorithm::HS256, Some("k"), &claims, &public)),
        Untrusted::Signature
    );
    assert_eq!(
        refused(&token(Algorithm::HS256, None, &claims, &public)),
        Untrusted::UnknownKey
    );
    assert_eq!(
        refused(&token(Algorithm::HS256, Some("shared"), &claims, &shared)),
        Untrusted::UnknownKey
    );
    // {"alg":"none","kid":"k"}
    let right = bench.signed(&claims);
    let body = right.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwia2lkIjoiayJ9.{body}.");
    assert_eq!(refused(&none), Untrusted::Unreadable);
    assert_eq!(
        refused(&token(Algorithm::EdDSA, Some("k"), &claims, &ed())),
        Untrusted::Signature
    );
    assert_eq!(
        refused(&token(Algorithm::EdDSA, Some("next"), &claims, &bench.key)),
        Untrusted::UnknownKey
    );
    // without an id it may be a new key's
    assert_eq!(
        refused(&token(Algorithm::EdDSA, None, &claims, &ed())),
        Untrusted::UnknownKey
    );
    let other = token(Algorithm::ES256, Some("k"), &claims, &ec());
    assert_eq!(refused(&other), Untrusted::Signature);
    let mut altered = claims.clone();
    altered["sub"] = json!("grace");
    let altered = bench.signed(&altered);
    let mixed: Vec<&str> = [altered.split('.').collect::<Vec<_>>(), right.split('.').collect()]
        .concat()
        .into_iter()
        .enumerate()
        .filter_map(|(place, part)| [0, 1, 5].contains(&place).then_some(part))
        .collect();
    assert_eq!(refused(&mixed.join(".")), Untrusted::Signature);
    for nothing in ["", "a.b", "a.b.c", "...."] {
        assert_eq!(refused(nothing), Untrusted::Unreadable, "{nothing}");
    }
}

#[test]
fn i15_keys_are_taken_for_what_they_are() {
    let key = ec();
    let published = jwk(&key, Algorithm::ES256, "e");
    let with = |changes: Value| {
        let mut key = published.clone();
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        let set = json!({ "keys": [key] }).to_string();
        Keys::read(set.as_bytes())
            .unwrap()
            .of(Some("e"), Algorithm::ES256)
            .count()
    };
    assert_eq!(with(json!({})), 1);
    assert_eq!(with(json!({ "alg": "ES384" })), 0);
    assert_eq!(with(json!({ "alg": "HS256" })), 0);
    assert_eq!(with(json!({ "use": "enc" })), 0);
    let short = json!({ "keys": [{ "kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB" }] });
    let keys = Keys::read(short.to_string().as_bytes()).unwrap();
    assert_eq!(keys.of(Some("r"), Algorithm::RS256).count(), 0);
    assert!(Keys::read(b"{}").is_err() && Keys::read(b"no").is_err());
}
