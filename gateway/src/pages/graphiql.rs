//! GraphiQL, in development only: the API tried out in a browser, with nothing that comes from elsewhere.
//!
//! The bundle is embedded as `scripts/graphiql` has written it (`gateway/graphiql`), compressed: every browser takes
//! gzip, and nobody else asks for it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use minijinja::context;
use usher_text::Locale;

use super::not_found;
use crate::http::App;

/// Scripts and workers of ours that talk to us. The editor writes its styles and icons into the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
     style-src 'self' 'unsafe-inline'; font-src data:; img-src data:; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// What a worker may load: nothing.
const ASSET_POLICY: &str = "default-src 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $kind:expr),+ $(,)?) => {
        &[$(($name, $kind, include_bytes!(concat!("../../graphiql/dist/", $name, ".gz")))),+]
    };
}

/// Name, media type, compressed bytes.
const ASSETS: &[(&str, &str, &[u8])] = assets![
    "main.js": SCRIPT,
    "main.css": STYLE,
    "editor.worker.js": SCRIPT,
    "graphql.worker.js": SCRIPT,
    "json.worker.js": SCRIPT,
    "licenses.txt": TEXT,
];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(page))
        .route("/assets/graphiql/{name}", get(asset))
}

async fn page(State(app): State<Arc<App>>) -> Response {
    let mut response = app
        .pages
        .page(StatusCode::OK, Locale::default(), "graphiql.html", context! {});
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

async fn asset(State(app): State<Arc<App>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(&(_, kind, bytes)) = ASSETS.iter().find(|(known, ..)| *known == name) else {
        return not_found(State(app), headers).await;
    };
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_ENCODING, "gzip"),
        (CONTENT_SECURITY_POLICY, ASSET_POLICY),
        // another release may be started at the same address
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, bytes).into_response()
}
