//! `/graphql` over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, UPGRADE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::accept::{Format, is_json, negotiate};
use super::client::{caller_of, source};
use super::device::device;
use super::operation::{Answer, Parameters, Refused, execute, prepare};
use super::{App, events, socket};
use crate::fault::{Code, Fault};

/// Bytes of a request's body.
pub(super) const LONGEST_BODY: usize = 1024 * 1024;

/// The one address of the API: POST for everything, GET for the upgrade to a WebSocket alone.
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
    if parts.method != Method::POST {
        let body = (
            StatusCode::METHOD_NOT_ALLOWED,
            "POST only; nothing is changed by GET\n",
        );
        return ([(ALLOW, "POST")], body).into_response();
    }
    let Some(format) = negotiate(&parts.headers) else {
        return refusal(
            Format::Json,
            StatusCode::NOT_ACCEPTABLE,
            "ask for application/graphql-response+json",
        );
    };
    if !is_json(&parts.headers) {
        return refusal(
            format,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send application/json in UTF-8",
        );
    }
    match post(app, format, &parts.headers, connection, body).await {
        Ok(response) => response,
        Err(refused) => refuse(format, refused),
    }
}

async fn post(
    app: Arc<App>,
    format: Format,
    headers: &HeaderMap,
    connection: SocketAddr,
    body: Body,
) -> Result<Response, Refused> {
    let parameters = read(body).await?;
    let caller = caller_of(&app, headers).map_err(|fault| {
        let unavailable = fault.code == Code::Unavailable;
        let status = if unavailable {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::UNAUTHORIZED
        };
        Refused::new(status, fault)
    })?;
    let operation = prepare(&app, parameters)?;
    let scope = app.scope(caller, source(&app, headers, connection));
    let scope = scope.on_device(device(headers));
    if format == Format::Events {
        return Ok(events::stream(app, operation, scope));
    }
    if operation.kind == OperationType::Subscription {
        let needs = "a subscription needs a WebSocket (graphql-transport-ws) or Accept: text/event-stream";
        let fault = Fault::new(Code::ValidationFailed, needs);
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, fault));
    }
    let answer = execute(&app, operation, scope).await;
    let status = if answer.is_refusal() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    Ok(respond(format, status, &answer))
}

/// The body as parameters: 413 where it is too long, 400 where it is no JSON, 422 where it is other JSON.
async fn read(body: Body) -> Result<Parameters, Refused> {
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let fault = Fault::input("a request has at most 1 MiB");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, fault));
        }
        Err(_) => {
            return Err(Refused::new(
                StatusCode::BAD_REQUEST,
                Fault::input("the body broke off"),
            ));
        }
    };
    parse(&body)
}

fn parse(body: &Bytes) -> Result<Parameters, Refused> {
    // one value at a time: an array of requests would multiply every limit
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            let fault = Fault::input("the body is an object with query, operationName and variables");
            Refused::new(StatusCode::UNPROCESSABLE_ENTITY, fault)
        } else {
            Refused::new(StatusCode::BAD_REQUEST, Fault::input("the body is not JSON"))
        }
    })
}

fn refusal(format: Format, status: StatusCode, message: &'static str) -> Response {
    refuse(format, Refused::new(status, Fault::input(message)))
}

fn refuse(format: Format, refused: Refused) -> Response {
    // a client of events learns of a refusal as JSON, like every other
    let format = if format == Format::Events {
        Format::Graphql
    } else {
        format
    };
    let mut response = respond(format, refused.status, &Answer::refused(refused.errors));
    let headers = response.headers_mut();
    match refused.status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer error=\"invalid_token\""),
            );
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

fn respond(format: Format, status: StatusCode, answer: &Answer) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, answer.json()).into_response()
}
