//! Tokens of background work: one service speaks to another, for one organization, for a minute.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use usher_types::OrganizationId;

use crate::claims::{SERVICE_TYPE, ServiceClaims};
use crate::verifier::InvalidToken;
use crate::{Keyring, PermissionSet, Principal, Service, SigningError, Subject};

const SECONDS: i64 = 60;

/// Who may call whom with a service token.
#[must_use]
pub const fn service_may_call(caller: Service, callee: Service) -> bool {
    use Service::{Contacts, Gateway, Invitations, Notifications};
    matches!(
        (caller, callee),
        (Gateway, _)
            | (Invitations, Contacts | Notifications)
            | (Notifications, Contacts)
            // Verification keys and ended sessions come from invitations.
            | (Contacts | Notifications, Invitations)
    )
}

/// Makes and verifies service tokens.
#[derive(Clone, Debug)]
pub struct ServiceTokens {
    keys: Keyring,
    me: Service,
}

impl ServiceTokens {
    /// For the service `me`, with the keys that all services share.
    #[must_use]
    pub const fn new(keys: Keyring, me: Service) -> Self {
        Self { keys, me }
    }

    /// The service that these are made by and for.
    #[must_use]
    pub const fn me(&self) -> Service {
        self.me
    }

    /// A token with which this service calls another.
    ///
    /// # Errors
    /// [`SigningError::Sign`] where the signature cannot be made.
    pub fn mint(
        &self,
        callee: Service,
        organization: Option<OrganizationId>,
        now: DateTime<Utc>,
    ) -> Result<String, SigningError> {
        let (id, key) = self.keys.current();
        let claims = ServiceClaims {
            iss: self.me,
            aud: callee,
            iat: now.timestamp(),
            exp: (now + TimeDelta::seconds(SECONDS)).timestamp(),
            org: organization,
        };
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(SERVICE_TYPE.to_owned());
        header.kid = Some(id.to_owned());
        Ok(jsonwebtoken::encode(
            &header,
            &claims,
            &EncodingKey::from_secret(key),
        )?)
    }

    /// Verifies a token that another service sent to this one.
    ///
    /// # Errors
    /// [`InvalidToken`] for every token that is not exactly that.
    pub fn verify(&self, token: &str, key_id: &str, now: DateTime<Utc>) -> Result<Principal, InvalidToken> {
        let key = self.keys.get(key_id).ok_or(InvalidToken::Refused)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // Time is an argument here, and the audience is compared below.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data = jsonwebtoken::decode::<ServiceClaims>(token, &DecodingKey::from_secret(key), &validation)
            .map_err(|_| InvalidToken::Refused)?;
        let claims = data.claims;
        let expires_at = DateTime::from_timestamp(claims.exp, 0).ok_or(InvalidToken::Refused)?;
        let permitted = claims.aud == self.me && service_may_call(claims.iss, self.me);
        if !permitted || expires_at <= now {
            return Err(InvalidToken::Refused);
        }
        Ok(Principal {
            organization: claims.org,
            subject: Subject::Service(claims.iss),
            session: None,
            permissions: PermissionSet::NONE,
            read_only: false,
            acting_member: None,
            expires_at,
        })
    }
}
