//! Signing in to the portal, and out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1::{SignInRequest, SignOutRequest};

use super::cookies::{Tokens, forget, keep};
use super::guard::{is_ours, status_of};
use super::texts::Texts;
use super::{failed, refused, see_other};
use crate::graphql::answer;
use crate::http::{App, caller, source};

/// What the page may be opened with.
#[derive(Deserialize)]
pub(super) struct Wishes {
    organization: Option<String>,
    #[serde(rename = "as")]
    sign_in_as: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    email: String,
    password: String,
    organization: Option<String>,
    #[serde(rename = "as")]
    sign_in_as: Option<String>,
}

/// What stays in the form when it is shown again. Never the password.
struct Kept {
    email: String,
    organization: Option<String>,
    as_member: bool,
}

fn is_member(sign_in_as: Option<&str>) -> bool {
    sign_in_as == Some("member")
}

/// Shows the form. People come here to the portal; `?as=member` is for staff.
pub(super) async fn show(State(app): State<Arc<App>>, Query(wishes): Query<Wishes>) -> Response {
    let kept = Kept {
        email: String::new(),
        organization: wishes.organization,
        as_member: is_member(wishes.sign_in_as.as_deref()),
    };
    form(&app, StatusCode::OK, &kept, None)
}

fn form(app: &App, status: StatusCode, kept: &Kept, refusal: Option<&Refusal>) -> Response {
    let locale = Texts::choose(None);
    let error = refusal.map(|refusal| {
        // rounded up, so that waiting as long as the page says is enough
        let minutes = refusal.retry_after.map(|seconds| (seconds.max(0) + 59) / 60);
        match (refusal.code.as_str(), minutes) {
            ("LOCKED_OUT", Some(minutes)) => {
                let names = [("minutes", minutes.to_string())];
                app.pages.error(locale, "LOCKED_OUT_FOR", &names)
            }
            (code, _) => app.pages.error(locale, code, &[]),
        }
    });
    let values = context! {
        error,
        email => kept.email.as_str(),
        organization => kept.organization.as_deref(),
        as_member => kept.as_member,
    };
    app.pages.page(status, locale, "sign_in.html", values)
}

/// Starts a session and keeps it in cookies.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Response {
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, StatusCode::FORBIDDEN);
    }
    let Form(given) = match credentials {
        Ok(given) => given,
        Err(rejection) => return refused(&app, status_of(&rejection)),
    };
    let from = source(&app, &headers, connection);
    let scope = app.scope(None, from.clone());
    let as_member = is_member(given.sign_in_as.as_deref());
    let organization = given.organization.filter(|slug| !slug.is_empty());
    let request = scope.ask(SignInRequest {
        email: given.email.clone(),
        password: given.password,
        organization: organization.clone(),
        r#as: Some(if as_member { "MEMBER" } else { "CONTACT" }.to_owned()),
        source: from,
    });
    let reply = match answer(scope.backends.sessions.clone().sign_in(request).await) {
        Ok(reply) => reply,
        Err(fault) => return failed(&app, Texts::choose(None), &fault),
    };
    let kept = Kept {
        email: given.email,
        organization,
        as_member,
    };
    match reply.session {
        Some(session) => {
            let mut response = see_other("/portal");
            keep(&mut response, &session, &app.public_url);
            response
        }
        None => form(
            &app,
            StatusCode::UNPROCESSABLE_ENTITY,
            &kept,
            reply.refusals.first(),
        ),
    }
}

/// Ends the session of the cookies.
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, StatusCode::FORBIDDEN);
    }
    let tokens = Tokens::of(&headers, &app.public_url);
    let signed_in = tokens
        .access
        .as_deref()
        .and_then(|token| caller(&app, token).ok());
    if tokens.refresh.is_some() || signed_in.is_some() {
        let from = source(&app, &headers, connection);
        let scope = app.scope(signed_in, from);
        let request = scope.ask(SignOutRequest {
            refresh_token: tokens.refresh,
        });
        if let Err(fault) = answer(scope.backends.sessions.clone().sign_out(request).await) {
            // the cookies stay, so that the person can try again
            return failed(&app, Texts::choose(None), &fault);
        }
    }
    let mut response = see_other("/sign-in");
    forget(&mut response, &app.public_url);
    response
}
