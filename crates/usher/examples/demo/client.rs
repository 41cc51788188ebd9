//! A GraphQL client over HTTP: one endpoint, one session that is renewed in time.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::error::DemoError;
use crate::settings::Settings;

/// An access token lives five minutes; it is renewed well before.
const RENEW_AFTER: Duration = Duration::from_secs(180);
/// How often a throttled question is asked again before it counts as refused.
const TRIES: u32 = 20;

const SIGN_IN: &str = "mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { session { accessToken refreshToken } userErrors { code message } }
}";
const REFRESH: &str = "mutation Refresh($input: RefreshSessionInput!) {
  refreshSession(input: $input) { session { accessToken refreshToken } userErrors { code message } }
}";

/// A signed-in client. Cheap to share by reference between tasks.
pub struct Client {
    http: Http<HttpConnector, Full<Bytes>>,
    url: String,
    session: Mutex<Session>,
}

#[derive(Clone, Default)]
struct Session {
    access: String,
    refresh: String,
    since: Option<Instant>,
}

impl Client {
    /// Signs the administrator in.
    ///
    /// # Errors
    /// When nobody answers or the credentials are refused.
    pub async fn sign_in(settings: &Settings) -> Result<Self, DemoError> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Self {
            http: Http::builder(TokioExecutor::new()).build(connector),
            url: settings.url.clone(),
            session: Mutex::default(),
        };
        let input = json!({"email": settings.email, "password": settings.password, "as": "MEMBER",
            "organization": settings.organization});
        let answer = client
            .post("SignIn", SIGN_IN, &json!({"input": input}), None)
            .await?;
        *client.session.lock().await = session("signIn", &answer["signIn"])?;
        Ok(client)
    }

    /// Asks as the signed-in member and gives back `data`.
    ///
    /// # Errors
    /// When the connection fails or a GraphQL error comes back. User errors are in the answer, for the caller to read.
    pub async fn ask(&self, operation: &str, query: &str, variables: Value) -> Result<Value, DemoError> {
        let mut tries = 0;
        loop {
            let token = self.token().await?;
            match self.post(operation, query, &variables, Some(&token)).await {
                // busy, or away for a moment; what was done at the first try after all is found by the next
                Err(DemoError::Refused { code, .. })
                    if (code == "THROTTLED" || code == "UNAVAILABLE") && tries < TRIES =>
                {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn token(&self) -> Result<String, DemoError> {
        let mut current = self.session.lock().await;
        if current.since.is_some_and(|since| since.elapsed() > RENEW_AFTER) {
            let variables = json!({"input": {"refreshToken": current.refresh}});
            let answer = self.post("Refresh", REFRESH, &variables, None).await?;
            *current = session("refreshSession", &answer["refreshSession"])?;
        }
        Ok(current.access.clone())
    }

    async fn post(
        &self,
        operation: &str,
        query: &str,
        variables: &Value,
        token: Option<&str>,
    ) -> Result<Value, DemoError> {
        let body = json!({"query": query, "operationName": operation, "variables": variables}).to_string();
        let mut request = hyper::Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/graphql-response+json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Full::from(body))
            .map_err(|error| self.no_answer(&error))?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| self.no_answer(&error))?;
        let status = response.status();
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(|error| self.no_answer(&error))?
            .to_bytes();
        let Ok(mut answer) = serde_json::from_slice::<Value>(&bytes) else {
            return Err(unexpected(operation, format!("HTTP {status} without JSON")));
        };
        if let Some(error) = answer["errors"].get(0) {
            return Err(refused(operation, error));
        }
        Ok(answer["data"].take())
    }

    fn no_answer(&self, error: &dyn std::error::Error) -> DemoError {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(deeper) = source {
            reason = deeper.to_string();
            source = deeper.source();
        }
        DemoError::NoAnswer {
            url: self.url.clone(),
            reason,
        }
    }
}

/// An answer that the contract does not allow.
pub fn unexpected(operation: &str, what: impl Into<String>) -> DemoError {
    DemoError::Unexpected {
        operation: operation.to_owned(),
        what: what.into(),
    }
}

/// A text of an answer that the contract says is there.
///
/// # Errors
/// When it is not.
pub fn text(operation: &str, value: &Value) -> Result<String, DemoError> {
    let found = value
        .as_str()
        .ok_or_else(|| unexpected(operation, format!("{value} is no text")));
    found.map(str::to_owned)
}

/// A count of an answer that the contract says is there.
///
/// # Errors
/// When it is not.
pub fn number(operation: &str, value: &Value) -> Result<u64, DemoError> {
    value
        .as_u64()
        .ok_or_else(|| unexpected(operation, format!("{value} is no count")))
}

fn refused(operation: &str, error: &Value) -> DemoError {
    DemoError::Refused {
        operation: operation.to_owned(),
        code: error["extensions"]["code"]
            .as_str()
            .unwrap_or("no code")
            .to_owned(),
        message: error["message"].as_str().unwrap_or_default().to_owned(),
    }
}

fn session(operation: &str, payload: &Value) -> Result<Session, DemoError> {
    if let Some(error) = payload["userErrors"].get(0) {
        return Err(DemoError::Refused {
            operation: operation.to_owned(),
            code: text(operation, &error["code"])?,
            message: text(operation, &error["message"])?,
        });
    }
    Ok(Session {
        access: text(operation, &payload["session"]["accessToken"])?,
        refresh: text(operation, &payload["session"]["refreshToken"])?,
        since: Some(Instant::now()),
    })
}
