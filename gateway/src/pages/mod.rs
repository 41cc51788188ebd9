//! The few pages that people meet: plain HTML, no script needed, strict headers, nothing changed by GET (I7).

mod activate;
mod budget;
mod choose;
mod confirm_email;
mod cookies;
mod decline;
mod development;
mod eml;
mod forgot;
mod graphiql;
mod guard;
mod link;
mod new_link;
mod portal;
mod provider;
mod reader;
mod render;
mod reset;
mod sign_in;
mod style;
mod texts;

pub(crate) use render::Pages;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use minijinja::context;
use usher_text::Locale;

use crate::fault::{Code, Fault};
use crate::http::App;

/// Bytes of a form: the longest password that is looked at, in the longest way of writing it.
const LONGEST_FORM: usize = 16 * 1024;

/// The routes that people use.
pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/activate/{token}", get(activate::show).post(activate::accept))
        .route(
            "/activate/{token}/not-me",
            get(decline::show).post(decline::decline),
        )
        .route(
            "/activate/{token}/new-link",
            get(activate::show).post(new_link::ask),
        )
        .route(
            "/confirm-email/{token}",
            get(confirm_email::show).post(confirm_email::confirm),
        )
        .route("/reset/{token}", get(reset::show).post(reset::reset))
        .route("/forgot", get(forgot::show).post(forgot::ask))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/auth/oidc/{organization}", get(provider::begin))
        .route("/auth/oidc/{organization}/callback", get(provider::finish))
        .route("/portal", get(portal::show))
        .route_layer(from_fn_with_state(Arc::clone(app), budget::budgeted))
        .route("/assets/pages.css", get(style::style));
    let routes = if app.development {
        routes.merge(development::routes()).merge(graphiql::routes())
    } else {
        routes
    };
    routes.layer(DefaultBodyLimit::max(LONGEST_FORM))
}

/// Another page of ours. Nothing keeps the answer: it may carry the cookies of a session.
fn see_other(path: &'static str) -> Response {
    ([(CACHE_CONTROL, "no-store")], Redirect::to(path)).into_response()
}

/// No such address.
pub(crate) async fn not_found(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let locale = reader::stranger(&headers);
    let title = app.pages.text(locale, "problem.not_found", &[]);
    app.pages
        .page(StatusCode::NOT_FOUND, locale, "message.html", context! { title })
}

/// A service failed: nothing was done, and the page says so without saying what.
fn failed(app: &App, locale: Locale, fault: &Fault) -> Response {
    let status = match fault.code {
        Code::Throttled => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let title = app.pages.text(locale, "problem.unavailable", &[]);
    let lines = [app.pages.text(locale, "problem.unavailable_text", &[])];
    app.pages
        .page(status, locale, "message.html", context! { title, lines })
}

/// A form that is none, or too long, or from somewhere else.
fn refused(app: &App, locale: Locale, status: StatusCode) -> Response {
    let key = match status {
        StatusCode::FORBIDDEN => "problem.forbidden",
        StatusCode::PAYLOAD_TOO_LARGE => "problem.too_long",
        _ => "error.OTHER",
    };
    let title = app.pages.text(locale, key, &[]);
    app.pages.page(status, locale, "message.html", context! { title })
}
