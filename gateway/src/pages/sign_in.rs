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
use usher_proto::invitations::v1::{GetSignInOptionsRequest, SignInRequest, SignOutRequest};
use usher_text::Locale;

use super::cookies::{Tokens, forget, keep};
use super::guard::{is_ours, status_of};
use super::{failed, reader, refused, see_other};
use crate::graphql::answer;
use crate::http::{App, caller, device, source};

/// As whom somebody signs in, and where: what the page may be opened with, and what its forms send along.
#[derive(Default, Deserialize)]
pub(super) struct Wishes {
    organization: Option<String>,
    #[serde(rename = "as")]
    sign_in_as: Option<String>,
}

impl Wishes {
    /// The slug.
    pub(super) fn organization(&self) -> Option<&str> {
        self.organization.as_deref().filter(|slug| !slug.is_empty())
    }

    /// People come here to the portal; `?as=member` is for staff.
    pub(super) fn is_member(&self) -> bool {
        self.sign_in_as.as_deref() == Some("member")
    }

    /// The same page for those who come as the other of both.
    fn of_the_others(&self) -> Self {
        Self {
            organization: self.organization.clone(),
            sign_in_as: (!self.is_member()).then(|| "member".to_owned()),
        }
    }

    /// These wishes at another page of ours.
    pub(super) fn at(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(slug) = self.organization() {
            query.append_pair("organization", slug);
        }
        if self.is_member() {
            query.append_pair("as", "member");
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    email: String,
    password: String,
    #[serde(flatten)]
    wishes: Wishes,
}

/// Shows the form.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Query(wishes): Query<Wishes>,
    headers: HeaderMap,
) -> Response {
    let locale = reader::stranger(&headers);
    form(&app, (StatusCode::OK, locale), ("", &wishes), None).await
}

/// Where members may sign in without a password of ours. A service that is away costs the link, not the form.
async fn provider(app: &App, wishes: &Wishes) -> Option<String> {
    if !wishes.is_member() {
        return None;
    }
    let organization = wishes.organization().map(str::to_owned);
    let request = GetSignInOptionsRequest { organization };
    let options = app.backends.sessions.clone().get_sign_in_options(request).await;
    let slug = options.ok()?.into_inner().provider_of?;
    Some(format!("/auth/oidc/{slug}"))
}

/// The form; shown again it keeps the address, never the password.
async fn form(
    app: &App,
    (status, locale): (StatusCode, Locale),
    (email, wishes): (&str, &Wishes),
    refusal: Option<&Refusal>,
) -> Response {
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
    let elsewhere = provider(app, wishes).await;
    let values = context! {
        error,
        email,
        organization => wishes.organization(),
        as_member => wishes.is_member(),
        forgot => wishes.at("/forgot"),
        other => wishes.of_the_others().at("/sign-in"),
        provider => elsewhere,
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
    let locale = reader::stranger(&headers);
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, locale, StatusCode::FORBIDDEN);
    }
    let Form(given) = match credentials {
        Ok(given) => given,
        Err(rejection) => return refused(&app, locale, status_of(&rejection)),
    };
    let from = source(&app, &headers, connection);
    let scope = app.scope(None, from.clone());
    let wishes = given.wishes;
    let request = scope.ask(SignInRequest {
        email: given.email.clone(),
        password: given.password,
        organization: wishes.organization().map(str::to_owned),
        r#as: Some(if wishes.is_member() { "MEMBER" } else { "CONTACT" }.to_owned()),
        source: from,
        device: device(&headers),
    });
    let reply = match answer(scope.backends.sessions.clone().sign_in(request).await) {
        Ok(reply) => reply,
        Err(fault) => return failed(&app, locale, &fault),
    };
    match reply.session {
        Some(session) => {
            let mut response = see_other("/portal");
            keep(&mut response, &session, &app.public_url);
            response
        }
        None => {
            form(
                &app,
                (StatusCode::UNPROCESSABLE_ENTITY, locale),
                (&given.email, &wishes),
                reply.refusals.first(),
            )
            .await
        }
    }
}

/// Ends the session of the cookies.
pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let locale = reader::stranger(&headers);
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, locale, StatusCode::FORBIDDEN);
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
            return failed(&app, locale, &fault);
        }
    }
    let mut response = see_other("/sign-in");
    forget(&mut response, &app.public_url);
    response
}
