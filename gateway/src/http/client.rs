//! Who calls over HTTP, and from where.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use usher_auth::InvalidToken;
use usher_service::grpc::Bearer;

use super::App;
use crate::fault::{Code, Fault};
use crate::graphql::Caller;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The caller behind an access token.
///
/// # Errors
/// TOKEN_EXPIRED for one that has run out, UNAUTHENTICATED for one that is not valid, UNAVAILABLE while verification keys have not arrived.
pub(crate) fn caller(app: &App, token: &str) -> Result<Caller, Fault> {
    if !app.verifier.is_ready() {
        return Err(Fault::new(
            Code::Unavailable,
            "verification keys have not arrived yet; try again",
        ));
    }
    let invalid = || Fault::new(Code::Unauthenticated, "the token is not valid");
    let principal = app.verifier.verify(token).map_err(|refused| match refused {
        InvalidToken::Expired => expired(),
        InvalidToken::Refused => invalid(),
    })?;
    // a service's own token is good for gRPC between services alone
    if principal.member().is_none() && principal.contact().is_none() {
        return Err(invalid());
    }
    let bearer = Bearer::new(token).map_err(|_| invalid())?;
    Ok(Caller { bearer, principal })
}

/// The token was good and has run out.
pub(super) fn expired() -> Fault {
    Fault::new(Code::TokenExpired, InvalidToken::Expired.to_string())
}

/// The caller of a request; nobody where it brings no token.
pub(super) fn caller_of(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Fault> {
    let Some(given) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let token = given.to_str().ok().and_then(bearer_token);
    match token {
        Some(token) => caller(app, token).map(Some),
        None => Err(Fault::new(
            Code::Unauthenticated,
            "the header is written Authorization: Bearer …",
        )),
    }
}

/// The token in `Bearer …`.
pub(super) fn bearer_token(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The address that a request came from: of the connection, or as the last proxy of ours saw it.
pub(crate) fn source(app: &App, headers: &HeaderMap, connection: SocketAddr) -> String {
    let address = forwarded(headers, app.proxy_hops).unwrap_or(connection.ip());
    address.to_string()
}

/// What the outermost of `hops` proxies of ours saw; none where there is no proxy, or it wrote no address.
fn forwarded(headers: &HeaderMap, hops: usize) -> Option<IpAddr> {
    let written: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect();
    // what stands further left was written by whoever called, and may be anything
    let seen = written.get(written.len().checked_sub(hops)?)?;
    // some proxies write the port, too, which is another for each connection
    let with_port = || seen.parse().ok().map(|address: SocketAddr| address.ip());
    seen.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i11_a_source_is_the_address_that_our_outermost_proxy_saw() {
        let cases: [(&[&str], usize, Option<&str>); 11] = [
            (&[], 0, None),
            (&[], 1, None),
            (&["203.0.113.7"], 0, None),
            (&["203.0.113.7"], 1, Some("203.0.113.7")),
            (&["6.6.6.6, 203.0.113.7"], 1, Some("203.0.113.7")),
            (&["6.6.6.6, 203.0.113.7, 10.0.0.1"], 2, Some("203.0.113.7")),
            (&["6.6.6.6", "203.0.113.7"], 1, Some("203.0.113.7")),
            (&["203.0.113.7:51234"], 1, Some("203.0.113.7")),
            (&["[2001:db8::1]:443"], 1, Some("2001:db8::1")),
            (&["unknown"], 1, None),
            (&["203.0.113.7"], 2, None),
        ];
        for (lines, hops, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let expected: Option<IpAddr> = expected.map(|address| address.parse().unwrap());
            assert_eq!(forwarded(&headers, hops), expected, "{lines:?} {hops}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer  abc"), Some("abc"));
        assert_eq!(bearer_token("Basic abc"), None);
        assert_eq!(bearer_token("Bearer "), None);
        assert_eq!(bearer_token("abc"), None);
    }
}
