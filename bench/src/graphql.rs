//! GraphQL over HTTP: one connection kept open, as the load and the preparations use it.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::failure::{Context, Failure, fail};

/// One HTTP/1.1 connection to the gateway.
pub struct Connection {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects, for as long as this lives. Needs a running runtime.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.context(address)?;
        stream.set_nodelay(true).context(address)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context(address)?;
        tokio::spawn(connection);
        Ok(Self {
            address: address.to_owned(),
            sender,
        })
    }

    /// Sends a body that is ready, gives back the answer's; anything but 200 is a failure.
    ///
    /// # Errors
    /// When the connection breaks or the status is another.
    pub async fn post(&mut self, authorization: Option<&str>, body: Bytes) -> Result<Bytes, Failure> {
        let mut request = Request::post("/graphql")
            .header(HOST, &self.address)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/graphql-response+json");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(body)).context("request")?;
        let response = self.sender.send_request(request).await.context("the gateway")?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .context("the gateway")?
            .to_bytes();
        if status != StatusCode::OK {
            return Err(fail(format!("HTTP {status}: {}", String::from_utf8_lossy(&body))));
        }
        Ok(body)
    }

    /// Asks and gives back `data`; GraphQL errors are failures.
    ///
    /// # Errors
    /// When anything is wrong with the answer.
    pub async fn ask(
        &mut self,
        authorization: Option<&str>,
        query: &str,
        variables: Value,
    ) -> Result<Value, Failure> {
        let body = json!({"query": query, "variables": variables}).to_string();
        let answer = self.post(authorization, body.into()).await?;
        let mut answer: Value = serde_json::from_slice(&answer).context("the gateway's answer")?;
        match answer.get("errors") {
            Some(errors) => Err(fail(format!("the gateway answers {errors}"))),
            None => Ok(answer["data"].take()),
        }
    }

    /// Signs a member in; gives back what goes into the authorization header.
    ///
    /// # Errors
    /// When the credentials are refused.
    pub async fn sign_in(
        &mut self,
        organization: &str,
        email: &str,
        password: &str,
    ) -> Result<String, Failure> {
        let query = "mutation($input: SignInInput!) {
            signIn(input: $input) { session { accessToken } userErrors { code } }
        }";
        let input =
            json!({"email": email, "password": password, "organization": organization, "as": "MEMBER"});
        let data = self.ask(None, query, json!({"input": input})).await?;
        let token = data["signIn"]["session"]["accessToken"].as_str();
        token
            .map(|token| format!("Bearer {token}"))
            .ok_or_else(|| fail(format!("signIn to {organization}: {data}")))
    }
}

/// Whether the gateway says that it is ready.
///
/// # Errors
/// When it does not answer, or not 200.
pub async fn ready(address: &str) -> Result<(), Failure> {
    let stream = TcpStream::connect(address).await.context(address)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.context(address)?;
    tokio::spawn(connection);
    let request = Request::get("/readyz")
        .header(HOST, address)
        .body(Full::<Bytes>::default())
        .context("request")?;
    match sender.send_request(request).await.context(address)?.status() {
        StatusCode::OK => Ok(()),
        status => Err(fail(format!("{address}/readyz answers {status}"))),
    }
}
