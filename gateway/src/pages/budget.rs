//! Forms pay out of the same budgets as the operations of the API that do the same.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::guard::is_ours;
use super::{failed, reader};
use crate::fault::{Code, Fault};
use crate::http::{App, source};
use crate::rates::{Budget, Payer, TooMuch};

/// The budget of a form, by its route.
fn budget_of(route: &str) -> Option<Budget> {
    match route {
        "/sign-in" => Some(Budget::SignIns),
        "/forgot" | "/activate/{token}/new-link" => Some(Budget::Mails),
        "/activate/{token}" | "/activate/{token}/not-me" | "/confirm-email/{token}" | "/reset/{token}" => {
            Some(Budget::Links)
        }
        _ => None,
    }
}

/// Lets a form through that its sender can pay.
pub(super) async fn budgeted(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    // a page of somebody else's must not use up what the visitor's network may send; the form itself is refused
    let counts = request.method() == Method::POST && is_ours(request.headers(), &app.public_url);
    let budget = budget_of(route.as_str()).filter(|_| counts);
    if let Some(budget) = budget {
        let payer = Payer::of(None, &source(&app, request.headers(), connection));
        if let Err(too_much) = app.rates.pay(budget, &payer, 1) {
            let locale = reader::stranger(request.headers());
            let fault = Fault::new(Code::Throttled, "too many forms at once");
            return with_retry_after(failed(&app, locale, &fault), too_much);
        }
    }
    next.run(request).await
}

/// Says when to try again.
pub(super) fn with_retry_after(mut response: Response, too_much: TooMuch) -> Response {
    let seconds = HeaderValue::from(too_much.seconds);
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}
