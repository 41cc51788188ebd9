//! What the pages behind mailed links have in common. Whoever is signed in with the same browser plays no part on them, and they
//! say so (I8).

use std::net::SocketAddr;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::{Value, context};
use usher_proto::invitations::v1::{Landing, LinkRequest};
use usher_text::{Locale, zone};

use super::cookies::Tokens;
use super::render::in_one_piece;
use super::texts::Texts;
use crate::graphql::Scope;
use crate::http::{App, source};

/// A link and what it is worth now.
pub(super) struct Link<'a> {
    pub(super) app: &'a App,
    pub(super) token: &'a str,
    pub(super) landing: Landing,
    pub(super) locale: Locale,
    pub(super) signed_in: bool,
}

/// Nobody, whoever is signed in with this browser.
pub(super) fn anonymous(app: &App, headers: &HeaderMap, connection: SocketAddr) -> Scope {
    app.scope(None, source(app, headers, connection))
}

/// What asks for a link's worth, or spends it.
pub(super) fn request(token: &str) -> LinkRequest {
    LinkRequest {
        token: token.to_owned(),
    }
}

impl<'a> Link<'a> {
    pub(super) fn new(app: &'a App, token: &'a str, headers: &HeaderMap, landing: Landing) -> Self {
        Self {
            app,
            token,
            locale: Texts::choose(landing.locale.as_deref()),
            landing,
            signed_in: Tokens::of(headers, &app.public_url).any(),
        }
    }

    pub(super) fn names(&self) -> [(&'static str, String); 2] {
        [
            (
                "organization",
                self.landing.organization_name.clone().unwrap_or_default(),
            ),
            ("email", self.landing.masked_email.clone().unwrap_or_default()),
        ]
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.app.pages.text(self.locale, key, &self.names())
    }

    pub(super) fn moment(&self, at: Option<prost_types::Timestamp>) -> Option<String> {
        let at = at.and_then(usher_proto::datetime)?;
        let zone = zone([self.landing.time_zone.as_deref()]);
        Some(usher_text::moment(at, self.locale, zone))
    }

    /// Where the organization's people sign in.
    pub(super) fn sign_in(&self) -> String {
        // a slug is letters, digits and dashes, so it stands in an address as it is
        let slug = self.landing.organization_slug.as_deref();
        slug.map_or_else(
            || "/sign-in".to_owned(),
            |slug| format!("/sign-in?organization={slug}"),
        )
    }

    /// Unknown, used and cancelled look the same (I8). Whoever used it up signs in from here.
    pub(super) fn invalid(&self) -> Response {
        let text = self.text("invalid.text");
        let way_on = Some("/sign-in".to_owned());
        self.message(StatusCode::NOT_FOUND, "invalid.title", &text, way_on)
    }

    /// A page that says one thing, and where it goes on.
    pub(super) fn message(
        &self,
        status: StatusCode,
        title: &str,
        line: &str,
        sign_in: Option<String>,
    ) -> Response {
        let line: Value = in_one_piece(line, self.landing.masked_email.as_deref());
        let values = context! {
            title => self.text(title),
            lines => [line],
            signed_in => self.signed_in,
            link => sign_in,
            link_text => self.text("invalid.link"),
        };
        self.app.pages.page(status, self.locale, "message.html", values)
    }
}
