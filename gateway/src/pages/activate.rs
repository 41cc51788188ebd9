//! The page behind an invitation's link.
//!
//! Showing it changes nothing, however often scanners look (I7); the token is spent by the form with an acceptable
//! password alone. Whoever is signed in with the same browser plays no part here, and the page says so (I8).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1::{AcceptInvitationReply, AcceptInvitationRequest};

use super::choose::{self, Password, is_about_link};
use super::guard::{is_ours, status_of};
use super::link::{self, Link, anonymous};
use super::render::in_one_piece;
use super::{failed, reader, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::App;

/// An invitation's link.
pub(super) struct Page<'a>(Link<'a>);

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
pub(super) async fn accept(
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
    let accepted = accepted(&app, &scope, (&token, form), &headers).await;
    accepted.unwrap_or_else(|fault| failed(&app, locale, &fault))
}

async fn accepted(
    app: &App,
    scope: &Scope,
    (token, form): (&str, Password),
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    // looked at first: afterwards the link is worth nothing and tells nothing
    let page = Page::open(app, scope, token, headers).await?;
    let request = scope.ask(AcceptInvitationRequest {
        token: token.to_owned(),
        password: form.password,
    });
    let mut invitations = scope.backends.invitations.clone();
    let AcceptInvitationReply { accepted, refusals } = answer(invitations.accept_invitation(request).await)?;
    if accepted {
        return Ok(page.accepted());
    }
    let refusal = refusals.first();
    if is_about_link(refusal) {
        return Ok(Page::open(app, scope, token, headers).await?.show(refusal));
    }
    Ok(page.show(refusal))
}

impl<'a> Page<'a> {
    pub(super) async fn open(
        app: &'a App,
        scope: &Scope,
        token: &'a str,
        headers: &HeaderMap,
    ) -> Result<Self, Fault> {
        let asked = scope.ask(link::request(token));
        let landing = answer(scope.backends.invitations.clone().get_landing(asked).await)?;
        Ok(Self(Link::new(app, token, headers, landing)))
    }

    pub(super) const fn link(&self) -> &Link<'a> {
        &self.0
    }

    /// Whether whoever reads may say that it is not them. A member's invitation is the firm's own business.
    pub(super) fn is_declinable(&self) -> bool {
        let landing = &self.0.landing;
        !landing.member && matches!(landing.state.as_str(), "OPEN" | "EXPIRED")
    }

    /// The page for what the link is worth now; `refusal` is about a password that was not taken.
    pub(super) fn show(&self, refusal: Option<&Refusal>) -> Response {
        let Self(link) = self;
        match link.landing.state.as_str() {
            "OPEN" => choose::form(link, &self.form(), refusal),
            "EXPIRED" => self.gone("expired.title", &link.text("expired.text")),
            "SUPERSEDED" => {
                let text = link.superseded("superseded.text", "superseded.text_undated");
                self.gone("superseded.title", &text)
            }
            _ => link.invalid("invalid.text", link.sign_in()),
        }
    }

    fn form(&self) -> choose::Form {
        choose::Form {
            texts: "activate",
            action: format!("/activate/{}", self.0.token),
            not_me: self.is_declinable().then(|| self.not_me()),
        }
    }

    fn not_me(&self) -> String {
        format!("/activate/{}/not-me", self.0.token)
    }

    /// The link is worth nothing any more, and a new one can be had; members get theirs from the firm.
    fn gone(&self, title: &str, line: &str) -> Response {
        let Self(link) = self;
        if link.landing.member {
            return link.message(StatusCode::GONE, title, &link.text("gone.text_member"), None);
        }
        let values = context! {
            title => link.text(title),
            line => in_one_piece(line, link.landing.masked_email.as_deref()),
            notice => link.notice("notice.link"),
            action => format!("/activate/{}/new-link", link.token),
            not_me => self.is_declinable().then(|| self.not_me()),
        };
        link.app
            .pages
            .page(StatusCode::GONE, link.locale, "gone.html", values)
    }

    fn accepted(&self) -> Response {
        let Self(link) = self;
        let text = link.text(if link.landing.member {
            "accepted.text_member"
        } else {
            "accepted.text"
        });
        link.message(StatusCode::OK, "accepted.title", &text, Some(link.sign_in()))
    }
}
