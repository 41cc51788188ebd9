//! A GraphQL client over plain HTTP: what a front end sends, and nothing else.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::{Client as HttpClient, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::leaks::keep_passwords;

/// Speaks to one gateway, as nobody or with an access token.
#[derive(Clone, Debug)]
pub struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    base: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The response's body.
    pub body: Value,
}

impl Client {
    /// A client without a token for the gateway at `base`, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self {
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
            base: base.to_owned(),
            token: None,
        }
    }

    /// The same gateway with a token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            token: Some(token.into()),
            ..self.clone()
        }
    }

    /// The gateway's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The access token, where there is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Sends an operation and returns the whole answer.
    ///
    /// # Panics
    /// Where the gateway cannot be reached or answers anything but JSON.
    pub async fn send(&self, query: &str, variables: Value) -> Answer {
        let (status, bytes) = self
            .try_post(&json!({ "query": query, "variables": variables }))
            .await
            .expect("the gateway answers");
        let body = serde_json::from_slice(&bytes).expect("the answer is JSON");
        Answer { status, body }
    }

    /// Sends an operation that must succeed and returns `data`.
    ///
    /// # Panics
    /// Where the answer has errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let answer = self.send(query, variables).await;
        assert!(answer.body.get("errors").is_none(), "{query}\n{:#}", answer.body);
        answer.body["data"].clone()
    }

    /// Sends a mutation with one field that must answer without `userErrors`, and returns its payload.
    ///
    /// # Panics
    /// Where there is any error.
    pub async fn done(&self, query: &str, variables: Value) -> Value {
        let payload = self.payload(query, variables).await;
        assert_eq!(payload["userErrors"], json!([]), "{query}");
        payload
    }

    /// Sends an operation with one root field and returns what that field answers.
    ///
    /// # Panics
    /// Where the answer has errors or several fields.
    pub async fn payload(&self, query: &str, variables: Value) -> Value {
        let data = self.data(query, variables).await;
        let fields = data.as_object().expect("data is an object");
        assert_eq!(fields.len(), 1, "one root field: {fields:?}");
        fields.values().next().cloned().unwrap_or_default()
    }

    /// Posts a body to `/graphql`; an error where nobody answers.
    ///
    /// # Errors
    /// The text of the HTTP client's error.
    pub async fn try_post(&self, body: &Value) -> Result<(StatusCode, Bytes), String> {
        keep_passwords(body);
        let mut request = Request::post(format!("{}/graphql", self.base))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/graphql-response+json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Full::from(body.to_string()))
            .map_err(|error| error.to_string())?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = response.status();
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        Ok((status, bytes))
    }

    /// Sends a subscription over server-sent events and reads the stream to its end.
    ///
    /// # Panics
    /// Where the gateway cannot be reached.
    pub async fn subscribe(&self, query: &str) -> String {
        let mut request = Request::post(format!("{}/graphql", self.base))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Full::from(json!({ "query": query }).to_string()))
            .expect("a request");
        let response = self.http.request(request).await.expect("the gateway answers");
        let bytes = response.into_body().collect().await.expect("a stream").to_bytes();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The status of a GET; none where nobody answers.
    pub async fn try_get(&self, path: &str) -> Option<StatusCode> {
        let request = Request::get(format!("{}{path}", self.base))
            .body(Full::default())
            .ok()?;
        Some(self.http.request(request).await.ok()?.status())
    }

    /// A request to one of the pages; headers and body as text.
    ///
    /// # Panics
    /// Where the gateway cannot be reached.
    pub async fn page(&self, method: Method, path: &str) -> hyper::Response<String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .body(Full::default())
            .expect("a request");
        self.exchange(request).await
    }

    /// Any request to any address; the body as text. Redirects are answers like others.
    ///
    /// # Panics
    /// Where nobody can be reached there.
    pub async fn exchange(&self, request: Request<Full<Bytes>>) -> hyper::Response<String> {
        let (parts, body) = self
            .http
            .request(request)
            .await
            .expect("somebody answers")
            .into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        hyper::Response::from_parts(parts, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Signs in and returns a client with the access token; the organization where there are several.
    ///
    /// # Panics
    /// Where the credentials are refused.
    pub async fn sign_in(&self, email: &str, password: &str, role: &str, organization: Option<&str>) -> Self {
        let input = json!({ "email": email, "password": password, "as": role, "organization": organization });
        let payload = self.done(SIGN_IN, json!({ "input": input })).await;
        self.with_token(payload["session"]["accessToken"].as_str().expect("a token"))
    }
}

/// The operation behind [`Client::sign_in`].
pub const SIGN_IN: &str = "mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    session { accessToken refreshToken expiresAt readOnly }
    userErrors { code message field retryAfter }
  }
}";
