//! Access tokens for programs: the client-credentials grant of OAuth 2.0 (RFC 6749 §4.4), and where clients find it (RFC 8414).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use form_urlencoded::parse;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use usher_auth::PermissionSet;
use usher_proto::invitations::v1::{IssueTokenReply, IssueTokenRequest};

use super::{App, source};
use crate::fault::{Code, Fault};
use crate::graphql::answer;
use crate::rates::{Budget, Payer};

/// Bytes of a request; names and secrets are short.
const LONGEST_BODY: usize = 16 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

/// Why there is no token, as the RFC names it (§5.2).
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
    retry_after: Option<u64>,
}

impl Refused {
    const fn new(error: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description,
            retry_after: None,
        }
    }

    const fn client(description: &'static str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new("invalid_client", description)
        }
    }

    /// Not one of the errors of §5.2, which know no trouble of the server's; clients go by the status.
    const fn later(status: StatusCode, retry_after: Option<u64>) -> Self {
        Self {
            status,
            retry_after,
            ..Self::new("temporarily_unavailable", "try again later")
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        match fault.code {
            Code::Unavailable => Self::later(StatusCode::SERVICE_UNAVAILABLE, None),
            _ => Self::later(StatusCode::INTERNAL_SERVER_ERROR, None),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = shown(self.status, &body);
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"usher\""),
            );
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn shown(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (PRAGMA, "no-cache"),
    ];
    (status, headers, body.to_string()).into_response()
}

/// `POST /oauth/token`.
pub(super) async fn token(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match issue(&app, connection, &headers, body).await {
        Ok(body) => shown(StatusCode::OK, &body),
        Err(refused) => refused.into_response(),
    }
}

async fn issue(app: &App, connection: SocketAddr, headers: &HeaderMap, body: Body) -> Result<Value, Refused> {
    // a guess at a secret is a guess, whoever makes it
    let from = source(app, headers, connection);
    let payer = Payer::of(None, &from);
    if let Err(too_much) = app.rates.pay(Budget::SignIns, &payer, 1) {
        return Err(Refused::later(
            StatusCode::TOO_MANY_REQUESTS,
            Some(too_much.seconds),
        ));
    }
    let form = form(headers, body).await?;
    let request = request(headers, form)?;
    let scope = app.scope(None, from);
    let mut accounts = scope.backends.service_accounts.clone();
    let reply = answer(accounts.issue_token(scope.ask(request)).await)?;
    granted(reply)
}

fn granted(reply: IssueTokenReply) -> Result<Value, Refused> {
    match reply.token {
        Some(token) => Ok(json!({
            "access_token": token.access_token,
            "token_type": "Bearer",
            "expires_in": token.expires_in,
            "scope": token.scope.join(" "),
        })),
        None if reply
            .refusals
            .iter()
            .any(|refusal| refusal.code == "INVALID_SCOPE") =>
        {
            Err(Refused::new(
                "invalid_scope",
                "the client does not have one of these permissions",
            ))
        }
        None => Err(Refused::client("client and secret do not belong together")),
    }
}

/// The parameters, each of which may be given once; what is empty is not given (§3.2).
async fn form(headers: &HeaderMap, body: Body) -> Result<HashMap<String, String>, Refused> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(FORM)) {
        return Err(Refused::new(
            "invalid_request",
            "send application/x-www-form-urlencoded",
        ));
    }
    let body = Limited::new(body, LONGEST_BODY).collect().await;
    let body = body.map_err(|_| Refused::new("invalid_request", "the request is too long, or broke off"))?;
    let mut form = HashMap::new();
    for (name, value) in parse(&body.to_bytes()).filter(|(_, value)| !value.is_empty()) {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(Refused::new("invalid_request", "a parameter is given twice"));
        }
    }
    Ok(form)
}

fn request(headers: &HeaderMap, mut form: HashMap<String, String>) -> Result<IssueTokenRequest, Refused> {
    let (client_id, client_secret) = client(headers, &mut form)?;
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(Refused::new(
                "unsupported_grant_type",
                "grant_type is client_credentials",
            ));
        }
        None => return Err(Refused::new("invalid_request", "grant_type is missing")),
    }
    let scope = form.remove("scope").unwrap_or_default();
    Ok(IssueTokenRequest {
        client_id,
        client_secret,
        scope: scope.split_ascii_whitespace().map(str::to_owned).collect(),
    })
}

