//! The page behind the link that confirms a new address (I6). Showing it changes nothing (I7), and whoever is signed in with the
//! same browser plays no part, as at an invitation's.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::{Value, context};
use usher_proto::invitations::v1::{Landing, LinkRequest};
use usher_text::{Locale, moment, zone};

use super::activate::anonymous;
use super::cookies::Tokens;
use super::guard::is_ours;
use super::render::in_one_piece;
use super::texts::Texts;
use super::{failed, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::App;

/// A link and what it is worth now.
struct Page<'a> {
    app: &'a App,
    token: &'a str,
    landing: Landing,
    locale: Locale,
    signed_in: bool,
}

/// Shows what the link is worth.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let scope = anonymous(&app, &headers, connection);
    match Page::open(&app, &scope, &token, &headers).await {
        Ok(page) => page.show(),
        Err(fault) => failed(&app, Texts::choose(None), &fault),
    }
}

/// Spends the token.
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, StatusCode::FORBIDDEN);
    }
    let scope = anonymous(&app, &headers, connection);
    match confirmed(&app, &scope, &token, &headers).await {
        Ok(response) => response,
        Err(fault) => failed(&app, Texts::choose(None), &fault),
    }
}

async fn confirmed(app: &App, scope: &Scope, token: &str, headers: &HeaderMap) -> Result<Response, Fault> {
    // looked at first: afterwards the link is worth nothing and tells nothing
    let page = Page::open(app, scope, token, headers).await?;
    let request = scope.ask(link(token));
    let mut invitations = scope.backends.invitations.clone();
    let reply = answer(invitations.confirm_email_change(request).await)?;
    if reply.refusals.is_empty() {
        return Ok(page.done());
    }
    Ok(Page::open(app, scope, token, headers).await?.show())
}

fn link(token: &str) -> LinkRequest {
    LinkRequest {
        token: token.to_owned(),
    }
}

impl<'a> Page<'a> {
    async fn open(app: &'a App, scope: &Scope, token: &'a str, headers: &HeaderMap) -> Result<Self, Fault> {
        let request = scope.ask(link(token));
        let landing = answer(scope.backends.invitations.clone().get_email_change(request).await)?;
        Ok(Self {
            app,
            token,
            locale: Texts::choose(landing.locale.as_deref()),
            landing,
            signed_in: Tokens::of(headers, &app.public_url).any(),
        })
    }

    fn text(&self, key: &str) -> String {
        let organization = self.landing.organization_name.clone().unwrap_or_default();
        let email = self.landing.masked_email.clone().unwrap_or_default();
        let names = [("organization", organization), ("email", email)];
        self.app.pages.text(self.locale, key, &names)
    }

    fn show(&self) -> Response {
        match self.landing.state.as_str() {
            "OPEN" => self.form(),
            "EXPIRED" => self.message(StatusCode::GONE, "expired_email", None),
            _ => self.message(StatusCode::NOT_FOUND, "invalid", Some("/sign-in".to_owned())),
        }
    }

    fn form(&self) -> Response {
        let at = self.landing.expires_at.and_then(usher_proto::datetime);
        let zone = zone([self.landing.time_zone.as_deref()]);
        let values = context! {
            organization => self.landing.organization_name.as_deref(),
            email => self.landing.masked_email.as_deref(),
            signed_in => self.signed_in,
            action => format!("/confirm-email/{}", self.token),
            expires => at.map(|at| moment(at, self.locale, zone)),
        };
        self.app
            .pages
            .page(StatusCode::OK, self.locale, "confirm_email.html", values)
    }

    fn done(&self) -> Response {
        // a slug is letters, digits and dashes, so it stands in an address as it is
        let slug = self.landing.organization_slug.as_deref().unwrap_or_default();
        let link = format!("/sign-in?organization={slug}");
        self.message(StatusCode::OK, "confirmed_email", Some(link))
    }

    fn message(&self, status: StatusCode, about: &str, link: Option<String>) -> Response {
        let line: Value = in_one_piece(
            &self.text(&format!("{about}.text")),
            self.landing.masked_email.as_deref(),
        );
        let values = context! {
            title => self.text(&format!("{about}.title")),
            lines => [line],
            signed_in => self.signed_in,
            link,
            link_text => self.text("invalid.link"),
        };
        self.app.pages.page(status, self.locale, "message.html", values)
    }
}
