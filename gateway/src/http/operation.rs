//! From a request's parameters to an answer, the same over POST, SSE and WebSocket.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Value, Variables};
use axum::http::StatusCode;
use futures::{FutureExt, Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::App;
use crate::fault::{Code, Fault};
use crate::graphql::{Given, Order, Scope, root_fields, scan};
use crate::meters::{self, OpenSubscription};
use crate::rates::{Budget, Left, Payer, TooMuch};

/// Errors that one answer shows.
const MOST_ERRORS: usize = 100;

/// The parameters of a request. Members that are not named here are reserved, and ignored.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Parameters {
    pub(super) query: Option<String>,
    /// A trusted document instead.
    pub(super) document_id: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Option<Given>,
    pub(super) extensions: Option<Extensions>,
}

/// Of the members of `extensions` one means something here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Extensions {
    persisted_query: Option<PersistedQuery>,
}

/// A trusted document, as clients wrote it before `documentId`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersistedQuery {
    sha256_hash: String,
}

/// A request that is not executed: its errors stand without `data`.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<ServerError>,
    /// Seconds after which trying again makes sense.
    pub(super) retry_after: Option<u64>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, fault: Fault) -> Self {
        Self::of(status, fault, Vec::new())
    }

    fn of(status: StatusCode, fault: Fault, locations: Vec<async_graphql::Pos>) -> Self {
        let extensions = Some(fault.extensions());
        let mut error = ServerError::new(fault.message, None);
        error.locations = locations;
        error.extensions = extensions;
        Self {
            status,
            errors: vec![error],
            retry_after: None,
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            Fault::new(Code::ValidationFailed, message.into()),
        )
    }

    /// Nothing was done: a part of the system is away, or there is too much to do.
    pub(super) fn unavailable(fault: Fault) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, fault)
        }
    }
}

impl From<TooMuch> for Refused {
    fn from(too_much: TooMuch) -> Self {
        let seconds = too_much.seconds;
        let message = format!("too many requests: try again in {seconds} seconds");
        let mut refused = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            Fault::new(Code::Throttled, message),
        );
        for error in &mut refused.errors {
            let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
            extensions.set("retryAfter", seconds);
        }
        Self {
            retry_after: Some(seconds),
            ..refused
        }
    }
}

/// A document that may be executed.
pub(super) struct Operation {
    request: Request,
    query: String,
    name: Option<String>,
    /// What the document calls it.
    called: Option<String>,
    order: Order,
    cost: Cost,
    budgets: BTreeMap<Budget, u32>,
    /// Whether it is a question, a change or a stream.
    pub(super) kind: OperationType,
}

/// What an operation costs, in the words of those who had this first.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    requested_query_cost: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle_status: Option<Left>,
}

/// The member `extensions` of an answer.
#[derive(Debug, Serialize)]
struct Beside {
    cost: Cost,
}

/// The body of an answer. `data` is left out where nothing was executed.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Beside>,
    #[serde(skip)]
    retry_after: Option<u64>,
    #[serde(skip)]
    status: StatusCode,
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        Self {
            data: None,
            errors: refused.errors,
            extensions: None,
            retry_after: refused.retry_after,
            status: refused.status,
        }
    }
}

impl Answer {
    /// Whether nothing was executed.
    pub(super) fn is_refusal(&self) -> bool {
        self.data.is_none()
    }

    pub(super) fn errors(&self) -> &[ServerError] {
        &self.errors
    }

