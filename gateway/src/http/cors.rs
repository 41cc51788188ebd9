//! Pages of other origins that may call the API from a browser.

use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use usher_service::StartError;

use super::frame::{CLIENT_NAME, CLIENT_VERSION, REQUEST_ID};
use super::graphql::PREFLIGHTS;

/// How long a browser may remember what it was told.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The trace that a request is a part of (W3C Trace Context): browsers that are traced send it with every request.
const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// Answers preflights of exactly these origins. Cookies are never taken along: the API's callers bring a token.
///
/// # Errors
/// [`StartError::Settings`] for what is no origin.
pub(crate) fn cors<'a>(origins: impl Iterator<Item = &'a str>) -> Result<CorsLayer, StartError> {
    let origins: Vec<HeaderValue> = origins.map(origin).collect::<Result<_, _>>()?;
    let mut asked = vec![ACCEPT, AUTHORIZATION, CONTENT_TYPE, REQUEST_ID];
    asked.extend(PREFLIGHTS.map(HeaderName::from_static));
    asked.extend([CLIENT_NAME, CLIENT_VERSION]);
    asked.extend(TRACE.map(HeaderName::from_static));
    Ok(CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::list(asked))
        .expose_headers([REQUEST_ID, RETRY_AFTER])
        .max_age(REMEMBERED))
}

fn origin(text: &str) -> Result<HeaderValue, StartError> {
    let refused = || {
        StartError::settings(format!(
            "gateway.cors_origins: {text} is no origin; write scheme and host, such as https://app.firm.example"
        ))
    };
    let uri: Uri = text.parse().map_err(|_| refused())?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    // browsers send neither a slash at the end nor a star
    let exact = uri
        .authority()
        .is_some_and(|authority| text.ends_with(authority.as_str()));
    if !web || !exact || text.contains(['*', '@']) {
        return Err(refused());
    }
    HeaderValue::from_str(text).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exact_origin_is_taken() {
        for right in ["https://app.firm.example", "http://localhost:3000"] {
            assert_eq!(origin(right).unwrap(), right);
        }
        for wrong in [
            "*",
            "null",
            "app.firm.example",
            "https://app.firm.example/",
            "https://*.firm.example",
            "ftp://a.b",
        ] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
