//! The page behind the link that confirms a new address (I6). Showing it changes nothing (I7).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;

use super::guard::is_ours;
use super::link::{self, Link, anonymous};
use super::{failed, reader, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::App;

/// The link to a new address.
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
        Ok(page) => page.show(),
        Err(fault) => failed(&app, reader::stranger(&headers), &fault),
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
        return refused(&app, reader::stranger(&headers), StatusCode::FORBIDDEN);
    }
    let scope = anonymous(&app, &headers, connection);
    match confirmed(&app, &scope, &token, &headers).await {
        Ok(response) => response,
        Err(fault) => failed(&app, reader::stranger(&headers), &fault),
    }
}

async fn confirmed(app: &App, scope: &Scope, token: &str, headers: &HeaderMap) -> Result<Response, Fault> {
    // looked at first: afterwards the link is worth nothing and tells nothing
    let page = Page::open(app, scope, token, headers).await?;
    let request = scope.ask(link::request(token));
    let mut invitations = scope.backends.invitations.clone();
    let reply = answer(invitations.confirm_email_change(request).await)?;
    if reply.refusals.is_empty() {
        return Ok(page.done());
    }
    Ok(Page::open(app, scope, token, headers).await?.show())
}

impl<'a> Page<'a> {
    async fn open(app: &'a App, scope: &Scope, token: &'a str, headers: &HeaderMap) -> Result<Self, Fault> {
        let asked = scope.ask(link::request(token));
        let landing = answer(scope.backends.invitations.clone().get_email_change(asked).await)?;
        Ok(Self(Link::new(app, token, headers, landing)))
    }

    fn show(&self) -> Response {
        let Self(link) = self;
        match link.landing.state.as_str() {
            "OPEN" => self.form(),
            "EXPIRED" => {
                let text = link.text("expired_email.text");
                link.message(StatusCode::GONE, "expired_email.title", &text, None)
            }
            _ => link.invalid("invalid.text", link.sign_in()),
        }
    }

    fn form(&self) -> Response {
        let Self(link) = self;
        let values = context! {
            organization => link.landing.organization_name.as_deref(),
            email => link.landing.masked_email.as_deref(),
            notice => link.notice("notice.link"),
            action => format!("/confirm-email/{}", link.token),
            expires => link.moment(link.landing.expires_at),
        };
        link.app
            .pages
            .page(StatusCode::OK, link.locale, "confirm_email.html", values)
    }

    fn done(&self) -> Response {
        let Self(link) = self;
        let text = link.text("confirmed_email.text");
        link.message(
            StatusCode::OK,
            "confirmed_email.title",
            &text,
            Some(link.sign_in()),
        )
    }
}