    /// The status of this answer over HTTP.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Seconds after which trying again makes sense.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// As JSON.
    pub(super) fn json(&self) -> Vec<u8> {
        // the answer holds nothing that JSON cannot say
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The status of an answer with data and errors.
fn partial() -> StatusCode {
    StatusCode::from_u16(294).unwrap_or(StatusCode::OK)
}

/// Finds the document, parses and measures it, and chooses the operation. It is still to be paid.
pub(super) fn prepare(app: &App, parameters: Parameters) -> Result<Operation, Refused> {
    let query = document(app, &parameters)?;
    scan(&query).map_err(Refused::invalid)?;
    let document = parse_query(&query).map_err(|error| {
        let locations = error.positions().collect();
        Refused::of(
            StatusCode::BAD_REQUEST,
            Fault::new(Code::ParseFailed, error.to_string()),
            locations,
        )
    })?;
    // an empty name is none, as over GET
    let name = parameters.operation_name.filter(|name| !name.is_empty());
    let chosen = choose(&document, name.as_deref())?;
    let given = parameters.variables.unwrap_or_default();
    let measured = app.limits.measure(&app.shapes, &document, chosen, &given);
    let cost = measured.map_err(Refused::invalid)?;
    required_variables(chosen, &given)?;
    let fields = root_fields(&document, chosen);
    // the executor would answer null, as if there were no schema
    if !app.introspection && fields.iter().any(|field| matches!(*field, "__schema" | "__type")) {
        return Err(Refused::invalid("this API does not tell its schema"));
    }
    let budgets = budgets(&fields);
    let called = called(&document, name.as_deref());
    let (kind, order) = (chosen.ty, Order::of(&document, chosen));
    let variables = Variables::from_value(Value::Object(given.into_iter().collect()));
    let mut request = Request::new(query.clone()).variables(variables);
    request.operation_name = name.clone();
    request.set_parsed_query(document);
    Ok(Operation {
        request,
        query,
        name,
        called,
        order,
        cost: Cost {
            requested_query_cost: cost,
            throttle_status: None,
        },
        budgets,
        kind,
    })
}

/// How often each budget is asked for.
fn budgets(fields: &[&str]) -> BTreeMap<Budget, u32> {
    let mut budgets: BTreeMap<Budget, u32> = BTreeMap::new();
    for budget in fields.iter().filter_map(|field| Budget::of(field)) {
        *budgets.entry(budget).or_default() += 1;
    }
    budgets
}

impl Operation {
    /// Operations with a budget of their own pay for each time they are asked for, and the whole pays its points.
    pub(super) fn pay(&mut self, app: &App, payer: &Payer) -> Result<(), Refused> {
        for (budget, count) in &self.budgets {
            app.rates.pay(*budget, payer, *count)?;
        }
        let points = self.cost.requested_query_cost;
        self.cost.throttle_status = app.rates.pay(Budget::Points, payer, points)?;
        meters::cost(points);
        Ok(())
    }
}

/// The text of the document: as it was sent, else the trusted one that is named.
fn document(app: &App, parameters: &Parameters) -> Result<String, Refused> {
    if let Some(query) = &parameters.query {
        if app.trusted.allows(query) {
            return Ok(query.clone());
        }
        let message = "only trusted documents are taken here: register it, and send its documentId";
        let fault = Fault::new(Code::DocumentUntrusted, message);
        return Err(Refused::new(StatusCode::FORBIDDEN, fault));
    }
    let older = parameters.extensions.as_ref();
    let older = older.and_then(|extensions| extensions.persisted_query.as_ref());
    let id = parameters.document_id.as_ref();
    let Some(id) = id.or(older.map(|older| &older.sha256_hash)) else {
        let fault = Fault::input("the request has neither query nor documentId");
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, fault));
    };
    app.trusted.find(id).map(str::to_owned).ok_or_else(|| {
        let fault = Fault::new(Code::DocumentUnknown, "there is no trusted document with this id");
        Refused::new(StatusCode::UNPROCESSABLE_ENTITY, fault)
    })
}

fn choose<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Refused> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .get(name)
            .map(|operation| &operation.node)
            .ok_or_else(|| Refused::invalid(format!("the document has no operation {name}"))),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(operation) if operations.len() == 1 => Ok(&operation.node),
            _ => Err(Refused::invalid(
                "the document has several operations: say which in operationName",
            )),
        },
        (DocumentOperations::Single(_), Some(name)) => {
            Err(Refused::invalid(format!("the document has no operation {name}")))
        }
    }
}

/// The name of the chosen operation in its document.
fn called(document: &ExecutableDocument, name: Option<&str>) -> Option<String> {
    match (&document.operations, name) {
        (DocumentOperations::Single(_), _) => None,
        (DocumentOperations::Multiple(_), Some(name)) => Some(name.to_owned()),
        (DocumentOperations::Multiple(operations), None) => operations.keys().next().map(ToString::to_string),
    }
}

