//! The plain page of whoever is signed in.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use futures::future::try_join_all;
use minijinja::context;
use usher_auth::Subject;
use usher_proto::invitations::v1::{RefreshSessionRequest, Session};

use super::cookies::{Tokens, forget, keep};
use super::{failed, reader, see_other};
use crate::fault::{Code, Fault};
use crate::graphql::{Caller, Scope, answer};
use crate::http::{App, caller, source};

/// What the page shows.
struct Shown {
    name: String,
    organization: String,
    /// The organization's.
    locale: String,
    /// A contact's; members have none.
    accounts: Option<Vec<String>>,
}

/// Shows who is signed in, where, and which accounts they may use.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let from = source(&app, &headers, connection);
    let tokens = Tokens::of(&headers, &app.public_url);
    let (caller, renewed) = match session(&app, &tokens, &from, &method).await {
        Ok(Some(found)) => found,
        Ok(None) => return signed_out(&app),
        Err(fault) => return failed(&app, reader::stranger(&headers), &fault),
    };
    let scope = app.scope(Some(caller), from);
    let mut response = match look(&scope).await {
        Ok(shown) => {
            let values = context! {
                name => shown.name,
                organization => shown.organization,
                accounts => shown.accounts,
            };
            let locale = reader::locale(&headers, None, Some(&shown.locale));
            app.pages.page(StatusCode::OK, locale, "portal.html", values)
        }
        Err(fault) if fault.is_signed_out() => signed_out(&app),
        Err(fault) => failed(&app, reader::stranger(&headers), &fault),
    };
    if let Some(session) = renewed {
        keep(&mut response, &session, &app.public_url);
    }
    response
}

fn signed_out(app: &App) -> Response {
    let mut response = see_other("/sign-in");
    forget(&mut response, &app.public_url);
    response
}

/// The session of the cookies, renewed where the access token has run out.
async fn session(
    app: &App,
    tokens: &Tokens,
    from: &str,
    method: &Method,
) -> Result<Option<(Caller, Option<Session>)>, Fault> {
    match tokens.access.as_deref().map(|token| caller(app, token)) {
        Some(Ok(caller)) => return Ok(Some((caller, None))),
        Some(Err(fault)) if !fault.is_signed_out() => return Err(fault),
        _ => {}
    }
    // HEAD changes nothing, and a refresh token is good for one use
    let Some(refresh_token) = tokens.refresh.clone().filter(|_| method == Method::GET) else {
        return Ok(None);
    };
    let scope = app.scope(None, from.to_owned());
    let request = scope.ask(RefreshSessionRequest { refresh_token });
    let reply = answer(scope.backends.sessions.clone().refresh_session(request).await)?;
    match reply.session {
        Some(session) => Ok(Some((caller(app, &session.access_token)?, Some(session)))),
        None => Ok(None),
    }
}

async fn look(scope: &Scope) -> Result<Shown, Fault> {
    let gone = || Fault::new(Code::Unauthenticated, "sign in first");
    let firm = scope.organization().await?.ok_or_else(gone)?.0;
    let (organization, locale) = (firm.name, firm.locale);
    match scope.principal().ok_or_else(gone)?.subject {
        Subject::Member(id) => Ok(Shown {
            name: scope.member(id).await?.ok_or_else(gone)?.0.display_name,
            organization,
            locale,
            accounts: None,
        }),
        Subject::Contact(id) => {
            let (contact, links) = futures::try_join!(scope.contact(id), scope.links_of_contact(id))?;
            let open = links
                .unwrap_or_default()
                .into_iter()
                .filter(|link| link.has_login());
            let accounts = try_join_all(open.map(|link| link.into_account(scope))).await?;
            Ok(Shown {
                name: contact.ok_or_else(gone)?.row.display_name,
                organization,
                locale,
                accounts: Some(
                    accounts
                        .into_iter()
                        .flatten()
                        .map(|account| account.row.name)
                        .collect(),
                ),
            })
        }
        Subject::ServiceAccount(_) | Subject::Service(_) => Err(gone()),
    }
}
