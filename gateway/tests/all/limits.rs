//! What is refused before it costs anything, and what callers may ask for in a time.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use usher_proto::invitations::v1::{
    Landing, LinkRequest, NewLinkRequest, RequestNewLinkReply, SessionReply, SignInRequest,
};

use super::harness::{Answer, Harness, is_refusal};

const INVALID: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

#[tokio::test]
async fn costs_are_limited_before_anything_is_done() {
    let harness = Harness::with(&[("gateway.query_complexity", "2000")]);
    let token = harness.admin();
    let aliases: String = (0..31).map(|n| format!("a{n}: __typename ")).collect();
    let refused = [
        format!("{{ viewer {{ ... on Member {{ {aliases} }} }} }}"),
        format!("{{ {} }}", "viewer { __typename } ".repeat(21)),
        "{ contacts { nodes { accounts { account { contacts { contact { accounts { account { contacts { contact { accounts { account { id } } } } } } } } } } } } }".to_owned(),
        "{ contacts(first: 100) { nodes { accounts { account { contacts { id } } } } } }".to_owned(),
        format!("{{ viewer {{ __typename }} }} # {}", "x".repeat(64 * 1024)),
    ];
    for query in refused {
        let answer = harness.ask(Some(&token), &query, Value::Null).await;
        is_refusal(&answer, INVALID, "GRAPHQL_VALIDATION_FAILED");
    }
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
}

#[tokio::test]
async fn every_answer_says_what_it_cost() {
    let harness = Harness::with(&[
        ("gateway.rate_points", "20000"),
        ("gateway.rate_points_per_second", "1"),
    ]);
    let answer = harness
        .ask(None, "{ viewer { __typename } __typename }", Value::Null)
        .await;
    let status = json!({ "maximumAvailable": 20_000, "currentlyAvailable": 19_997, "restoreRate": 1 });
    let cost = json!({ "requestedQueryCost": 3, "throttleStatus": status });
    assert_eq!(answer.extensions(), json!({ "cost": cost }));
    let free = Harness::with(&[("gateway.rate_points", "0")]);
    let answer = free.ask(None, "{ __typename }", Value::Null).await;
    assert_eq!(
        answer.extensions(),
        json!({ "cost": { "requestedQueryCost": 1 } })
    );
}

/// The fastest of three tries, since other tests run beside this one.
async fn fastest(harness: &Harness, query: &str, variables: &Value) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let answer = harness.ask(None, query, variables.clone()).await;
        fastest = fastest.min(begun.elapsed());
        assert!(
            answer.status.is_client_error() && answer.codes().len() <= 100,
            "{}",
            answer.text()
        );
    }
    fastest
}

#[tokio::test]
async fn hostile_documents_are_refused_within_a_tenth_of_a_second_and_the_process_lives() {
    let harness = Harness::new();
    let mut hostile = Vec::new();
    for level in ["{a", "{... on Query", "{a(x:{a:[["] {
        hostile.push(level.repeat(60_000 / level.len()));
    }
    hostile.push(format!("{}id{}", "{a".repeat(20_000), "}".repeat(20_000)));
    // too few for the parser to give up, and enough to use up its stack
    for levels in [99, 200, 400, 800] {
        hostile.push(format!(
            "{{ a(x: {}1{}) }}",
            "{b:".repeat(levels),
            "}".repeat(levels)
        ));
    }
    let many = |count: usize, text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<String>();
    hostile.push("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned());
    hostile.push(format!(
        "{{ ...F0 }} {} fragment F49 on Query {{ ...F0 }}",
        many(49, &|n| format!(
            "fragment F{n} on Query {{ ...F{0} ...F{0} }} ",
            n + 1
        ))
    ));
    hostile.push(format!("{{ {} }}", many(10_000, &|n| format!("a{n}:b "))));
    hostile.push(format!("{{ __typename {} }}", "@a ".repeat(10_000)));
    hostile.push(format!("{{ {} }}", "contacts ".repeat(10_000)));
    hostile.push(format!("{{ {} }}", "x ".repeat(1_900)));
    hostile.push(format!("{{ viewer {{ {} }} }}", "x ".repeat(1_900)));
    hostile.push(format!(
        "query Q({}) {{ x }}",
        many(1_600, &|n| format!("$v{n}:I "))
    ));
    for number in [
        "9".repeat(60_000),
        format!("1e{}", "9".repeat(1000)),
        "NaN".to_owned(),
    ] {
        hostile.push(format!("{{ contacts(first: {number}) {{ totalCount }} }}"));
    }
    for query in &hostile {
        let took = fastest(&harness, query, &Value::Null).await;
        assert!(took < Duration::from_millis(100), "{took:?} for {:.60}", query);
    }
    let asked = "query Q($first: Int) { contacts(first: $first) { totalCount } }";
    for first in [json!(u64::MAX), json!(1e300), json!("NaN"), json!([[[[]]]])] {
        let took = fastest(&harness, asked, &json!({ "first": first })).await;
        assert!(took < Duration::from_millis(100), "{took:?} for {first}");
    }
    let answer = harness.ask(None, "{ __typename }", Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK);
}

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test]
async fn points_are_counted_by_person_and_else_by_source_and_the_answer_says_how_long_to_wait() {
    let harness = Harness::with(&[
        ("gateway.query_complexity", "50"),
        ("gateway.rate_points", "60"),
        ("gateway.rate_points_per_second", "1"),
    ]);
    let (one, other) = (harness.admin(), harness.admin());
    let dear = format!("{{ {} }}", "viewer { __typename } ".repeat(20));
    for token in [Some(one.as_str()), Some(other.as_str()), None] {
        let answer = harness.ask(token, &dear, Value::Null).await;
        assert_eq!(answer.extensions()["cost"]["requestedQueryCost"], 40);
        let answer = harness.ask(token, &dear, Value::Null).await;
        is_refusal(&answer, StatusCode::TOO_MANY_REQUESTS, "THROTTLED");
        let wait = retry_after(&answer);
        // twenty points are missing, and one comes back in a second
        assert!((15..=20).contains(&wait), "{wait}");
        assert_eq!(answer.json()["errors"][0]["extensions"]["retryAfter"], wait);
    }
}

