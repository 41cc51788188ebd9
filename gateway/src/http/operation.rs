//! From a request's parameters to an answer, the same over POST, SSE and WebSocket.

use std::collections::BTreeMap;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{ErrorExtensionValues, Name, Request, Response, ServerError, Value, Variables};
use axum::http::StatusCode;
use futures::{Stream, StreamExt};
use serde::{Deserialize, Serialize};

use super::App;
use crate::fault::{Code, Fault};
use crate::graphql::{LONGEST_DOCUMENT, Scope, is_too_deep};

/// Errors that one answer shows.
const MOST_ERRORS: usize = 100;

/// Variables by name.
type Given = BTreeMap<Name, Value>;

/// The parameters of a request. Members that are not named here are reserved, and ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parameters {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Given>,
}

/// A request that is not executed: its errors stand without `data`.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<ServerError>,
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
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            Fault::new(Code::ValidationFailed, message.into()),
        )
    }
}

/// A document that may be executed.
pub(super) struct Operation {
    request: Request,
    query: String,
    name: Option<String>,
    /// Whether it is a question, a change or a stream.
    pub(super) kind: OperationType,
}

/// The body of an answer. `data` is left out where nothing was executed.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
}

impl Answer {
    pub(super) fn refused(errors: Vec<ServerError>) -> Self {
        Self { data: None, errors }
    }

    /// Whether nothing was executed.
    pub(super) fn is_refusal(&self) -> bool {
        self.data.is_none()
    }

    pub(super) fn errors(&self) -> &[ServerError] {
        &self.errors
    }

    /// As JSON.
    pub(super) fn json(&self) -> Vec<u8> {
        // the answer holds nothing that JSON cannot say
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Parses, measures and chooses the operation.
pub(super) fn prepare(app: &App, parameters: Parameters) -> Result<Operation, Refused> {
    let Parameters {
        query,
        operation_name: name,
        variables,
    } = parameters;
    if query.len() > LONGEST_DOCUMENT {
        return Err(Refused::invalid(format!(
            "a document has at most {LONGEST_DOCUMENT} bytes"
        )));
    }
    if is_too_deep(&query) {
        return Err(Refused::invalid("the document is nested too deep"));
    }
    let document = parse_query(&query).map_err(|error| {
        let locations = error.positions().collect();
        Refused::of(
            StatusCode::BAD_REQUEST,
            Fault::new(Code::ParseFailed, error.to_string()),
            locations,
        )
    })?;
    app.limits.check(&document).map_err(Refused::invalid)?;
    let chosen = choose(&document, name.as_deref())?;
    let kind = chosen.ty;
    let given = variables.unwrap_or_default();
    required_variables(chosen, &given)?;
    let variables = Variables::from_value(Value::Object(given.into_iter().collect()));
    let mut request = Request::new(query.clone()).variables(variables);
    request.operation_name = name.clone();
    request.set_parsed_query(document);
    Ok(Operation {
        request,
        query,
        name,
        kind,
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
    let Operation {
        request, query, name, ..
    } = operation;
    let response = app.schema.0.execute(request.data(scope)).await;
    finish(app, &query, name.as_deref(), response)
}

/// Answers any operation as a stream; a question or a change has one answer.
pub(super) fn execute_stream(
    app: std::sync::Arc<App>,
    operation: Operation,
    scope: Scope,
) -> impl Stream<Item = Answer> + Send + use<> {
    let Operation {
        request, query, name, ..
    } = operation;
    let responses = app.schema.0.execute_stream(request.data(scope));
    responses.map(move |response| finish(&app, &query, name.as_deref(), response))
}

/// Makes the executor's answer what the specification and our contract say.
fn finish(app: &App, query: &str, name: Option<&str>, response: Response) -> Answer {
    let Response {
        mut data, mut errors, ..
    } = response;
    if errors.is_empty() {
        return Answer {
            data: Some(data),
            errors,
        };
    }
    // an error without a place in the answer was raised before there was one
    let executed = errors.iter().any(|error| !error.path.is_empty());
    if executed {
        app.nulls.mend(query, name, &mut data, &errors);
    }
    errors.truncate(MOST_ERRORS);
    for error in &mut errors {
        let coded = error
            .extensions
            .as_ref()
            .is_some_and(|values| values.get("code").is_some());
        if !coded {
            let code = if executed {
                Code::BadUserInput
            } else {
                Code::ValidationFailed
            };
            error
                .extensions
                .get_or_insert_with(ErrorExtensionValues::default)
                .set("code", code.as_str());
        }
    }
    Answer {
        data: executed.then_some(data),
        errors,
    }
}
