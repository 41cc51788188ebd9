//! "This isn't me" (I8). Showing the page changes nothing, and scanners submit forms: only a ticked box ends the invitation.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;

use super::activate::Page;
use super::guard::{is_ours, status_of};
use super::link::{self, Link, anonymous};
use super::render::in_one_piece;
use super::{failed, reader, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::App;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Answer {
    /// The value of the box, where it is ticked.
    confirm: Option<String>,
}

/// Shows the form.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let scope = anonymous(&app, &headers, connection);
    match Page::open(&app, &scope, &token, &headers).await {
        Ok(page) if page.is_declinable() => form(page.link(), false),
        Ok(page) => page.show(None),
        Err(fault) => failed(&app, reader::stranger(&headers), &fault),
    }
}

/// Ends the invitation, if the box is ticked.
pub(super) async fn decline(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Answer>, FormRejection>,
) -> Response {
    let locale = reader::stranger(&headers);
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, locale, StatusCode::FORBIDDEN);
    }
    let ticked = match form {
        Ok(Form(form)) => form.confirm.as_deref() == Some("yes"),
        Err(rejection) => return refused(&app, locale, status_of(&rejection)),
    };
    let scope = anonymous(&app, &headers, connection);
    let declined = declined(&app, &scope, (&token, ticked), &headers).await;
    declined.unwrap_or_else(|fault| failed(&app, locale, &fault))
}

async fn declined(
    app: &App,
    scope: &Scope,
    (token, ticked): (&str, bool),
    headers: &HeaderMap,
) -> Result<Response, Fault> {
    // looked at first: afterwards the link is worth nothing and tells nothing
    let page = Page::open(app, scope, token, headers).await?;
    if !page.is_declinable() {
        return Ok(page.show(None));
    }
    if !ticked {
        return Ok(form(page.link(), true));
    }
    let request = scope.ask(link::request(token));
    let mut recovery = scope.backends.recovery.clone();
    let reply = answer(recovery.decline_invitation(request).await)?;
    if reply.refusals.is_empty() {
        let link = page.link();
        return Ok(link.message(
            StatusCode::OK,
            "declined.title",
            &link.text("declined.text"),
            None,
        ));
    }
    Ok(Page::open(app, scope, token, headers).await?.show(None))
}

/// `unticked`: it was sent without the tick.
fn form(link: &Link<'_>, unticked: bool) -> Response {
    let status = if unticked {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let address = link.landing.masked_email.as_deref();
    let values = context! {
        intro => in_one_piece(&link.text("decline.text"), address),
        notice => link.notice("notice.link"),
        action => format!("/activate/{}/not-me", link.token),
        back => format!("/activate/{}", link.token),
        error => unticked.then(|| link.app.pages.error(link.locale, "UNTICKED", &[])),
    };
    link.app.pages.page(status, link.locale, "decline.html", values)
}