const SIGN_IN: &str = "signIn(input: { email: \"a@b.example\", password: \"x\" }) { userErrors { code } }";

fn signing_in(harness: &Harness) {
    harness
        .fakes
        .on("SignIn", |_: SignInRequest| Ok(SessionReply::default()));
}

#[tokio::test]
async fn guesses_at_passwords_are_counted_by_operation_and_not_by_request() {
    let harness = Harness::with(&[("gateway.sign_ins_per_minute", "5")]);
    signing_in(&harness);
    let guesses = |count: usize| {
        let aliased: String = (0..count).map(|n| format!("g{n}: {SIGN_IN} ")).collect();
        format!("mutation {{ ...G }} fragment G on Mutation {{ {aliased} }}")
    };
    assert_eq!(
        harness.ask(None, &guesses(3), Value::Null).await.status,
        StatusCode::OK
    );
    let answer = harness.ask(None, &guesses(3), Value::Null).await;
    is_refusal(&answer, StatusCode::TOO_MANY_REQUESTS, "THROTTLED");
    assert_eq!(
        harness.ask(None, &guesses(2), Value::Null).await.status,
        StatusCode::OK
    );
    assert_eq!(harness.fakes.called().len(), 5, "what is refused reaches nobody");
}

#[tokio::test]
async fn a_form_pays_out_of_the_same_budget_as_the_operation() {
    let harness = Harness::with(&[("gateway.sign_ins_per_minute", "1")]);
    signing_in(&harness);
    let form = || {
        Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("email=a%40b.example&password=x"))
            .unwrap()
    };
    assert_eq!(harness.send(form()).await.status, INVALID);
    let answer = harness.send(form()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!((55..=60).contains(&retry_after(&answer)));
    let answer = harness
        .ask(None, &format!("mutation {{ {SIGN_IN} }}"), Value::Null)
        .await;
    is_refusal(&answer, StatusCode::TOO_MANY_REQUESTS, "THROTTLED");
    assert_eq!(harness.fakes.called(), ["SignIn"]);
    let page = Request::get("/sign-in").body(Body::empty()).unwrap();
    assert_eq!(
        harness.send(page).await.status,
        StatusCode::OK,
        "looking costs nothing"
    );
}

#[tokio::test]
async fn links_and_mails_have_budgets_of_their_own() {
    let harness = Harness::with(&[
        ("gateway.links_per_minute", "1"),
        ("gateway.mails_per_minute", "1"),
    ]);
    harness
        .fakes
        .on("GetLanding", |_: LinkRequest| {
            Ok(Landing {
                state: "OPEN".to_owned(),
                ..Landing::default()
            })
        })
        .on("RequestNewLink", |_: NewLinkRequest| {
            Ok(RequestNewLinkReply::default())
        });
    let landing = "{ invitationLanding(token: \"x\") { state } }";
    let mail = "mutation { requestNewLink(input: { token: \"x\" }) { userErrors { code } } }";
    for query in [landing, mail] {
        let answer = harness.ask(None, query, Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let answer = harness.ask(None, query, Value::Null).await;
        is_refusal(&answer, StatusCode::TOO_MANY_REQUESTS, "THROTTLED");
    }
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_given_up() {
    let harness = Harness::with(&[("gateway.query_seconds", "0"), ("grpc.deadline_seconds", "5")]);
    harness.fakes.silent("ListContacts");
    let answer = harness
        .ask(
            Some(&harness.admin()),
            "{ contacts { nodes { id } } }",
            Value::Null,
        )
        .await;
    is_refusal(&answer, StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[test]
fn the_guide_names_the_defaults_of_the_settings() {
    let guide = include_str!("../../../docs/graphql.md");
    let defaults = include_str!("../../../crates/service/usher.toml");
    let mut named = 0;
    for row in guide.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, _, _, numbers, settings, _] = cells.as_slice() else {
            continue;
        };
        for (number, setting) in numbers.split(" and ").zip(settings.split(", ")) {
            if let Some(name) = setting.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
                let line = format!("{name} = {}", number.replace(',', ""));
                assert!(defaults.lines().any(|known| known == line), "{line}");
                named += 1;
            }
        }
    }
    assert_eq!(named, 10);
}
