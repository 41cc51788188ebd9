//! Forms are taken from our own pages alone.

use axum::extract::rejection::FormRejection;
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};

const FETCH_SITE: &str = "sec-fetch-site";

/// Whether a form was sent by a page of ours, or by no browser at all.
///
/// `Sec-Fetch-Site` is what browsers say; pages cannot write it. Our pages send no referrer, and with that policy
/// browsers make `Origin` the word `null`, as they do for strangers that hide: that word alone proves nothing, so it is
/// not enough. Programs such as curl send neither header and carry nobody's cookies.
pub(super) fn is_ours(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text(FETCH_SITE), text(ORIGIN.as_str())) {
        // "none": the person typed or reloaded it
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => origin == origin_of(public_url),
        (None, None) => true,
    }
}

/// Scheme and authority of our public address, as browsers write origins.
fn origin_of(public_url: &str) -> &str {
    let after_scheme = public_url.find("://").map_or(0, |at| at + 3);
    let end = public_url.get(after_scheme..).and_then(|rest| rest.find('/'));
    end.and_then(|at| public_url.get(..after_scheme + at))
        .unwrap_or(public_url)
}

/// The status of a form that cannot be read.
pub(super) fn status_of(rejection: &FormRejection) -> StatusCode {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ours(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        is_ours(&headers, "https://portal.example/usher")
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        assert!(ours(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(ours(&[("origin", "https://portal.example")]));
        assert!(ours(&[]));
        assert!(!ours(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://portal.example")
        ]));
        assert!(!ours(&[("sec-fetch-site", "same-site")]));
        assert!(!ours(&[("origin", "https://evil.example")]));
        assert!(!ours(&[("origin", "null")]));
    }
}
