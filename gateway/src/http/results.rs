//! What became of each contact of a batch, as a CSV in flat memory.

use std::sync::Arc;

use async_graphql::ID;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use futures::StreamExt;
use futures::stream::once;
use tonic::Status;
use usher_auth::{Denied, Operation, authorize};
use usher_proto::datetime;
use usher_proto::invitations::v1::{ResultRow, Results, StreamResultsRequest};
use usher_types::{BatchId, ContactId};

use super::App;
use super::client::caller_of;
use crate::csv::lines;
use crate::fault::{Code, Fault};
use crate::ids::{Kind, shown};

const HEADER: [&str; 10] = [
    "contactId",
    "firstName",
    "lastName",
    "email",
    "outcome",
    "reason",
    "error",
    "invitedAt",
    "expiresAt",
    "acceptedAt",
];

/// `GET /batches/{id}/results.csv`, with the caller's token. Needs `contacts.read`.
pub(super) async fn results(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match answer(&app, &ID(id), &headers).await {
        Ok(response) => response,
        Err(fault) => refused(&fault),
    }
}

async fn answer(app: &App, id: &ID, headers: &HeaderMap) -> Result<Response, Fault> {
    let caller = caller_of(app, headers)?.ok_or(Denied::Unauthenticated)?;
    authorize(Some(&caller.principal), Operation::ReadBatches)?;
    let request = caller.bearer.on(StreamResultsRequest {
        id: BatchId::wire(id),
    });
    let pages = app.backends.batches.clone().stream_results(request).await?;
    let header = once(async { encoded([HEADER.map(str::to_owned)]) });
    // a page that cannot be read breaks the answer off, so that nobody takes a part for all
    let body = header.chain(pages.into_inner().map(page));
    let body = body.map(|bytes| bytes.map_err(|fault| std::io::Error::other(fault.message)));
    let name = format!("attachment; filename=\"batch-{}.csv\"", file_name(id));
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// The id as a part of a file's name: what is no id of ours was answered otherwise.
fn file_name(id: &ID) -> String {
    id.chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter))
        .collect()
}

fn page(page: Result<Results, Status>) -> Result<Bytes, Fault> {
    encoded(page?.rows.iter().map(cells))
}

fn encoded(rows: impl IntoIterator<Item = [String; 10]>) -> Result<Bytes, Fault> {
    lines(rows)
        .map(Bytes::from)
        .map_err(|_| Fault::internal("results cannot be written as CSV"))
}

fn cells(row: &ResultRow) -> [String; 10] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let moment = |at: &Option<prost_types::Timestamp>| {
        at.and_then(datetime)
            .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            .unwrap_or_default()
    };
    [
        shown::<ContactId>(&row.contact_id).0,
        row.first_name.clone(),
        row.last_name.clone(),
        text(&row.email),
        row.outcome.clone(),
        text(&row.reason),
        text(&row.error),
        moment(&row.invited_at),
        moment(&row.expires_at),
        moment(&row.accepted_at),
    ]
}

fn refused(fault: &Fault) -> Response {
    let status = match fault.code {
        Code::Unauthenticated | Code::TokenExpired => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::ReadOnlySession | Code::DocumentUntrusted => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Throttled => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::BadUserInput | Code::ParseFailed | Code::ValidationFailed | Code::DocumentUnknown => {
            StatusCode::BAD_REQUEST
        }
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let text = format!("{}\n", fault.message);
    let mut response = (status, text).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let bearer = axum::http::HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
    }
    response
}
