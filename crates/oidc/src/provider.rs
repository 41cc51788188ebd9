//! A provider: what it has published, and the two steps of signing in.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use form_urlencoded::{Serializer, byte_serialize};
use hyper::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::{Answer, read};
use crate::metadata::Metadata;
use crate::published::{Because, Known, Published};
use crate::{Attempt, Claims, Expected, Http, Registration, Trouble, Untrusted, verify};

/// For all that is asked while one person comes back: those who wait for us wait no longer than this.
const PATIENCE: Duration = Duration::from_secs(8);

/// A provider that knows us. Shared by all who sign in.
pub struct Provider {
    registration: Registration,
    http: Http,
    published: Published,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Provider")
            .field("registration", &self.registration)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Provider {
    /// Nothing is asked before somebody signs in.
    #[must_use]
    pub fn new(registration: Registration, http: Http) -> Self {
        Self {
            published: Published::new(registration.issuer(), http.clone()),
            registration,
            http,
        }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.registration.issuer()
    }

    /// Where the browser goes (§3.1.2.1).
    ///
    /// # Errors
    /// [`Trouble`] where the provider has not said where that is.
    pub async fn authorization_url(
        &self,
        attempt: &Attempt,
        redirect_uri: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Trouble> {
        let known = self.published.known(Because::SomebodySignsIn, now).await?;
        let mut url = known.metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &self.registration.scopes)
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Who came back with this code (§3.1.3, §5.3), from whom the way back says that it is, if it says so (RFC 9207 §2.4).
    ///
    /// # Errors
    /// [`Trouble`], where nobody is to be trusted.
    pub async fn claims(
        &self,
        came: (&str, Option<&str>),
        attempt: &Attempt,
        redirect_uri: &str,
        now: DateTime<Utc>,
    ) -> Result<Claims, Trouble> {
        let asked = self.ask(came, attempt, redirect_uri, now);
        tokio::time::timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(Trouble::Away("it takes too long to answer".to_owned())))
    }

    async fn ask(
        &self,
        (code, issuer): (&str, Option<&str>),
        attempt: &Attempt,
        redirect_uri: &str,
        now: DateTime<Utc>,
    ) -> Result<Claims, Trouble> {
        if code.is_empty() {
            return Err(Trouble::Refused("the way back has no code".to_owned()));
        }
        let known = self.published.known(Because::SomebodySignsIn, now).await?;
        let is_its = match issuer {
            Some(issuer) => issuer == self.issuer(),
            None => !known.metadata.names_itself,
        };
        if !is_its {
            return Err(Trouble::Refused(
                "the way back does not name this issuer".to_owned(),
            ));
        }
        let tokens = self
            .exchange(&known.metadata, code, attempt, redirect_uri)
            .await?;
        let id_token = tokens
            .id_token
            .ok_or_else(|| Trouble::Wrong("it gives no ID token".to_owned()))?;
        let id_token = self
            .trusted(&id_token, known.as_ref(), &attempt.nonce(), now)
            .await?;
        let subject = id_token.get("sub").and_then(Value::as_str);
        let subject = subject.unwrap_or_default().to_owned();
        let endpoint = known.metadata.userinfo_endpoint.as_ref();
        let user_info = match endpoint.zip(tokens.access_token) {
            Some((endpoint, token)) => self.user_info(endpoint.as_str(), &token, &subject).await?,
            None => Map::new(),
        };
        Ok(Claims {
            subject,
            id_token,
            user_info,
        })
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        attempt: &Attempt,
        redirect_uri: &str,
    ) -> Result<Tokens, Trouble> {
        let (form, basic) = self.exchange_form(metadata, code, attempt, redirect_uri);
        let endpoint = metadata.token_endpoint.as_str();
        let answer = self.http.post(endpoint, form, basic.as_deref()).await?;
        if answer.status != StatusCode::OK {
            return Err(not_exchanged(&answer));
        }
        read(&answer, "its tokens")
    }

    /// What a code is exchanged with, and the header that shows who we are, where the form does not.
    fn exchange_form(
        &self,
        metadata: &Metadata,
        code: &str,
        attempt: &Attempt,
        redirect_uri: &str,
    ) -> (String, Option<String>) {
        let (id, secret) = (
            self.registration.client_id.as_str(),
            self.registration.client_secret.expose_secret(),
        );
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", &attempt.verifier());
        if metadata.takes_basic {
            // each half is written as in a form first (RFC 6749 §2.3.1)
            let half = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", half(id), half(secret));
            return (form.finish(), Some(format!("Basic {}", STANDARD.encode(pair))));
        }
        form.append_pair("client_id", id)
            .append_pair("client_secret", secret);
        (form.finish(), None)
    }

    /// The claims of the ID token. A key that is not known may be a new one.
    async fn trusted(
        &self,
        token: &str,
        known: &Known,
        nonce: &str,
        now: DateTime<Utc>,
    ) -> Result<Map<String, Value>, Trouble> {
        let expected = Expected {
            issuer: self.issuer(),
            client_id: &self.registration.client_id,
            nonce,
            now,
        };
        let mut verified = verify(token, &known.keys, expected);
        if verified == Err(Untrusted::UnknownKey) {
            let newer = self.published.known(Because::AKeyIsUnknown, now).await?;
            verified = verify(token, &newer.keys, expected);
        }
        verified.map_err(|untrusted| Trouble::Refused(untrusted.to_string()))
    }

    /// What else the provider says of the same person.
    async fn user_info(
        &self,
        endpoint: &str,
        token: &str,
        subject: &str,
    ) -> Result<Map<String, Value>, Trouble> {
        let answer = self.http.get(endpoint, Some(token)).await?;
        if answer.status != StatusCode::OK {
            let status = answer.status.as_u16();
            return Err(Trouble::Wrong(format!("its user info answered {status}")));
        }
        let said: Map<String, Value> = read(&answer, "its user info")?;
        // §5.3.2: somebody else's must not be used
        if said.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(Trouble::Refused("the user info is of somebody else".to_owned()));
        }
        Ok(said)
    }
}

/// A code that is unknown, used, run out, another attempt's or no code at all is the browser's fault; everything else somebody has to
/// mend.
fn not_exchanged(answer: &Answer) -> Trouble {
    let named = serde_json::from_slice::<Refusal>(&answer.body).map(|refusal| refusal.error);
    match named.as_deref() {
        Ok("invalid_grant" | "invalid_request") => Trouble::Refused("the code is not good".to_owned()),
        Ok(name)
            if name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') =>
        {
            Trouble::Wrong(format!("it refuses to exchange a code: {name}"))
        }
        _ => Trouble::Wrong(format!(
            "it refuses to exchange a code: {}",
            answer.status.as_u16()
        )),
    }
}
