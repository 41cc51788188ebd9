//! "Forgotten your password?" The answer is the same whoever has the address (I12).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use minijinja::context;
use serde::Deserialize;
use usher_proto::invitations::v1::RequestPasswordResetRequest;

use super::guard::{is_ours, status_of};
use super::sign_in::Wishes;
use super::{failed, reader, refused};
use crate::graphql::answer;
use crate::http::{App, source};

#[derive(Deserialize)]
pub(super) struct Forgotten {
    email: String,
    #[serde(flatten)]
    wishes: Wishes,
}

/// Shows the form.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Query(wishes): Query<Wishes>,
    headers: HeaderMap,
) -> Response {
    let values = context! {
        organization => wishes.organization(),
        as_member => wishes.is_member(),
        back => wishes.at("/sign-in"),
    };
    let locale = reader::stranger(&headers);
    app.pages.page(StatusCode::OK, locale, "forgot.html", values)
}

/// Asks for a way back in; nothing is found out about the address.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    form: Result<Form<Forgotten>, FormRejection>,
) -> Response {
    let locale = reader::stranger(&headers);
    if !is_ours(&headers, &app.public_url) {
        return refused(&app, locale, StatusCode::FORBIDDEN);
    }
    let Form(Forgotten { email, wishes }) = match form {
        Ok(form) => form,
        Err(rejection) => return refused(&app, locale, status_of(&rejection)),
    };
    let from = source(&app, &headers, connection);
    let scope = app.scope(None, from.clone());
    let request = scope.ask(RequestPasswordResetRequest {
        email,
        organization: wishes.organization().map(str::to_owned),
        source: from,
    });
    let asked = scope
        .backends
        .recovery
        .clone()
        .request_password_reset(request)
        .await;
    if let Err(fault) = answer(asked) {
        return failed(&app, locale, &fault);
    }
    let text = |key: &str| app.pages.text(locale, key, &[]);
    let values = context! {
        title => text("forgot_sent.title"),
        lines => [text("forgot_sent.text"), text("forgot_sent.again")],
        link => wishes.at("/sign-in"),
        link_text => text("forgot.back"),
    };
    app.pages.page(StatusCode::OK, locale, "message.html", values)
}
