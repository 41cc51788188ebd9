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
use minijinja::{Value, context};
use serde::Deserialize;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1::{AcceptInvitationReply, AcceptInvitationRequest, Landing, LinkRequest};
use usher_text::{Locale, zone};

use super::cookies::Tokens;
use super::guard::{is_ours, status_of};
use super::render::in_one_piece;
use super::texts::Texts;
use super::{failed, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::{App, source};

/// The shortest password where the service does not say (I10).
const SHORTEST_PASSWORD: i32 = 15;

/// A link and what it is worth now.
struct Page<'a> {
    app: &'a App,
    token: &'a str,
    landing: Landing,
    locale: Locale,
    signed_in: bool,
}

#[derive(Deserialize)]
pub(super) struct Acceptance {
    password: String,
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
        Ok(page) => page.show(None),
        Err(fault) => failed(&app, Texts::choose(None), &fault),
    }
}

/// Spends the token, if the password is acceptable.
pub(super) async fn accept(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Acceptance>, FormRejection>,
) -> Response {
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, StatusCode::FORBIDDEN);
    }
    let Form(form) = match form {
        Ok(form) => form,
        Err(rejection) => return refused(&app, status_of(&rejection)),
    };
    let scope = anonymous(&app, &headers, connection);
    // looked at first: afterwards the link is worth nothing and tells nothing
    let page = match Page::open(&app, &scope, &token, &headers).await {
        Ok(page) => page,
        Err(fault) => return failed(&app, Texts::choose(None), &fault),
    };
    let request = scope.ask(AcceptInvitationRequest {
        token: token.clone(),
        password: form.password,
    });
    match answer(
        scope
            .backends
            .invitations
            .clone()
            .accept_invitation(request)
            .await,
    ) {
        Ok(AcceptInvitationReply { accepted: true, .. }) => page.accepted(),
        Ok(AcceptInvitationReply { refusals, .. }) => page.refused(&scope, &headers, refusals).await,
        Err(fault) => failed(&app, page.locale, &fault),
    }
}

/// Nobody, whoever is signed in with this browser.
pub(super) fn anonymous(app: &App, headers: &HeaderMap, connection: SocketAddr) -> Scope {
    app.scope(None, source(app, headers, connection))
}

impl<'a> Page<'a> {
    async fn open(app: &'a App, scope: &Scope, token: &'a str, headers: &HeaderMap) -> Result<Self, Fault> {
        let request = scope.ask(LinkRequest {
            token: token.to_owned(),
        });
        let landing = answer(scope.backends.invitations.clone().get_landing(request).await)?;
        Ok(Self {
            app,
            token,
            locale: Texts::choose(landing.locale.as_deref()),
            landing,
            signed_in: Tokens::of(headers, &app.public_url).any(),
        })
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

    fn text(&self, key: &str) -> String {
        self.app.pages.text(self.locale, key, &self.names())
    }

    fn line(&self, text: &str) -> Value {
        in_one_piece(text, self.landing.masked_email.as_deref())
    }

    fn moment(&self, at: Option<prost_types::Timestamp>) -> Option<String> {
        let at = at.and_then(usher_proto::datetime)?;
        let zone = zone([self.landing.time_zone.as_deref()]);
        Some(usher_text::moment(at, self.locale, zone))
    }

    fn least(&self) -> i32 {
        self.landing.password_min_length.unwrap_or(SHORTEST_PASSWORD)
    }

    /// The page for what the link is worth now; `refusal` is about a password that was not taken.
    fn show(&self, refusal: Option<&Refusal>) -> Response {
        match self.landing.state.as_str() {
            "OPEN" => self.form(refusal),
            "EXPIRED" => self.message(StatusCode::GONE, "expired.title", self.text("expired.text")),
            "SUPERSEDED" => self.message(StatusCode::GONE, "superseded.title", self.superseded()),
            _ => self.invalid(),
        }
    }

    fn form(&self, refusal: Option<&Refusal>) -> Response {
        let status = if refusal.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        let least = self.least();
        let error = refusal.map(|refusal| {
            let names = [("least", least.to_string())];
            self.app.pages.error(self.locale, &refusal.code, &names)
        });
        let values = context! {
            organization => self.landing.organization_name.as_deref(),
            email => self.landing.masked_email.as_deref(),
            signed_in => self.signed_in,
            action => format!("/activate/{}", self.token),
            expires => self.moment(self.landing.expires_at),
            least,
            error,
        };
        self.app.pages.page(status, self.locale, "activate.html", values)
    }

    fn superseded(&self) -> String {
        let [organization, email] = self.names();
        match self.moment(self.landing.newest_sent_at) {
            Some(moment) => {
                let names = [organization, email, ("moment", moment)];
                self.app.pages.text(self.locale, "superseded.text", &names)
            }
            None => self.text("superseded.text_undated"),
        }
    }

    /// Unknown, used and cancelled look the same (I8). Whoever used it up signs in from here.
    fn invalid(&self) -> Response {
        let values = context! {
            title => self.text("invalid.title"),
            lines => [self.text("invalid.text")],
            signed_in => self.signed_in,
            link => "/sign-in",
            link_text => self.text("invalid.link"),
        };
        self.app
            .pages
            .page(StatusCode::NOT_FOUND, self.locale, "message.html", values)
    }

    fn message(&self, status: StatusCode, title: &str, line: String) -> Response {
        let lines = [self.line(&line)];
        let values = context! { title => self.text(title), lines, signed_in => self.signed_in };
        self.app.pages.page(status, self.locale, "message.html", values)
    }

    fn accepted(&self) -> Response {
        // a slug is letters, digits and dashes, so it stands in an address as it is
        let slug = self.landing.organization_slug.as_deref();
        let link = slug.map_or_else(
            || "/sign-in".to_owned(),
            |slug| format!("/sign-in?organization={slug}"),
        );
        let values = context! {
            title => self.text("accepted.title"),
            lines => [self.text("accepted.text")],
            link,
            link_text => self.text("accepted.link"),
        };
        self.app
            .pages
            .page(StatusCode::OK, self.locale, "message.html", values)
    }

    /// The password was not taken, or the link is no longer what it was a moment ago.
    async fn refused(self, scope: &Scope, headers: &HeaderMap, refusals: Vec<Refusal>) -> Response {
        let refusal = refusals.into_iter().next();
        let about_link = refusal
            .as_ref()
            .is_none_or(|refusal| refusal.code.starts_with("LINK_"));
        if !about_link {
            return self.show(refusal.as_ref());
        }
        match Page::open(self.app, scope, self.token, headers).await {
            Ok(page) => page.show(refusal.as_ref()),
            Err(fault) => failed(self.app, self.locale, &fault),
        }
    }
}
