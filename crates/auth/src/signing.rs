//! The keys that sign access tokens, and those that verify them.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, OctetKeyPairParameters,
    OctetKeyPairType, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use ring::signature::{Ed25519KeyPair, KeyPair};
use uuid::Uuid;

use crate::claims::{ACCESS_TYPE, AUDIENCE, AccessClaims, Actor, ISSUER, SubjectKind};
use crate::{ACCESS_TOKEN_SECONDS, IMPERSONATION_SECONDS, Principal, Subject};

/// A key that cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// Not an Ed25519 key in PKCS#8.
    #[error("this is no Ed25519 key in PKCS#8")]
    Key,
    /// Services do not get access tokens, and a token needs organization and session.
    #[error("an access token is for a member or a contact with organization and session")]
    Subject,
    /// The signature could not be made.
    #[error("the token could not be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// The keys that were published cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the published keys cannot be read: {0}")]
pub struct InvalidJwks(String);

/// An Ed25519 key with its id.
pub struct SigningKey {
    id: String,
    encoding: EncodingKey,
    public: Vec<u8>,
}

impl SigningKey {
    /// A fresh key as PKCS#8, for keeping (wrapped) in a database.
    ///
    /// # Errors
    /// [`SigningError::Key`] where the operating system gives no randomness.
    pub fn generate() -> Result<Vec<u8>, SigningError> {
        let random = ring::rand::SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| SigningError::Key)?;
        Ok(document.as_ref().to_vec())
    }

    /// The key with this id from its PKCS#8 form.
    ///
    /// # Errors
    /// [`SigningError::Key`] where the bytes are something else.
    pub fn from_pkcs8(id: String, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| SigningError::Key)?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self {
            id,
            encoding: EncodingKey::from_ed_der(pkcs8),
            public,
        })
    }

    /// The id that stands in tokens and in the published set.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs an access token for the principal: `at+jwt`, five minutes from `now` (an impersonation's half an hour, I14), no
    /// address in it (I11).
    ///
    /// # Errors
    /// [`SigningError::Subject`] for a service, or without organization or session.
    pub fn sign(&self, principal: &Principal, now: DateTime<Utc>) -> Result<String, SigningError> {
        let (kind, sub) = match principal.subject {
            Subject::Member(id) => (SubjectKind::Member, id.uuid()),
            Subject::Contact(id) => (SubjectKind::Contact, id.uuid()),
            Subject::ServiceAccount(id) => (SubjectKind::ServiceAccount, id.uuid()),
            Subject::Service(_) => return Err(SigningError::Subject),
        };
        let (Some(org), Some(sid)) = (principal.organization, principal.session) else {
            return Err(SigningError::Subject);
        };
        let life = match principal.acting_member {
            Some(_) => IMPERSONATION_SECONDS,
            None => ACCESS_TOKEN_SECONDS,
        };
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub,
            // people come through our own pages and the API's signIn; a program is a client of its own (RFC 9068 §2.2)
            client_id: match kind {
                SubjectKind::ServiceAccount => sub.to_string(),
                _ => "usher".to_owned(),
            },
            iat: now.timestamp(),
            exp: principal
                .expires_at
                .min(now + TimeDelta::seconds(life))
                .timestamp(),
            jti: Uuid::new_v4(),
            sid,
            org,
            kind,
            permissions: principal.permissions,
            read_only: principal.read_only,
            act: principal.acting_member.map(|sub| Actor { sub }),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(ACCESS_TYPE.to_owned());
        header.kid = Some(self.id.clone());
        Ok(jsonwebtoken::encode(&header, &claims, &self.encoding)?)
    }

    fn jwk(&self) -> Jwk {
        Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(KeyAlgorithm::EdDSA),
                key_id: Some(self.id.clone()),
                ..CommonParameters::default()
            },
            algorithm: AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
                key_type: OctetKeyPairType::OctetKeyPair,
                curve: EllipticCurve::Ed25519,
                x: URL_SAFE_NO_PAD.encode(&self.public),
            }),
        }
    }

    /// The public halves as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(keys: &[&Self]) -> String {
        let set = JwkSet {
            keys: keys.iter().map(|key| key.jwk()).collect(),
        };
        // The set holds nothing but strings.
        serde_json::to_string(&set).unwrap_or_default()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The keys that verify access tokens, by their ids.
#[derive(Clone, Default)]
pub struct VerifyingKeys(HashMap<String, DecodingKey>);

impl VerifyingKeys {
    /// Reads a JSON Web Key Set. Keys that are not Ed25519 are left out: the algorithm is pinned.
    ///
    /// # Errors
    /// [`InvalidJwks`] where the text is no such set or holds no usable key.
    pub fn from_jwks(text: &str) -> Result<Self, InvalidJwks> {
        let set: JwkSet = serde_json::from_str(text).map_err(|error| InvalidJwks(error.to_string()))?;
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            let AlgorithmParameters::OctetKeyPair(parameters) = &jwk.algorithm else {
                continue;
            };
            let (Some(id), EllipticCurve::Ed25519) = (&jwk.common.key_id, &parameters.curve) else {
                continue;
            };
            let key = DecodingKey::from_ed_components(&parameters.x)
                .map_err(|error| InvalidJwks(error.to_string()))?;
            keys.insert(id.clone(), key);
        }
        if keys.is_empty() {
            Err(InvalidJwks("there is no Ed25519 key in it".to_owned()))
        } else {
            Ok(Self(keys))
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&DecodingKey> {
        self.0.get(id)
    }

    /// Whether there is any key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
