//! What the pages behind mailed links have in common. Whoever is signed in with the same browser plays no part on them, and they
//! say so (I8).

use std::net::SocketAddr;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::{Value, context};
use usher_proto::invitations::v1::{Landing, LinkRequest};
use usher_text::{Locale, zone};

use super::cookies::Tokens;
use super::reader;
use super::render::in_one_piece;
use crate::graphql::Scope;
use crate::http::{App, source};

/// A link and what it is worth now.
pub(super) struct Link<'a> {
    pub(super) app: &'a App,
    pub(super) token: &'a str,
    pub(super) landing: Landing,
    pub(super) locale: Locale,
    signed_in: bool,
}

/// Where a page goes on: an address and the key of its text.
pub(super) type WayOn = (String, &'static str);

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
        let (own, firms) = (landing.locale.as_deref(), landing.organization_locale.as_deref());
        Self {
            app,
            token,
            locale: reader::locale(headers, own, firms),
            landing,
            signed_in: Tokens::of(headers, &app.public_url).any(),
        }
    }

    fn names(&self) -> [(&'static str, String); 2] {
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

    /// A text that names one thing more.
    pub(super) fn text_with(&self, key: &str, name: (&'static str, String)) -> String {
        let [organization, email] = self.names();
        self.app
            .pages
            .text(self.locale, key, &[organization, email, name])
    }

    pub(super) fn moment(&self, at: Option<prost_types::Timestamp>) -> Option<String> {
        let at = at.and_then(usher_proto::datetime)?;
        let zone = zone([self.landing.time_zone.as_deref()]);
        Some(usher_text::moment(at, self.locale, zone))
    }

    /// What is said where somebody is signed in with this browser.
    pub(super) fn notice(&self, key: &str) -> Option<Value> {
        let address = self.landing.masked_email.as_deref();
        self.signed_in.then(|| in_one_piece(&self.text(key), address))
    }

    /// Where the organization's people sign in.
    pub(super) fn sign_in(&self) -> WayOn {
        (self.of_organization("/sign-in"), "way_on.sign_in")
    }

    /// Where a further link for another password is asked for.
    pub(super) fn forgot(&self) -> WayOn {
        (self.of_organization("/forgot"), "way_on.forgot")
    }

    fn of_organization(&self, path: &str) -> String {
        // a slug is letters, digits and dashes, so it stands in an address as it is
        let slug = self.landing.organization_slug.as_deref();
        let slug = slug.map(|slug| format!("organization={slug}"));
        let member = self.landing.member.then(|| "as=member".to_owned());
        let parts: Vec<String> = slug.into_iter().chain(member).collect();
        match parts.as_slice() {
            [] => path.to_owned(),
            parts => format!("{path}?{}", parts.join("&")),
        }
    }

    /// Unknown, used and cancelled look the same (I8). Whoever used it up goes on from here.
    pub(super) fn invalid(&self, text: &str, way_on: WayOn) -> Response {
        let text = self.text(text);
        self.message(StatusCode::NOT_FOUND, "invalid.title", &text, Some(way_on))
    }

    /// A page that says one thing, and where it goes on.
    pub(super) fn message(
        &self,
        status: StatusCode,
        title: &str,
        line: &str,
        way_on: Option<WayOn>,
    ) -> Response {
        let line: Value = in_one_piece(line, self.landing.masked_email.as_deref());
        let (href, text) = way_on.unzip();
        let values = context! {
            title => self.text(title),
            lines => [line],
            notice => self.notice("notice.link"),
            link => href,
            link_text => text.map(|key| self.text(key)),
        };
        self.app.pages.page(status, self.locale, "message.html", values)
    }

    /// When the newer link went out, in words.
    pub(super) fn superseded(&self, dated: &str, undated: &str) -> String {
        match self.moment(self.landing.newest_sent_at) {
            Some(moment) => self.text_with(dated, ("moment", moment)),
            None => self.text(undated),
        }
    }
}
