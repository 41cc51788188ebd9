//! Verification of tokens, in every service by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Validation};
use sha2::{Digest, Sha256};
use usher_types::{ContactId, MemberId, SessionId, SharedClock};

use crate::claims::{ACCESS_TYPE, AUDIENCE, AccessClaims, ISSUER, SERVICE_TYPE, SubjectKind};
use crate::{EndedSessions, Principal, ServiceTokens, Subject, VerifyingKeys};

/// Why a token is refused. Its holder learns whether it has run out, since refreshing helps then, and no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It was good and has run out.
    #[error("the access token has expired: refresh the session")]
    Expired,
    /// It never was good, or its session has ended.
    #[error("the token is not valid")]
    Refused,
}

/// Tokens whose signature was checked are remembered by their hash, up to this number.
const CACHE_SIZE: usize = 10_000;

/// Verifies access tokens and service tokens. Cheap to clone; all clones share keys and ended sessions.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: ArcSwap<VerifyingKeys>,
    ended: ArcSwap<EndedSessions>,
    services: ServiceTokens,
    clock: SharedClock,
    cache: Mutex<HashMap<[u8; 32], Arc<Principal>>>,
}

impl Verifier {
    /// A verifier without keys: until [`Verifier::set_keys`] no access token is valid.
    #[must_use]
    pub fn new(services: ServiceTokens, clock: SharedClock) -> Self {
        Self(Arc::new(Inner {
            keys: ArcSwap::default(),
            ended: ArcSwap::default(),
            services,
            clock,
            cache: Mutex::new(HashMap::new()),
        }))
    }

    /// Replaces the verification keys. Tokens seen before are checked anew.
    pub fn set_keys(&self, keys: VerifyingKeys) {
        self.0.keys.store(Arc::new(keys));
        self.cache().clear();
    }

    /// Forgets which sessions had ended: a snapshot follows.
    pub fn reset_ended(&self, ended: impl IntoIterator<Item = (SessionId, DateTime<Utc>)>) {
        self.0
            .ended
            .store(Arc::new(EndedSessions::default().with(ended, self.0.clock.now())));
    }

    /// Adds sessions that have ended.
    pub fn add_ended(&self, ended: impl IntoIterator<Item = (SessionId, DateTime<Utc>)>) {
        let ended: Vec<_> = ended.into_iter().collect();
        let now = self.0.clock.now();
        self.0.ended.rcu(|before| before.with(ended.iter().copied(), now));
    }

