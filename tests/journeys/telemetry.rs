//! What a running process tells of itself to whoever runs it (R3, R4).

use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use usher_tests::{Client, Postgres, System, eventually, free_port};

use crate::operations::{CREATE_CONTACT, SEND};

/// The value of the first line that begins so.
fn value(page: &str, begin: &str) -> Option<f64> {
    let line = page.lines().find(|line| line.starts_with(begin))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn r3_a_process_is_ready_with_its_database_and_lives_without_it() {
    let cluster = Postgres::start().await;
    let address = format!("127.0.0.1:{}", free_port());
    let mut system = System::launch_on(&[
        ("USHER_DATABASE_URL", &format!("{}/postgres", cluster.url())),
        ("USHER_PRIVATE_LISTEN", &address),
    ]);
    system.wait_until_ready().await;
    let probe = Client::new(&format!("http://{address}"));
    assert_eq!(probe.try_get("/readyz").await, Some(StatusCode::OK));
    cluster.crash().await;
    eventually("it is not ready", system.patience(), || async {
        let page = probe.page(Method::GET, "/readyz").await;
        let said = (page.status(), page.into_body());
        (said
            == (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n".to_owned(),
            ))
            .then_some(())
    })
    .await;
    assert_eq!(probe.try_get("/livez").await, Some(StatusCode::OK));
    cluster.resume().await;
    eventually("it is ready again", system.patience(), || async {
        (probe.try_get("/readyz").await == Some(StatusCode::OK)).then_some(())
    })
    .await;
    system.stop().await;
}

#[tokio::test]
async fn r4_a_line_of_the_log_names_its_trace_though_nobody_collects_traces() {
    let mut system = System::launch_on(&[("USHER_TELEMETRY__FORMAT", "json")]);
    system.wait_until_ready().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let path = "/auth/oidc/firm/callback?error=access_denied";
    let request = Request::get(format!("{}{path}", system.base()))
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .body(Full::default())
        .expect("a request");
    assert_eq!(system.nobody().exchange(request).await.status(), 422);
    let line = eventually("it is logged", system.patience(), || async {
        let log = system.log_of("usher");
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["error"] == "access_denied")
    })
    .await;
    assert_eq!(
        (&line["trace_id"], &line["level"]),
        (&json!(trace), &json!("INFO"))
    );
    assert_eq!(line["span_id"].as_str().map(str::len), Some(16));
    system.stop().await;
}

#[tokio::test]
async fn r4_prometheus_reads_what_a_running_process_has_done() {
    let address = format!("127.0.0.1:{}", free_port());
    let mut system = System::launch_on(&[("USHER_PRIVATE_LISTEN", &address)]);
    system.wait_until_ready().await;
    let admin = system.sign_in_again().await;
    let wrong = json!({ "input": { "email": "nobody@example.com", "password": "Otter-Lantern-Quarry-58" } });
    let refused = system.nobody().payload(usher_tests::SIGN_IN, wrong).await;
    assert_eq!(refused["userErrors"][0]["code"], "BAD_CREDENTIALS");
    for name in ["ada", "bea"] {
        let input = json!({ "role": "CLIENT", "firstName": name, "lastName": "Lovelace", "email": format!("{name}@example.com") });
        admin.done(CREATE_CONTACT, json!({ "input": input })).await;
    }
    let sent = admin
        .done(SEND, json!({ "input": { "contacts": { "filter": {} } } }))
        .await;
    assert_eq!(sent["userErrors"], json!([]));
    let scrape = Client::new(&format!("http://{address}"));
    let issued = "usher_events_published_total{type=\"usher.invitation.issued.v1\"}";
    let sent = "usher_invitation_sent_duration_seconds_count";
    let page = eventually("both mails are counted", system.patience(), || async {
        let page = scrape.page(Method::GET, "/metrics").await.into_body();
        (value(&page, sent) == Some(2.0)).then_some(page)
    })
    .await;
    assert_eq!(value(&page, issued), Some(2.0), "{page}");
    assert_eq!(
        value(&page, "usher_batches_open{state=\"RUNNING\"}").unwrap_or_default(),
        0.0,
        "{page}"
    );
    let tried = |outcome: &str| {
        let mut lines = page
            .lines()
            .filter(|line| line.starts_with("usher_sign_ins_total{"));
        let line = lines.find(|line| line.contains(outcome) && line.contains("way=\"password\""));
        line.and_then(|line| line.rsplit(' ').next()).map(str::to_owned)
    };
    // both attempts, two contacts, one batch
    assert_eq!(value(&page, "usher_graphql_cost_count"), Some(5.0), "{page}");
    assert_eq!(tried("SIGNED_IN").as_deref(), Some("1"), "{page}");
    assert_eq!(tried("BAD_CREDENTIALS").as_deref(), Some("1"), "{page}");
    assert!(!page.contains("example.com"), "an address stands in the metrics");
    system.stop().await;
}