/// The executor looks at a variable where it is used and lets a missing one pass where null would be allowed there.
fn required_variables(operation: &OperationDefinition, given: &Given) -> Result<(), Refused> {
    for variable in &operation.variable_definitions {
        let variable = &variable.node;
        let name = &variable.name.node;
        let missing = match given.get(name) {
            Some(value) => *value == Value::Null,
            None => variable.default_value.is_none(),
        };
        if missing && !variable.var_type.node.nullable {
            return Err(Refused::invalid(format!("the variable ${name} must be given")));
        }
    }
    Ok(())
}

/// Answers a question or a change.
pub(super) async fn execute(app: &App, operation: Operation, scope: Scope) -> Answer {
    let span = span(&operation);
    let work = executed(app, operation, scope).instrument(span.clone());
    let answer = AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| broken());
    if let Some(code) = answer.errors.first().and_then(code) {
        span.record("error.type", code);
        span.record("otel.status_code", "ERROR");
    }
    answer
}

/// As the semantic conventions for GraphQL have it: called by its type, since clients choose their names.
fn span(operation: &Operation) -> Span {
    let kind = match operation.kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    };
    tracing::debug_span!(
        "graphql",
        otel.name = kind,
        otel.kind = "server",
        "graphql.operation.type" = kind,
        graphql.operation.name = operation.called,
        "error.type" = Empty,
        otel.status_code = Empty,
    )
}

/// `extensions.code`.
fn code(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

async fn executed(app: &App, operation: Operation, scope: Scope) -> Answer {
    let executed = app.schema.0.execute(operation.request.data(scope));
    let Ok(response) = tokio::time::timeout(app.query_time, executed).await else {
        let fault = Fault::new(
            Code::Unavailable,
            "the operation takes too long; of a change it is not known whether it was made",
        );
        return Refused::unavailable(fault).into();
    };
    let mut answer = finish(
        app,
        &operation.query,
        operation.name.as_deref(),
        &operation.order,
        response,
    );
    answer.extensions = Some(Beside { cost: operation.cost });
    answer
}

/// The last answer of an operation that panicked. The request's id finds in the log what nobody is shown.
fn broken() -> Answer {
    let fault = Fault::internal("an operation panicked");
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, fault).into()
}

/// Answers any operation as a stream; a question or a change has one answer.
pub(super) fn execute_stream(
    app: Arc<App>,
    operation: Operation,
    scope: Scope,
) -> impl Stream<Item = Answer> + Send + use<> {
    if operation.kind != OperationType::Subscription {
        return stream::once(async move { execute(&app, operation, scope).await }).left_stream();
    }
    let Operation {
        request,
        query,
        name,
        order,
        ..
    } = operation;
    let responses = app.schema.0.execute_stream(request.data(scope));
    let open = OpenSubscription::count();
    let answers = responses.map(move |response| {
        let _ = &open;
        finish(&app, &query, name.as_deref(), &order, response)
    });
    AssertUnwindSafe(answers)
        .catch_unwind()
        .map(|answer| answer.unwrap_or_else(|_| broken()))
        .right_stream()
}

/// Makes the executor's answer what the specification and our contract say.
fn finish(app: &App, query: &str, name: Option<&str>, order: &Order, response: Response) -> Answer {
    let Response {
        mut data, mut errors, ..
    } = response;
    // an error without a place in the answer was raised before there was one
    let executed = errors.is_empty() || errors.iter().any(|error| !error.path.is_empty());
    if executed && !errors.is_empty() {
        app.shapes.mend(query, name, &mut data, &errors);
    }
    if executed {
        order.arrange(&mut data);
    }
    let status = match (executed, errors.is_empty()) {
        (true, true) => StatusCode::OK,
        (true, false) => partial(),
        (false, _) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    errors.truncate(MOST_ERRORS);
    let usual = if executed {
        Code::BadUserInput
    } else {
        Code::ValidationFailed
    };
    for error in &mut errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", usual.as_str());
        }
    }
    Answer {
        data: executed.then_some(data),
        errors,
        extensions: None,
        retry_after: None,
        status,
    }
}
