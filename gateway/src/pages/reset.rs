//! The page behind a link for another password (I12). Showing it changes nothing (I7), and it signs nobody in.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1::{ResetPasswordReply, ResetPasswordRequest};

use super::choose::{self, Password, is_about_link};
use super::guard::{is_ours, status_of};
use super::link::{self, Link, anonymous};
use super::{failed, reader, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::App;

/// The link for another password.
struct Page<'a>(Link<'a>);

/// Shows what the link is worth.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let scope = anonymous(&app, &headers, connection);
    match Page::open(&app, &scope, &token, &headers).await {
        Ok(page) => page.show(None),
        Err(fault) => failed(&app, reader::stranger(&headers), &fault),
    }
}

/// Spends the token, if the password is acceptable.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Password>, FormRejection>,
) -> Response {
    let locale = reader::stranger(&headers);
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, locale, StatusCode::FORBIDDEN);
    }
    let Form(form) = match form {
        Ok(form) => form,
        Err(rejection) => return refused(&app, locale, status_of(&rejection)),
    };
    let scope = anonymous(&app, &headers, connection);
    let done = done(&app, &scope, (&token, form), &headers).await;
    done.unwrap_or_else(|fault| failed(&app, locale, &fault))
}

async fn done(
    app: &App,
    scope: &Scope,
    (token, form): (&str, Password),
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    // looked at first: afterwards the link is worth nothing and tells nothing
    let page = Page::open(app, scope, token, headers).await?;
    let request = scope.ask(ResetPasswordRequest {
        token: token.to_owned(),
        password: form.password,
    });
    let mut recovery = scope.backends.recovery.clone();
    let ResetPasswordReply { accepted, refusals } = answer(recovery.reset_password(request).await)?;
    if accepted {
        return Ok(page.done());
    }
    let refusal = refusals.first();
    if is_about_link(refusal) {
        return Ok(Page::open(app, scope, token, headers).await?.show(refusal));
    }
    Ok(page.show(refusal))
}

impl<'a> Page<'a> {
    async fn open(app: &'a App, scope: &Scope, token: &'a str, headers: &HeaderMap) -> Result<Self, Fault> {
        let asked = scope.ask(link::request(token));
        let landing = answer(scope.backends.recovery.clone().get_password_reset(asked).await)?;
        Ok(Self(Link::new(app, token, headers, landing)))
    }

    /// The page for what the link is worth now; `refusal` is about a password that was not taken.
    fn show(&self, refusal: Option<&Refusal>) -> Response {
        let Self(link) = self;
        let gone = |title: &str, text: &str, way_on| link.message(StatusCode::GONE, title, text, way_on);
        match link.landing.state.as_str() {
            "OPEN" => choose::form(link, &self.form(), refusal),
            "EXPIRED" => gone(
                "expired_reset.title",
                &link.text("expired_reset.text"),
                Some(link.forgot()),
            ),
            "SUPERSEDED" => {
                let text = link.superseded("superseded_reset.text", "superseded_reset.text_undated");
                gone("superseded_reset.title", &text, None)
            }
            _ => link.invalid("invalid_reset.text", link.forgot()),
        }
    }

    fn form(&self) -> choose::Form {
        choose::Form {
            texts: "reset",
            action: format!("/reset/{}", self.0.token),
            not_me: None,
        }
    }

    fn done(&self) -> Response {
        let Self(link) = self;
        let text = link.text("reset_done.text");
        link.message(StatusCode::OK, "reset_done.title", &text, Some(link.sign_in()))
    }
}
