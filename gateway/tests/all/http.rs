//! GraphQL over HTTP: status codes, media types, limits.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use usher_proto::contacts::v1::{ListContactsReply, ListContactsRequest};

use super::harness::{Harness, is_refusal, partial};
use super::spans;

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/graphql")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

const TYPENAME: &str = r#"{"query":"{ __typename }"}"#;

#[tokio::test]
async fn a_good_request_is_answered_in_the_form_that_the_client_takes() {
    let harness = Harness::new();
    for (accept, content_type) in [
        (None, "application/graphql-response+json; charset=utf-8"),
        (Some("*/*"), "application/graphql-response+json; charset=utf-8"),
        (Some("application/json"), "application/json; charset=utf-8"),
    ] {
        let mut request = post(TYPENAME);
        if let Some(accept) = accept {
            request.headers_mut().insert("accept", accept.parse().unwrap());
        }
        let answer = harness.send(request).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some());
        assert_eq!(answer.json(), json!({ "data": { "__typename": "Query" } }));
    }
}

#[tokio::test]
async fn unknown_members_of_a_request_are_ignored_and_null_means_left_out() {
    let harness = Harness::new();
    let body =
        r#"{"query":"{ __typename }","operationName":null,"variables":null,"extensions":{"x":1},"id":"y"}"#;
    assert_eq!(harness.send(post(body)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_way_to_be_wrong_has_its_status() {
    let harness = Harness::new();
    let status = async |request| harness.send(request).await.status;
    for method in ["HEAD", "PUT", "DELETE"] {
        let request = Request::builder()
            .method(method)
            .uri("/graphql?query={__typename}")
            .body(Body::empty())
            .unwrap();
        let answer = harness.send(request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), Some("GET, POST"));
    }
    let mut request = post(TYPENAME);
    request
        .headers_mut()
        .insert("accept", "text/html".parse().unwrap());
    assert_eq!(status(request).await, StatusCode::NOT_ACCEPTABLE);
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
    ] {
        let mut request = post(TYPENAME);
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        assert_eq!(
            status(request).await,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{kind}"
        );
    }
    let mut request = post(TYPENAME);
    request.headers_mut().remove("content-type");
    assert_eq!(status(request).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        status(post("x".repeat(1024 * 1024 + 1))).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(status(post("{")).await, StatusCode::BAD_REQUEST);
    assert_eq!(status(post("{}")).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        status(post(format!("[{TYPENAME}]"))).await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let variables = r#"{"query":"{ __typename }","variables":[]}"#;
    assert_eq!(status(post(variables)).await, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_document_that_cannot_be_executed_has_no_data() {
    let harness = Harness::new();
    let ask = async |query: &str| harness.ask(None, query, Value::Null).await;
    is_refusal(
        &ask("{ viewer").await,
        StatusCode::BAD_REQUEST,
        "GRAPHQL_PARSE_FAILED",
    );
    let invalid = StatusCode::UNPROCESSABLE_ENTITY;
    is_refusal(&ask("{ nothing }").await, invalid, "GRAPHQL_VALIDATION_FAILED");
    is_refusal(
        &ask("query A { __typename } query B { __typename }").await,
        invalid,
        "GRAPHQL_VALIDATION_FAILED",
    );
    let subscription = r#"subscription { invitationBatch(id: "x") { total } }"#;
    is_refusal(&ask(subscription).await, invalid, "GRAPHQL_VALIDATION_FAILED");
    let named = json!({ "query": "query A { __typename }", "operationName": "B" }).to_string();
    is_refusal(
        &harness.send(post(named)).await,
        invalid,
        "GRAPHQL_VALIDATION_FAILED",
    );
}

#[tokio::test]
async fn variables_of_the_wrong_type_are_refused_before_anything_is_done() {
    let harness = Harness::new();
    let query = "query Q($first: Int!) { contacts(first: $first) { nodes { id } } }";
    for variables in [json!({}), json!({ "first": "x" }), json!({ "first": null })] {
        let answer = harness.ask(Some(&harness.admin()), query, variables).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{}",
            answer.text()
        );
        assert!(
            answer
                .codes()
                .iter()
                .all(|code| code == "GRAPHQL_VALIDATION_FAILED")
        );
        assert_eq!(harness.fakes.called(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_invalid_token_is_401_an_expired_one_has_its_own_code_and_keys_that_have_not_arrived_are_503() {
    let harness = Harness::new();
    for header in ["Bearer nonsense", "Basic eDp5", "Bearer "] {
        let mut request = post(TYPENAME);
        request
            .headers_mut()
            .insert("authorization", header.parse().unwrap());
        let answer = harness.send(request).await;
        is_refusal(&answer, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer error=\"invalid_token\"")
        );
    }
    let token = harness.admin();
    assert_eq!(
        harness
            .ask(Some(&token), "{ __typename }", Value::Null)
            .await
            .status,
        StatusCode::OK
    );
    harness.clock.advance(chrono::TimeDelta::minutes(5));
    let answer = harness.ask(Some(&token), "{ __typename }", Value::Null).await;
    is_refusal(&answer, StatusCode::UNAUTHORIZED, "TOKEN_EXPIRED");
    assert_eq!(
        answer.json()["errors"][0]["message"],
        "the access token has expired: refresh the session"
    );
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\", error_description=\"expired\"")
    );
    harness.verifier.set_keys(usher_auth::VerifyingKeys::default());
    let answer = harness
        .ask(Some(&harness.admin()), "{ __typename }", Value::Null)
        .await;
    is_refusal(&answer, StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE");
}

#[tokio::test]
async fn introspection_is_open_in_development_alone() {
    let query = "{ __schema { queryType { name } } }";
    let answer = Harness::new().ask(None, query, Value::Null).await;
    assert_eq!(
        answer.json(),
        json!({ "data": { "__schema": { "queryType": { "name": "Query" } } } })
    );
    let production = Harness::with(&[("mode", "production")]);
    for query in [query, "{ __type(name: \"Contact\") { name } }"] {
        let answer = production.ask(None, query, Value::Null).await;
        is_refusal(
            &answer,
            StatusCode::UNPROCESSABLE_ENTITY,
            "GRAPHQL_VALIDATION_FAILED",
        );
    }
    // clients ask for the names of types everywhere, and that tells nothing
    let answer = production.ask(None, "{ __typename }", Value::Null).await;
    assert_eq!(answer.json(), json!({ "data": { "__typename": "Query" } }));
    let answer = production
        .ask(None, "{ viewr { __typename } }", Value::Null)
        .await;
    let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(
        !message.contains("viewer"),
        "no suggestions where the schema is closed: {message}"
    );
}

#[tokio::test]
async fn server_sent_events_carry_one_operation() {
    let harness = Harness::with(&[("gateway.rate_points", "0")]);
    harness.fakes.on("ListContacts", |_: ListContactsRequest| {
        Ok(ListContactsReply::default())
    });
    let body = json!({ "query": "{ contacts { nodes { id } } }" }).to_string();
    let mut request = post(body);
    request
        .headers_mut()
        .insert("accept", "text/event-stream".parse().unwrap());
    let bearer = format!("Bearer {}", harness.admin());
    request
        .headers_mut()
        .insert("authorization", bearer.parse().unwrap());
    let answer = harness.send(request).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        answer.text(),
        "event: next\ndata: {\"data\":{\"contacts\":{\"nodes\":[]}},\"extensions\":{\"cost\":{\"requestedQueryCost\":101}}}\n\n\
         event: complete\ndata:\n\n"
    );
}

#[tokio::test]
async fn health_says_whether_requests_can_be_answered() {
    let harness = Harness::new();
    let get = async |path: &str| {
        harness
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await
            .status
    };
    assert_eq!(get("/healthz").await, StatusCode::OK);
    assert_eq!(get("/readyz").await, StatusCode::OK);
    harness.verifier.set_keys(usher_auth::VerifyingKeys::default());
    assert_eq!(get("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
    harness.lifecycle.stop();
    assert_eq!(get("/healthz").await, StatusCode::OK);
    assert_eq!(get("/nothing").await, StatusCode::NOT_FOUND);
}

fn get(query: &str, header: Option<(&'static str, &'static str)>) -> Request<Body> {
    let mut request = Request::get(format!("/graphql?{query}"));
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_question_by_get_needs_a_header_that_no_link_can_send() {
    let harness = Harness::new();
    let typename = "query=query%20Q(%24a%3ABoolean!)%7Bviewer%20%40include(if%3A%20%24a)%7B__typename%7D%20b%3A__typename%7D&variables=%7B%22a%22%3Afalse%7D&operationName=";
    let refused = harness.send(get(typename, None)).await;
    is_refusal(&refused, StatusCode::FORBIDDEN, "FORBIDDEN");
    let empty = harness
        .send(get(typename, Some(("graphql-require-preflight", ""))))
        .await;
    is_refusal(&empty, StatusCode::FORBIDDEN, "FORBIDDEN");
    for name in [
        "graphql-require-preflight",
        "apollo-require-preflight",
        "x-apollo-operation-name",
    ] {
        let answer = harness.send(get(typename, Some((name, "1")))).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text());
        assert_eq!(answer.json(), json!({ "data": { "b": "Query" } }));
    }
    let preflighted = Some(("graphql-require-preflight", "1"));
    let change = "query=mutation%7BsignOut(input%3A%7B%7D)%7BuserErrors%7Bcode%7D%7D%7D";
    let answer = harness.send(get(change, preflighted)).await;
    is_refusal(
        &answer,
        StatusCode::METHOD_NOT_ALLOWED,
        "GRAPHQL_VALIDATION_FAILED",
    );
    assert_eq!(answer.header("allow"), Some("POST"));
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
    let broken = harness
        .send(get("query=%7B__typename%7D&variables=%7B", preflighted))
        .await;
    is_refusal(&broken, StatusCode::BAD_REQUEST, "BAD_USER_INPUT");
    let nothing = harness.send(get("", None)).await;
    is_refusal(&nothing, StatusCode::UNPROCESSABLE_ENTITY, "BAD_USER_INPUT");
}

#[tokio::test]
async fn fields_stand_in_the_order_in_which_they_were_asked_for() {
    let harness = Harness::new();
    harness.fakes.on("ListContacts", |_: ListContactsRequest| {
        Ok(ListContactsReply::default())
    });
    // the list takes a call, what stands behind it takes none, and the organization fails
    let query = "{ contacts { nodes { id } } organization { name } a: __typename }";
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    assert_eq!(answer.status, partial());
    let data = r#"{"data":{"contacts":{"nodes":[]},"organization":null,"a":"Query"}"#;
    assert!(answer.text().starts_with(data), "{}", answer.text());
}

#[tokio::test]
async fn other_origins_are_allowed_by_name_alone() {
    let harness = Harness::with(&[(
        "gateway.cors_origins",
        "https://app.firm.example, http://localhost:3000",
    )]);
    let preflight = async |origin: &'static str| {
        let request = Request::options("/graphql")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .body(Body::empty())
            .unwrap();
        harness.send(request).await
    };
    let headers = "accept,authorization,content-type,x-request-id,graphql-require-preflight,apollo-require-preflight,\
        x-apollo-operation-name,apollographql-client-name,apollographql-client-version,traceparent,tracestate";
    for origin in ["https://app.firm.example", "http://localhost:3000"] {
        let answer = preflight(origin).await;
        assert_eq!(answer.header("access-control-allow-headers"), Some(headers));
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    for origin in [
        "https://app.firm.example.evil.example",
        "http://app.firm.example",
        "null",
    ] {
        assert_eq!(
            preflight(origin).await.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
    }
    let mut request = post(TYPENAME);
    request
        .headers_mut()
        .insert("origin", "https://app.firm.example".parse().unwrap());
    let answer = harness.send(request).await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.firm.example")
    );
    assert_eq!(
        answer.header("access-control-expose-headers"),
        Some("x-request-id,retry-after")
    );
    assert!(answer.header("vary").is_some_and(|vary| vary.contains("origin")));
    let closed = Harness::new();
    let mut request = post(TYPENAME);
    request
        .headers_mut()
        .insert("origin", "https://app.firm.example".parse().unwrap());
    assert_eq!(
        closed.send(request).await.header("access-control-allow-origin"),
        None
    );
}

#[tokio::test]
async fn an_operation_that_panics_is_masked_and_found_again_by_its_request() {
    let harness = Harness::new();
    let breaking = spans::break_calls();
    let query = "{ contacts { nodes { id } } }";
    let answer = harness.ask(Some(&harness.admin()), query, Value::Null).await;
    drop(breaking);
    is_refusal(
        &answer,
        StatusCode::INTERNAL_SERVER_ERROR,
        "INTERNAL_SERVER_ERROR",
    );
    let error = &answer.json()["errors"][0];
    assert_eq!(error["message"], "internal error");
    assert_eq!(
        error["extensions"]["requestId"].as_str(),
        answer.header("x-request-id")
    );
}

#[tokio::test]
async fn the_span_of_a_request_names_the_client_that_names_itself() {
    let harness = Harness::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let watching = spans::watch(move |name, mut fields| {
        if name == "http" {
            let mut client = |part: &str| fields.0.remove(part);
            let client = ["usher.client.name", "usher.client.version"].map(&mut client);
            requests.lock().unwrap().push(client);
        }
    });
    harness.send(post(TYPENAME)).await;
    let mut request = post(TYPENAME);
    for (name, value) in [("name", "portal"), ("version", "1.2.3")] {
        let name = format!("apollographql-client-{name}");
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    harness.send(request).await;
    drop(watching);
    let named = ["portal", "1.2.3"].map(|part| Some(part.to_owned()));
    assert_eq!(*seen.lock().unwrap(), [[None, None], named]);
}
