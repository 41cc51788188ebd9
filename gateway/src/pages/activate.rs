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
use serde::Deserialize;
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1::{AcceptInvitationReply, AcceptInvitationRequest};

use super::guard::{is_ours, status_of};
use super::link::{self, Link, anonymous};
use super::texts::Texts;
use super::{failed, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::App;

/// The shortest password where the service does not say (I10).
const SHORTEST_PASSWORD: i32 = 15;

/// An invitation's link.
struct Page<'a>(Link<'a>);

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
        Err(fault) => failed(&app, page.0.locale, &fault),
    }
}

impl<'a> Page<'a> {
    async fn open(app: &'a App, scope: &Scope, token: &'a str, headers: &HeaderMap) -> Result<Self, Fault> {
        let asked = scope.ask(link::request(token));
        let landing = answer(scope.backends.invitations.clone().get_landing(asked).await)?;
        Ok(Self(Link::new(app, token, headers, landing)))
    }

    fn least(&self) -> i32 {
        self.0.landing.password_min_length.unwrap_or(SHORTEST_PASSWORD)
    }

    /// The page for what the link is worth now; `refusal` is about a password that was not taken.
    fn show(&self, refusal: Option<&Refusal>) -> Response {
        match self.0.landing.state.as_str() {
            "OPEN" => self.form(refusal),
            "EXPIRED" => self.gone("expired.title", &self.0.text("expired.text")),
            "SUPERSEDED" => self.gone("superseded.title", &self.superseded()),
            _ => self.0.invalid(),
        }
    }

    fn gone(&self, title: &str, line: &str) -> Response {
        self.0.message(StatusCode::GONE, title, line, None)
    }

    fn form(&self, refusal: Option<&Refusal>) -> Response {
        let status = if refusal.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        let Self(link) = self;
        let least = self.least();
        let error = refusal.map(|refusal| {
            let names = [("least", least.to_string())];
            link.app.pages.error(link.locale, &refusal.code, &names)
        });
        let values = context! {
            organization => link.landing.organization_name.as_deref(),
            email => link.landing.masked_email.as_deref(),
            signed_in => link.signed_in,
            action => format!("/activate/{}", link.token),
            expires => link.moment(link.landing.expires_at),
            least,
            error,
        };
        link.app.pages.page(status, link.locale, "activate.html", values)
    }

    fn superseded(&self) -> String {
        let Self(link) = self;
        let [organization, email] = link.names();
        match link.moment(link.landing.newest_sent_at) {
            Some(moment) => {
                let names = [organization, email, ("moment", moment)];
                link.app.pages.text(link.locale, "superseded.text", &names)
            }
            None => link.text("superseded.text_undated"),
        }
    }

    fn accepted(&self) -> Response {
        let Self(link) = self;
        let values = context! {
            title => link.text("accepted.title"),
            lines => [link.text("accepted.text")],
            link => link.sign_in(),
            link_text => link.text("accepted.link"),
        };
        link.app
            .pages
            .page(StatusCode::OK, link.locale, "message.html", values)
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
        let Self(link) = self;
        match Page::open(link.app, scope, link.token, headers).await {
            Ok(page) => page.show(refusal.as_ref()),
            Err(fault) => failed(link.app, link.locale, &fault),
        }
    }
}
