//! "Send me a new link" (I8): to the stored address only, and the answer is the same whatever the link is worth.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use usher_proto::invitations::v1::NewLinkRequest;

use super::activate::Page;
use super::guard::is_ours;
use super::link::anonymous;
use super::{failed, reader, refused};
use crate::fault::Fault;
use crate::graphql::{Scope, answer};
use crate::http::App;

/// Asks for a fresh invitation.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let locale = reader::stranger(&headers);
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, locale, StatusCode::FORBIDDEN);
    }
    let scope = anonymous(&app, &headers, connection);
    let asked = asked(&app, &scope, &token, &headers).await;
    asked.unwrap_or_else(|fault| failed(&app, locale, &fault))
}

async fn asked(app: &App, scope: &Scope, token: &str, headers: &HeaderMap) -> Result<Response, Fault> {
    // for the reader's language alone
    let page = Page::open(app, scope, token, headers).await?;
    let request = scope.ask(NewLinkRequest {
        token: token.to_owned(),
        source: scope.source.clone(),
    });
    answer(scope.backends.recovery.clone().request_new_link(request).await)?;
    let link = page.link();
    let text = link.text("new_link_sent.text");
    Ok(link.message(StatusCode::OK, "new_link_sent.title", &text, None))
}