/// Id and secret, in the header or in the form but not in both (§2.3).
fn client(headers: &HeaderMap, form: &mut HashMap<String, String>) -> Result<(String, String), Refused> {
    let in_form = (form.remove("client_id"), form.remove("client_secret"));
    let Some(header) = headers.get(AUTHORIZATION) else {
        return match in_form {
            (Some(id), Some(secret)) => Ok((id, secret)),
            _ => Err(Refused::client("client_id and client_secret are missing")),
        };
    };
    let unreadable = || Refused::client("the header is written Authorization: Basic …");
    let (id, secret) = header.to_str().ok().and_then(basic).ok_or_else(unreadable)?;
    match in_form {
        (_, Some(_)) => Err(Refused::new(
            "invalid_request",
            "the client shows its secret twice",
        )),
        (Some(other), None) if other != id => Err(Refused::new("invalid_request", "the client has two ids")),
        _ => Ok((id, secret)),
    }
}

/// Id and secret in `Basic …`, each of which is written as in a form before it is put together (§2.3.1).
fn basic(text: &str) -> Option<(String, String)> {
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((plain(id)?, plain(secret)?))
}

fn plain(text: &str) -> Option<String> {
    let mut values = parse(text.as_bytes());
    let (value, _) = values.next()?;
    values.next().is_none().then(|| value.into_owned())
}

/// `GET /.well-known/oauth-authorization-server`.
pub(super) async fn metadata(State(app): State<Arc<App>>) -> Response {
    let url = &app.public_url;
    let body = json!({
        "issuer": url,
        "token_endpoint": format!("{url}/oauth/token"),
        "jwks_uri": format!("{url}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": PermissionSet::all().names(),
    });
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(AUTHORIZATION, text.parse().unwrap());
        }
        headers
    }

    fn read(authorization: Option<&str>, form: &[(&str, &str)]) -> Result<IssueTokenRequest, &'static str> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        request(&headers(authorization), form.iter().map(owned).collect()).map_err(|refused| refused.error)
    }

    #[test]
    fn i15_a_client_shows_itself_in_the_header_or_in_the_form() {
        let grant = ("grant_type", "client_credentials");
        let expected = IssueTokenRequest {
            client_id: "id".to_owned(),
            client_secret: "se cret+".to_owned(),
            scope: vec!["contacts.read".to_owned(), "contacts.write".to_owned()],
        };
        let scope = ("scope", "contacts.read  contacts.write");
        let basic = format!("basic {}", STANDARD.encode("id:se+cret%2B"));
        assert_eq!(read(Some(&basic), &[grant, scope]), Ok(expected.clone()));
        assert_eq!(
            read(Some(&basic), &[grant, scope, ("client_id", "id")]),
            Ok(expected.clone())
        );
        let post = [grant, scope, ("client_id", "id"), ("client_secret", "se cret+")];
        assert_eq!(read(None, &post), Ok(expected));
    }

    #[test]
    fn i15_what_is_wrong_is_named_as_the_rfc_names_it() {
        let grant = ("grant_type", "client_credentials");
        let (id, secret) = (("client_id", "id"), ("client_secret", "secret"));
        let basic = format!("Basic {}", STANDARD.encode("id:secret"));
        let basic = Some(basic.as_str());
        let other = ("client_id", "other");
        for (authorization, form, error) in [
            (None, &[grant][..], "invalid_client"),
            (None, &[grant, id], "invalid_client"),
            (Some("Bearer x"), &[grant, id, secret], "invalid_client"),
            (Some("Basic !"), &[grant], "invalid_client"),
            (basic, &[grant, id, secret], "invalid_request"),
            (basic, &[grant, other], "invalid_request"),
            (basic, &[], "invalid_request"),
            (basic, &[("grant_type", "password")], "unsupported_grant_type"),
        ] {
            assert_eq!(
                read(authorization, form),
                Err(error),
                "{authorization:?} {form:?}"
            );
        }
    }
}
