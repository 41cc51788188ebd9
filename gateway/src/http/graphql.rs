//! `/graphql` over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::accept::{Format, is_json, negotiate};
use super::client::{caller_of, source};
use super::device::device;
use super::operation::{Answer, Parameters, Refused, execute, prepare};
use super::{App, events, socket};
use crate::fault::{Code, Fault};
use crate::rates::Payer;

/// Bytes of a request's body.
pub(super) const LONGEST_BODY: usize = 1024 * 1024;
/// Headers that no page of another origin can send without having asked first: the specification's, and Apollo's.
pub(super) const PREFLIGHTS: [&str; 3] = [
    "graphql-require-preflight",
    "apollo-require-preflight",
    "x-apollo-operation-name",
];

/// The one address of the API: POST for everything, GET for questions and for the upgrade to a WebSocket.
pub(super) async fn endpoint(
    State(app): State<Arc<App>>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::GET && parts.headers.contains_key(UPGRADE) {
        let from = source(&app, &parts.headers, connection);
        return match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Ok(upgrade) => socket::accept(app, upgrade, from),
            Err(rejection) => rejection.into_response(),
        };
    }
    if parts.method != Method::POST && parts.method != Method::GET {
        let body = (StatusCode::METHOD_NOT_ALLOWED, "POST, or GET for questions\n");
        return ([(ALLOW, "GET, POST")], body).into_response();
    }
    let Some(format) = negotiate(&parts.headers) else {
        let fault = Fault::input("ask for application/graphql-response+json");
        return refuse(Format::Json, Refused::new(StatusCode::NOT_ACCEPTABLE, fault));
    };
    match answer(app, format, &parts, connection, body).await {
        Ok(response) => response,
        Err(refused) => refuse(format, refused),
    }
}

async fn answer(
    app: Arc<App>,
    format: Format,
    parts: &Parts,
    connection: SocketAddr,
    body: Body,
) -> Result<Response, Refused> {
    let headers = &parts.headers;
    let by_get = parts.method == Method::GET;
    let parameters = if by_get {
        asked(parts)?
    } else {
        posted(headers, body).await?
    };
    let caller = caller_of(&app, headers).map_err(|fault| match fault.code {
        Code::Unavailable => Refused::unavailable(fault),
        _ => Refused::new(StatusCode::UNAUTHORIZED, fault),
    })?;
    let from = source(&app, headers, connection);
    let mut operation = prepare(&app, parameters)?;
    if by_get && operation.kind == OperationType::Mutation {
        let fault = Fault::new(
            Code::ValidationFailed,
            "nothing is changed by GET: send it by POST",
        );
        return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, fault));
    }
    if operation.kind == OperationType::Subscription && format != Format::Events {
        let needs = "a subscription needs a WebSocket (graphql-transport-ws) or Accept: text/event-stream";
        let fault = Fault::new(Code::ValidationFailed, needs);
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, fault));
    }
    operation.pay(&app, &Payer::of(caller.as_ref(), &from))?;
    let scope = app.scope(caller, from).on_device(device(headers));
    if format == Format::Events {
        return Ok(events::stream(app, operation, scope));
    }
    Ok(respond(format, &execute(&app, operation, scope).await))
}

/// The parameters in the address. A link on any page can send this request, so a document that is not trusted needs a header
/// that a link cannot send.
fn asked(parts: &Parts) -> Result<Parameters, Refused> {
    let mut parameters = Parameters::default();
    for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "query" => parameters.query = Some(value.into_owned()),
            "documentId" => parameters.document_id = Some(value.into_owned()),
            "operationName" => parameters.operation_name = Some(value.into_owned()),
            "variables" => parameters.variables = parsed(value.as_bytes())?,
            "extensions" => parameters.extensions = parsed(value.as_bytes())?,
            _ => {}
        }
    }
    let given = |name: &&str| parts.headers.get(*name).is_some_and(|value| !value.is_empty());
    let preflighted = PREFLIGHTS.iter().any(given);
    if parameters.query.is_some() && !preflighted {
        let fault = Fault::new(
            Code::Forbidden,
            "by GET send a trusted documentId, or the header GraphQL-Require-Preflight: 1",
        );
        return Err(Refused::new(StatusCode::FORBIDDEN, fault));
    }
    Ok(parameters)
}

/// The parameters in the body: 415 where it is something else than JSON, 413 where it is too long.
async fn posted(headers: &HeaderMap, body: Body) -> Result<Parameters, Refused> {
    if !is_json(headers) {
        let fault = Fault::input("send application/json in UTF-8");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, fault));
    }
    let body: Bytes = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let fault = Fault::input("a request has at most 1 MiB");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, fault));
        }
        Err(_) => {
            let fault = Fault::input("the body broke off");
            return Err(Refused::new(StatusCode::BAD_REQUEST, fault));
        }
    };
    // one value at a time: an array of requests would multiply every limit
    if body.trim_ascii_start().first() == Some(&b'[') {
        let fault = Fault::input("one operation at a time: the body is an object");
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, fault));
    }
    parsed(&body)
}

/// 400 where it is no JSON, 422 where it is other JSON.
fn parsed<T: DeserializeOwned>(json: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(json).map_err(|error| {
        if error.is_data() {
            let fault = Fault::input(
                "a request has query or documentId, operationName (texts), variables and extensions (objects)",
            );
            Refused::new(StatusCode::UNPROCESSABLE_ENTITY, fault)
        } else {
            Refused::new(StatusCode::BAD_REQUEST, Fault::input("what should be JSON is not"))
        }
    })
}

fn refuse(format: Format, refused: Refused) -> Response {
    // a client of events learns of a refusal as JSON, like every other
    let format = if format == Format::Events {
        Format::Graphql
    } else {
        format
    };
    let expired = refused.errors.iter().any(|error| {
        let code = error.extensions.as_ref().and_then(|values| values.get("code"));
        code == Some(&Code::TokenExpired.as_str().into())
    });
    let status = refused.status;
    let mut response = respond(format, &refused.into());
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = if expired {
            "Bearer error=\"invalid_token\", error_description=\"expired\""
        } else {
            "Bearer error=\"invalid_token\""
        };
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn respond(format: Format, answer: &Answer) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (answer.status(), headers, answer.json()).into_response();
    if let Some(seconds) = answer.retry_after() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
