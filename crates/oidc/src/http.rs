//! Asking a provider: with a time-out, a limit, and without following it elsewhere.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use usher_tls::Authorities;

use crate::Trouble;

/// For one question, from looking up the name to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const LONGEST: usize = 256 * 1024;

/// Asks over HTTP/1.1, with TLS where the address says so.
#[derive(Clone, Debug)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Http {
    /// A client that trusts the public authorities, and these.
    ///
    /// # Errors
    /// Where TLS is not to be had.
    pub fn new(authorities: Option<&Authorities>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(usher_tls::client(authorities)?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Asks for JSON; `token` is whom for.
    pub(crate) async fn get(&self, address: &str, token: Option<&str>) -> Result<Answer, Trouble> {
        let mut request = Request::get(address).header(ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, secret(&format!("Bearer {token}"))?);
        }
        self.ask(request.body(Full::default())).await
    }

    /// Sends a form; `authorization` is the header's value.
    pub(crate) async fn post(
        &self,
        address: &str,
        form: String,
        authorization: Option<&str>,
    ) -> Result<Answer, Trouble> {
        let mut request = Request::post(address)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, secret(value)?);
        }
        self.ask(request.body(Full::from(form))).await
    }

    async fn ask(
        &self,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<Answer, Trouble> {
        let request = request.map_err(|_| Trouble::Wrong("an address of its is none".to_owned()))?;
        let host = request.uri().host().unwrap_or_default().to_owned();
        let asked = async {
            let response = self.0.request(request).await.map_err(|error| {
                let reason = usher_tls::distrust(&error);
                Trouble::Away(reason.unwrap_or_else(|| "it cannot be reached".to_owned()))
            })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, LONGEST).collect().await;
            let body = body.map_err(|_| Trouble::Away("its answer broke off, or is too long".to_owned()))?;
            Ok(Answer {
                status: parts.status,
                body: body.to_bytes(),
            })
        };
        let answer = tokio::time::timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(Trouble::Away("it does not answer".to_owned())));
        match answer {
            Ok(answer)
                if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS =>
            {
                Err(Trouble::Away(format!(
                    "{host} answered {}",
                    answer.status.as_u16()
                )))
            }
            Err(Trouble::Away(reason)) => Err(Trouble::Away(format!("{host}: {reason}"))),
            other => other,
        }
    }
}

/// What an answer says in JSON.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(answer: &Answer, what: &str) -> Result<T, Trouble> {
    serde_json::from_slice(&answer.body).map_err(|_| Trouble::Wrong(format!("{what} cannot be read")))
}

/// A header that is shown nowhere.
fn secret(value: &str) -> Result<HeaderValue, Trouble> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| Trouble::Wrong("a token of its is none".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