    /// Whether verification keys have arrived.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.0.keys.load().is_empty()
    }

    /// The holder of a token.
    ///
    /// # Errors
    /// [`InvalidToken`] where signature, type, issuer, audience or time are not right, or its session has ended.
    pub fn verify(&self, token: &str) -> Result<Arc<Principal>, InvalidToken> {
        let now = self.0.clock.now();
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let cached = self.cache().get(&hash).cloned();
        let principal = match cached {
            Some(principal) => principal,
            None => self.check_and_remember(token, hash, now)?,
        };
        // Whether it has run out, and whether its session has ended, is asked every time.
        let ended = principal
            .session
            .is_some_and(|session| self.0.ended.load().contains(session));
        if ended {
            return Err(InvalidToken::Refused);
        }
        if principal.expires_at <= now {
            return Err(InvalidToken::Expired);
        }
        Ok(principal)
    }

    fn check_and_remember(
        &self,
        token: &str,
        hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Arc<Principal>, InvalidToken> {
        let principal = Arc::new(self.check(token, now)?);
        let mut cache = self.cache();
        if cache.len() >= CACHE_SIZE {
            cache.retain(|_, principal| principal.expires_at > now);
            if cache.len() >= CACHE_SIZE {
                cache.clear();
            }
        }
        cache.insert(hash, Arc::clone(&principal));
        Ok(principal)
    }

    fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Principal, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken::Refused)?;
        let key_id = header.kid.as_deref().ok_or(InvalidToken::Refused)?;
        // The type says which check applies; each check pins its own algorithm and keys.
        match header.typ.as_deref() {
            Some(ACCESS_TYPE) => self.check_access(token, key_id),
            Some(SERVICE_TYPE) => self.0.services.verify(token, key_id, now),
            _ => Err(InvalidToken::Refused),
        }
    }

    fn check_access(&self, token: &str, key_id: &str) -> Result<Principal, InvalidToken> {
        let keys = self.0.keys.load();
        let key = keys.get(key_id).ok_or(InvalidToken::Refused)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Time is an argument here: `verify` compares it.
        validation.validate_exp = false;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let claims = jsonwebtoken::decode::<AccessClaims>(token, key, &validation)
            .map_err(|_| InvalidToken::Refused)?
            .claims;
        let subject = match claims.kind {
            SubjectKind::Member => Subject::Member(MemberId::from(claims.sub)),
            SubjectKind::Contact => Subject::Contact(ContactId::from(claims.sub)),
            SubjectKind::ServiceAccount => Subject::ServiceAccount(MemberId::from(claims.sub)),
        };
        Ok(Principal {
            organization: Some(claims.org),
            subject,
            session: Some(claims.sid),
            permissions: claims.permissions,
            read_only: claims.read_only,
            acting_member: claims.act.map(|actor| actor.sub),
            expires_at: DateTime::from_timestamp(claims.exp, 0).ok_or(InvalidToken::Refused)?,
        })
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Arc<Principal>>> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Verifier")
            .field("ready", &self.is_ready())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};
    use usher_types::{FixedClock, OrganizationId};

    use super::*;
    use crate::{Keyring, PermissionSet, Service, SigningKey};

    struct Bench {
        clock: Arc<FixedClock>,
        key: SigningKey,
        services: Keyring,
        verifier: Verifier,
    }

    fn bench() -> Bench {
        let clock = Arc::new(FixedClock::new(
            Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap(),
        ));
        let services = Keyring::parse(&Keyring::generate_text("s")).unwrap();
        let key = SigningKey::from_pkcs8("k1".into(), &SigningKey::generate().unwrap()).unwrap();
        let verifier = Verifier::new(
            ServiceTokens::new(services.clone(), Service::Contacts),
            clock.clone(),
        );
        verifier.set_keys(VerifyingKeys::from_jwks(&SigningKey::jwks(&[&key])).unwrap());
        Bench {
            clock,
            key,
            services,
            verifier,
        }
    }

    fn member(bench: &Bench) -> Principal {
        use usher_types::Clock;
        let now = bench.clock.now();
        Principal {
            organization: Some(OrganizationId::new(now)),
            subject: Subject::Member(MemberId::new(now)),
            session: Some(SessionId::new(now)),
            permissions: PermissionSet::all(),
            read_only: false,
            acting_member: None,
            expires_at: now + TimeDelta::minutes(5),
        }
    }

    #[test]
    fn i11_an_access_token_is_verified_and_ends_after_five_minutes() {
        use usher_types::Clock;
        let bench = bench();
        let principal = member(&bench);
        let token = bench.key.sign(&principal, bench.clock.now()).unwrap();
        assert_eq!(*bench.verifier.verify(&token).unwrap(), principal);
        bench.clock.advance(TimeDelta::seconds(299));
        assert!(bench.verifier.verify(&token).is_ok());
        bench.clock.advance(TimeDelta::seconds(1));
        assert_eq!(bench.verifier.verify(&token), Err(InvalidToken::Expired));
        bench.clock.advance(TimeDelta::seconds(-1));
        let session = principal.session.unwrap();
        bench.verifier.add_ended([(session, principal.expires_at)]);
        assert_eq!(bench.verifier.verify(&token), Err(InvalidToken::Refused));
    }

    #[test]
    fn i11_an_ended_session_is_refused_although_its_token_was_seen_before() {
        use usher_types::Clock;
        let bench = bench();
        let principal = member(&bench);
        let token = bench.key.sign(&principal, bench.clock.now()).unwrap();
        assert!(bench.verifier.verify(&token).is_ok());
        bench
            .verifier
            .add_ended([(principal.session.unwrap(), principal.expires_at)]);
        assert_eq!(bench.verifier.verify(&token), Err(InvalidToken::Refused));
        bench.verifier.reset_ended([]);
        assert!(bench.verifier.verify(&token).is_ok());
    }

    #[test]
    fn i11_foreign_keys_and_altered_tokens_are_refused() {
        use usher_types::Clock;
        let bench = bench();
        let stranger = SigningKey::from_pkcs8("k1".into(), &SigningKey::generate().unwrap()).unwrap();
        let token = stranger.sign(&member(&bench), bench.clock.now()).unwrap();
        assert_eq!(bench.verifier.verify(&token), Err(InvalidToken::Refused));
        let token = bench.key.sign(&member(&bench), bench.clock.now()).unwrap();
        assert_eq!(
            bench.verifier.verify(&format!("{token}A")),
            Err(InvalidToken::Refused)
        );
        assert_eq!(bench.verifier.verify("not a token"), Err(InvalidToken::Refused));
    }

    #[test]
    fn i11_type_issuer_audience_and_algorithm_are_pinned() {
        use jsonwebtoken::{Algorithm, EncodingKey, Header};
        use usher_types::Clock;
        let bench = bench();
        let now = bench.clock.now();
        let pkcs8 = SigningKey::generate().unwrap();
        let key = SigningKey::from_pkcs8("k2".into(), &pkcs8).unwrap();
        let jwks = SigningKey::jwks(&[&bench.key, &key]);
        bench.verifier.set_keys(VerifyingKeys::from_jwks(&jwks).unwrap());
        let claims = |issuer: &str, audience: &str| {
            serde_json::json!({
                "iss": issuer, "aud": audience, "sub": uuid::Uuid::new_v4(), "client_id": "usher", "jti": uuid::Uuid::new_v4(),
                "iat": now.timestamp(), "exp": now.timestamp() + 300, "sid": uuid::Uuid::new_v4(),
                "org": uuid::Uuid::new_v4(), "kind": "member", "permissions": ["contacts.read"],
            })
        };
        let ours = EncodingKey::from_ed_der(&pkcs8);
        let sign = |algorithm, kind: Option<&str>, claims: &serde_json::Value, key: &EncodingKey| {
            let mut header = Header::new(algorithm);
            header.typ = kind.map(str::to_owned);
            header.kid = Some("k2".to_owned());
            jsonwebtoken::encode(&header, claims, key).unwrap()
        };
        let right = claims(ISSUER, AUDIENCE);
        let access = Some(ACCESS_TYPE);
        assert!(
            bench
                .verifier
                .verify(&sign(Algorithm::EdDSA, access, &right, &ours))
                .is_ok()
        );
        // the public half as a shared secret, as in the oldest trick against JWT
        let published: serde_json::Value = serde_json::from_str(&jwks).unwrap();
        let public = published["keys"][1]["x"].as_str().unwrap();
        let secret = EncodingKey::from_secret(public.as_bytes());
        let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoiazIifQ";
        let body = sign(Algorithm::EdDSA, access, &right, &ours);
        let body = body.split('.').nth(1).unwrap();
        for (what, token) in [
            ("type", sign(Algorithm::EdDSA, Some("JWT"), &right, &ours)),
            ("no type", sign(Algorithm::EdDSA, None, &right, &ours)),
            (
                "service type",
                sign(Algorithm::EdDSA, Some(SERVICE_TYPE), &right, &ours),
            ),
            (
                "issuer",
                sign(Algorithm::EdDSA, access, &claims("other", AUDIENCE), &ours),
            ),
            (
                "audience",
                sign(Algorithm::EdDSA, access, &claims(ISSUER, "other"), &ours),
            ),
            ("algorithm", sign(Algorithm::HS256, access, &right, &secret)),
            ("none", format!("{unsigned}.{body}.")),
        ] {
            assert_eq!(
                bench.verifier.verify(&token),
                Err(InvalidToken::Refused),
                "{what}"
            );
        }
    }

    #[test]
    fn i14_an_impersonation_lives_half_an_hour_and_is_marked() {
        use usher_types::{Clock, ContactId};
        let bench = bench();
        let principal = Principal {
            subject: Subject::Contact(ContactId::new(bench.clock.now())),
            permissions: PermissionSet::NONE,
            read_only: true,
            acting_member: Some(MemberId::new(bench.clock.now())),
            expires_at: bench.clock.now() + TimeDelta::hours(2),
            ..member(&bench)
        };
        let token = bench.key.sign(&principal, bench.clock.now()).unwrap();
        bench.clock.advance(TimeDelta::seconds(1_799));
        let verified = bench.verifier.verify(&token).unwrap();
        assert_eq!(
            (verified.read_only, verified.acting_member),
            (true, principal.acting_member)
        );
        bench.clock.advance(TimeDelta::seconds(1));
        assert_eq!(bench.verifier.verify(&token), Err(InvalidToken::Expired));
    }

    #[test]
    fn i15_a_service_accounts_token_names_it_as_its_client() {
        use base64::Engine;
        use usher_types::Clock;
        let bench = bench();
        let id = MemberId::new(bench.clock.now());
        let principal = Principal {
            subject: Subject::ServiceAccount(id),
            ..member(&bench)
        };
        let token = bench.key.sign(&principal, bench.clock.now()).unwrap();
        assert_eq!(*bench.verifier.verify(&token).unwrap(), principal);
        let body = token.split('.').nth(1).unwrap();
        let body = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(body)
            .unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (claims["sub"].as_str(), claims["client_id"].as_str()),
            (Some(id.to_string().as_str()), Some(id.to_string().as_str()))
        );
    }

    #[test]
    fn a_service_token_is_good_for_its_audience_and_callers_alone() {
        use usher_types::Clock;
        let bench = bench();
        let now = bench.clock.now();
        let invitations = ServiceTokens::new(bench.services.clone(), Service::Invitations);
        let token = invitations
            .mint(Service::Contacts, Some(OrganizationId::new(now)), now)
            .unwrap();
        assert_eq!(
            bench.verifier.verify(&token).unwrap().subject,
            Subject::Service(Service::Invitations)
        );
        let elsewhere = invitations.mint(Service::Notifications, None, now).unwrap();
        assert_eq!(bench.verifier.verify(&elsewhere), Err(InvalidToken::Refused));
        let contacts = ServiceTokens::new(bench.services.clone(), Service::Contacts);
        let itself = contacts.mint(Service::Contacts, None, now).unwrap();
        assert_eq!(bench.verifier.verify(&itself), Err(InvalidToken::Refused));
        bench.clock.advance(TimeDelta::seconds(60));
        assert_eq!(bench.verifier.verify(&token), Err(InvalidToken::Expired));
    }
}
