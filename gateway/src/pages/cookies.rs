//! The cookies of a session on our own pages: the two tokens, out of reach of scripts.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use usher_proto::invitations::v1::Session;

/// The tokens that a browser brought.
#[derive(Default)]
pub(super) struct Tokens {
    pub(super) access: Option<String>,
    pub(super) refresh: Option<String>,
}

impl Tokens {
    /// Reads the cookies of a request.
    pub(super) fn of(headers: &HeaderMap, public_url: &str) -> Self {
        let names = Names::of(public_url);
        Self {
            access: find(headers, names.access),
            refresh: find(headers, names.refresh),
        }
    }

    /// Whether somebody seems to be signed in.
    pub(super) fn any(&self) -> bool {
        self.access.is_some() || self.refresh.is_some()
    }
}

/// `__Host-` keeps a cookie to this host and to TLS; without TLS, on a developer's machine, browsers refuse the prefix.
struct Names {
    access: &'static str,
    refresh: &'static str,
    /// Of a sign-in at an identity provider that has begun.
    attempt: &'static str,
    attributes: &'static str,
}

impl Names {
    fn of(public_url: &str) -> Self {
        if public_url.starts_with("https://") {
            Self {
                access: "__Host-usher_access",
                refresh: "__Host-usher_refresh",
                attempt: "__Host-usher_attempt",
                attributes: "; Path=/; HttpOnly; SameSite=Lax; Secure",
            }
        } else {
            Self {
                access: "usher_access",
                refresh: "usher_refresh",
                attempt: "usher_attempt",
                attributes: "; Path=/; HttpOnly; SameSite=Lax",
            }
        }
    }
}

/// The cookie of that name; the last of several.
fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .rfind(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

/// How long somebody may take at the identity provider, in seconds.
const ATTEMPT: u32 = 600;

/// The secret of a sign-in at an identity provider that has begun in this browser.
pub(super) fn attempt(headers: &HeaderMap, public_url: &str) -> Option<String> {
    find(headers, Names::of(public_url).attempt)
}

/// Keeps that secret. `SameSite=Lax` brings it along when the provider sends the browser back.
pub(super) fn keep_attempt(response: &mut Response, secret: &str, public_url: &str) {
    let names = Names::of(public_url);
    let attributes = format!("{}; Max-Age={ATTEMPT}", names.attributes);
    set(response, names.attempt, secret, &attributes);
}

/// Takes it away again: a way back is taken once.
pub(super) fn forget_attempt(response: &mut Response, public_url: &str) {
    let names = Names::of(public_url);
    let attributes = format!("{}; Max-Age=0", names.attributes);
    set(response, names.attempt, "", &attributes);
}

fn set(response: &mut Response, name: &str, value: &str, attributes: &str) {
    if let Ok(mut cookie) = HeaderValue::from_str(&format!("{name}={value}{attributes}")) {
        cookie.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Hands the tokens of a session to the browser, until it is closed; how long they are good is the server's to say.
pub(super) fn keep(response: &mut Response, session: &Session, public_url: &str) {
    let names = Names::of(public_url);
    set(response, names.access, &session.access_token, names.attributes);
    if let Some(refresh) = &session.refresh_token {
        set(response, names.refresh, refresh, names.attributes);
    }
}

/// Takes the tokens away from the browser.
pub(super) fn forget(response: &mut Response, public_url: &str) {
    let names = Names::of(public_url);
    let attributes = format!("{}; Max-Age=0", names.attributes);
    set(response, names.access, "", &attributes);
    set(response, names.refresh, "", &attributes);
}
