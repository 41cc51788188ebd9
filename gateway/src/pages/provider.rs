//! Signing in at the organization's identity provider: out to it, and back.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use serde::Deserialize;
use usher_proto::invitations::v1::{BeginProviderSignInRequest, FinishProviderSignInRequest};
use usher_text::Locale;

use super::budget::with_retry_after;
use super::cookies::{self, keep};
use super::{failed, reader, see_other};
use crate::fault::{Code, Fault};
use crate::graphql::answer;
use crate::http::{App, device, source};
use crate::rates::{Budget, Payer};

/// What the provider sends back with the browser (RFC 6749 §4.1.2, RFC 9207).
#[derive(Deserialize)]
pub(super) struct Returned {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    /// A short name; its description is the provider's, and shown by the provider.
    error: Option<String>,
}

/// Where the provider sends people back to: the address that it knows.
fn callback(app: &App, organization: &str) -> String {
    format!("{}/auth/oidc/{organization}/callback", app.public_url)
}

/// Sends the browser to the provider. It keeps a secret meanwhile, without which nothing that comes back is good. As the other pages it
/// costs nobody's budget: nothing is guessed here, and a page of somebody else's can open it in a visitor's name.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(organization): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = reader::stranger(&headers);
    let scope = app.scope(None, source(&app, &headers, connection));
    let request = scope.ask(BeginProviderSignInRequest {
        redirect_uri: callback(&app, &organization),
        organization: Some(organization),
    });
    let begun = scope
        .backends
        .sessions
        .clone()
        .begin_provider_sign_in(request)
        .await;
    match answer(begun) {
        Err(fault) => failed(&app, locale, &fault),
        Ok(reply) if reply.url.is_empty() => {
            let code = reply.refusals.first().map_or("", |refusal| refusal.code.as_str());
            if code != "NOT_FOUND" {
                tracing::error!(
                    code,
                    "our own way back is refused: is public_url the same everywhere?"
                );
            }
            refused(&app, (StatusCode::NOT_FOUND, locale), "NOT_FOUND", None)
        }
        Ok(reply) => {
            let mut response = ([(CACHE_CONTROL, "no-store")], Redirect::to(&reply.url)).into_response();
            cookies::keep_attempt(&mut response, &reply.secret, &app.public_url);
            response
        }
    }
}

/// Takes the browser back from the provider, and starts a session where all is right. Only a GET does: looking changes nothing.
pub(super) async fn finish(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(organization): Path<String>,
    Query(back): Query<Returned>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let locale = reader::stranger(&headers);
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let again = format!("/auth/oidc/{organization}");
    let secret = cookies::attempt(&headers, &app.public_url);
    let (Some(secret), Some(code), Some(state)) = (secret, back.code, back.state) else {
        let error = back.error.unwrap_or_default();
        let known = error.len() <= 40
            && error
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        tracing::info!(
            error = known.then_some(error),
            "an identity provider sent somebody back without a code"
        );
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return refused(&app, (status, locale), "BAD_CREDENTIALS", Some(&again));
    };
    // a page of somebody else's can send a visitor here with a code of its own: that is no use to it, and costs the visitor's budget of
    // sign-ins alone
    let from = source(&app, &headers, connection);
    if let Err(too_much) = app.rates.pay(Budget::SignIns, &Payer::of(None, &from), 1) {
        let fault = Fault::new(Code::Throttled, "too many sign-ins at once");
        return with_retry_after(failed(&app, locale, &fault), too_much);
    }
    let scope = app.scope(None, from);
    let request = scope.ask(FinishProviderSignInRequest {
        redirect_uri: callback(&app, &organization),
        organization: Some(organization),
        secret,
        state,
        code,
        issuer: back.iss,
        device: device(&headers),
    });
    let finished = scope
        .backends
        .sessions
        .clone()
        .finish_provider_sign_in(request)
        .await;
    let reply = match answer(finished) {
        Ok(reply) => reply,
        Err(fault) => return failed(&app, locale, &fault),
    };
    let Some(session) = reply.session else {
        // what began goes on: another page cannot end it with a code that is none
        let code = reply.refusals.first().map(|refusal| refusal.code.as_str());
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return refused(&app, (status, locale), code.unwrap_or_default(), Some(&again));
    };
    let mut response = see_other("/portal");
    keep(&mut response, &session, &app.public_url);
    cookies::forget_attempt(&mut response, &app.public_url);
    response
}

/// Says that nobody was signed in, and what may help.
fn refused(app: &App, (status, locale): (StatusCode, Locale), code: &str, again: Option<&str>) -> Response {
    let reason = match code {
        "NOT_FOUND" => "provider.none",
        "NOT_ALLOWED" => "provider.not_allowed",
        _ => "provider.refused",
    };
    let text = |key| app.pages.text(locale, key, &[]);
    let (title, lines) = (text("provider.title"), [text(reason)]);
    let (link, link_text) = (again, text("provider.again"));
    app.pages.page(
        status,
        locale,
        "message.html",
        context! { title, lines, link, link_text },
    )
}
