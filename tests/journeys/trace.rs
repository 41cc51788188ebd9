//! What is sent over OTLP (R4, E4): one trace from the mutation to the mail, metrics and logs.

use std::collections::BTreeMap;

use serde_json::json;
use usher_testkit::tls::Authority;
use usher_tests::{Collector, Line, Parts, Setting, Span, System, free_port};

use crate::operations::{CREATE_CONTACT, SEND, batch_is_done, create_many};

const INVITE: &str = "usher.invitations.v1.Invitations/StartBatch";
const GATEWAY: &str = "usher-gateway";
const CONTACTS: &str = "usher-contacts";
const INVITATIONS: &str = "usher-invitations";
const NOTIFICATIONS: &str = "usher-notifications";

/// Every span with what it should say of itself.
fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// The attributes of a span, without those that are different each time.
fn lasting(span: &Span) -> BTreeMap<String, String> {
    let mut attributes = span.attributes.clone();
    for volatile in [
        "request_id",
        "messaging.message.id",
        "usher.message.id",
        "usher.batch.id",
    ] {
        if let Some(value) = attributes.get_mut(volatile) {
            *value = "…".to_owned();
        }
    }
    attributes
}

fn only<'a>(spans: &'a [Span], what: &str, is: impl Fn(&&Span) -> bool) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(is).collect();
    let names = || {
        spans
            .iter()
            .map(|span| format!("{} {} {}", span.service, span.kind, span.name))
    };
    assert_eq!(
        found.len(),
        1,
        "{what}: {found:#?}\namong {:#?}",
        names().collect::<Vec<_>>()
    );
    found[0]
}

/// The mutation that invited.
fn mutation(spans: &[Span]) -> &Span {
    only(spans, "the mutation", |span| {
        span.name == "mutation"
            && span
                .attributes
                .get("graphql.operation.name")
                .is_some_and(|name| name == "Send")
    })
}

/// The call by which it became a batch, on both ends.
fn call<'a>(spans: &'a [Span], mutation: &Span) -> (&'a Span, &'a Span) {
    let client = only(spans, "the gateway's call", |span| {
        span.parent == mutation.id && span.name == INVITE
    });
    let server = only(spans, "the service's answer", |span| span.parent == client.id);
    (client, server)
}

/// What was said of an invitation.
struct Told {
    collector: Collector,
    spans: Vec<Span>,
    /// What its processes have logged.
    log: String,
    prefix: String,
    mail_port: u16,
}

/// Everything that happens when so many are invited, once all processes have said what they know. At the end contacts is stopped, so that somebody
/// has something to say in the log.
async fn invited(contacts: usize) -> Told {
    let collector = Collector::start().await;
    let mut settings = collector.settings();
    settings.push(("USHER_TELEMETRY__FORMAT", "json".to_owned()));
    let settings: Vec<_> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let mut system = System::start_with(Setting::Distributed, &Parts::Machine, &settings).await;
    let (prefix, mail_port) = (system.broker_prefix(), system.mail_port());
    let selection = if contacts == 1 {
        let input = json!({ "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com" });
        let made = system
            .admin()
            .done(CREATE_CONTACT, json!({ "input": input }))
            .await;
        json!({ "ids": [made["contact"]["id"]] })
    } else {
        create_many(system.admin(), contacts).await;
        json!({ "filter": {} })
    };
    let sent = system
        .admin()
        .done(SEND, json!({ "input": { "contacts": selection } }))
        .await;
    batch_is_done(&system, &sent["batch"]["id"]).await;
    system.halt(CONTACTS).await;
    let away = system
        .admin()
        .send("query Away { contacts(first: 1) { totalCount } }", json!({}))
        .await;
    assert_eq!(
        away.body["errors"][0]["extensions"]["code"], "UNAVAILABLE",
        "{:#}",
        away.body
    );
    let log = system.log_of(GATEWAY);
    system.stop().await;
    let spans = collector.spans();
    Told {
        collector,
        spans,
        log,
        prefix,
        mail_port,
    }
}

#[tokio::test]
async fn r4_one_invitation_is_one_trace_from_the_mutation_to_the_mail() {
    let Told {
        collector,
        spans,
        log,
        prefix,
        mail_port,
    } = invited(1).await;
    let mutation = mutation(&spans);
    let request = only(&spans, "the request", |span| span.id == mutation.parent);
    let (client, server) = call(&spans, mutation);
    let trace: Vec<Span> = spans
        .iter()
        .filter(|span| span.trace == mutation.trace)
        .cloned()
        .collect();

    let letter = "notifications.deliver.interactive";
    let command = format!("{prefix}usher.work:{letter}");
    let issued = format!("{prefix}usher.events:invitation.issued.v1.interactive");
    let send = only(&trace, "the command is sent", |span| {
        span.name == format!("send {command}")
    });
    let event = only(&trace, "the event is sent", |span| {
        span.name == format!("send {issued}")
    });
    let process = only(&trace, "the command is processed", |span| {
        span.name == format!("process {command}:{letter}")
    });
    let mail = only(&trace, "the mail", |span| span.name == "smtp");
    let row = only(&trace, "the outbox", |span| {
        span.name == "INSERT outbox" && span.parent == server.id && span.service == INVITATIONS
    });

    // who and as what, below whom, and linked to nothing, since all is one trace
    let told = [request, mutation, client, server, row, send, event, process, mail];
    let told = told.map(|span| {
        (
            span.service.as_str(),
            span.kind,
            span.parent.as_str(),
            span.links.len(),
        )
    });
    assert_eq!(
        told,
        [
            (GATEWAY, "SERVER", "", 0),
            (GATEWAY, "SERVER", request.id.as_str(), 0),
            (GATEWAY, "CLIENT", mutation.id.as_str(), 0),
            (INVITATIONS, "SERVER", client.id.as_str(), 0),
            (INVITATIONS, "CLIENT", server.id.as_str(), 0),
            (INVITATIONS, "PRODUCER", server.id.as_str(), 0),
            (INVITATIONS, "PRODUCER", server.id.as_str(), 0),
            (NOTIFICATIONS, "CONSUMER", server.id.as_str(), 0),
            (NOTIFICATIONS, "CLIENT", server.id.as_str(), 0),
        ]
    );
    // contacts hears of it, and everybody of the mail
    for name in [
        format!("process {prefix}usher.packs:invitation.issued.v1.interactive:contacts.events.interactive"),
        format!("send {prefix}usher.events:message.sent.v1.interactive"),
    ] {
        assert!(trace.iter().any(|span| span.name == name), "{name}");
    }
    assert!(trace.iter().all(|span| !span.failed), "{trace:#?}");

    assert_eq!(request.name, "POST /graphql");
    assert_eq!(
        lasting(request),
        attributes(&[
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("http.route", "/graphql"),
            ("request_id", "…"),
            ("url.scheme", "http"),
        ])
    );
    assert_eq!(
        lasting(mutation),
        attributes(&[
            ("graphql.operation.name", "Send"),
            ("graphql.operation.type", "mutation")
        ])
    );
    assert_eq!(client.attributes["server.address"], "127.0.0.1");
    let of_call = [
        ("rpc.method", INVITE),
        ("rpc.response.status_code", "OK"),
        ("rpc.system.name", "grpc"),
    ];
    for (key, value) in of_call {
        assert_eq!(
            (&*client.attributes[key], &*server.attributes[key]),
            (value, value)
        );
    }
    assert_eq!(row.attributes["db.system.name"], "postgresql");
    assert_eq!(row.attributes["db.operation.name"], "INSERT");
    assert_eq!(row.attributes["db.query.summary"], "INSERT outbox");
    assert!(row.attributes["db.query.text"].starts_with("INSERT INTO outbox (id, "));
    assert_eq!(
        lasting(send),
        attributes(&[
            ("messaging.destination.name", &command),
            ("messaging.message.id", "…"),
            ("messaging.operation.name", "send"),
            ("messaging.operation.type", "send"),
            ("messaging.rabbitmq.destination.routing_key", letter),
            ("messaging.system", "rabbitmq"),
        ])
    );
    assert_eq!(
        lasting(process),
        attributes(&[
            ("messaging.destination.name", &format!("{command}:{letter}")),
            ("messaging.message.id", "…"),
            ("messaging.operation.name", "process"),
            ("messaging.operation.type", "process"),
            ("messaging.rabbitmq.destination.routing_key", letter),
            ("messaging.system", "rabbitmq"),
        ])
    );
    assert_eq!(
        send.attributes["messaging.message.id"], process.attributes["messaging.message.id"],
        "what was sent is what was processed"
    );
    assert_eq!(
        lasting(mail),
        attributes(&[
            ("network.protocol.name", "smtp"),
            ("server.address", "127.0.0.1"),
            ("server.port", &mail_port.to_string()),
            ("usher.lane", "interactive"),
            ("usher.message.id", "…"),
        ])
    );

    for resource in collector.resources() {
        let keys: Vec<&str> = resource.keys().map(String::as_str).collect();
        let own = [
            "deployment.environment.name",
            "service.instance.id",
            "service.name",
            "service.namespace",
            "service.version",
        ];
        assert!(own.iter().all(|key| keys.contains(key)), "{keys:?}");
        assert_eq!(
            (
                &*resource["service.namespace"],
                &*resource["deployment.environment.name"]
            ),
            ("usher", "development")
        );
    }
    let calls = ["rpc.client.call.duration", "rpc.server.call.duration"];
    let messages = [
        "messaging.client.consumed.messages",
        "messaging.client.operation.duration",
        "messaging.client.sent.messages",
        "messaging.process.duration",
    ];
    let expected = [
        (GATEWAY, vec!["http.server.request.duration", calls[0]]),
        (
            CONTACTS,
            [&["db.client.operation.duration"][..], &messages, &calls[1..]].concat(),
        ),
        (
            INVITATIONS,
            [
                &["db.client.operation.duration", "usher.events.published"][..],
                &messages,
                &calls,
            ]
            .concat(),
        ),
        (
            NOTIFICATIONS,
            [
                &["db.client.operation.duration", "usher.events.published"][..],
                &messages,
            ]
            .concat(),
        ),
    ];
    for (service, names) in expected {
        let sent = collector.metrics_of(service);
        for name in names {
            assert!(
                sent.iter().any(|sent| sent == name),
                "{service}: {name} is not among {sent:?}"
            );
        }
    }
    let lines = collector.lines();
    for service in [GATEWAY, CONTACTS, INVITATIONS, NOTIFICATIONS] {
        assert!(
            lines.iter().any(|line| line.service == service),
            "no line of {service}"
        );
    }

    // what was logged for the query that could not be answered is found by its trace, over OTLP and on stderr
    let away = only(&spans, "the query", |span| {
        span.attributes
            .get("graphql.operation.name")
            .is_some_and(|name| name == "Away")
    });
    assert!(
        away.failed && away.attributes["error.type"] == "UNAVAILABLE",
        "{away:#?}"
    );
    let said = |line: &&Line| {
        let about = line.attributes.get("peer").map(String::as_str);
        line.body == "peer does not answer" && (line.service.as_str(), about) == (GATEWAY, Some("contacts"))
    };
    let said: Vec<&Line> = lines.iter().filter(said).collect();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!((said[0].severity.as_str(), &said[0].trace), ("WARN", &away.trace));
    let about =
        |line: &serde_json::Value| line["message"] == "peer does not answer" && line["peer"] == "contacts";
    let logged = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    let logged: Vec<serde_json::Value> = logged.filter(about).collect();
    assert_eq!(logged.len(), 1, "{log}");
    assert_eq!(
        (&logged[0]["trace_id"], &logged[0]["level"]),
        (&json!(away.trace), &json!("WARN"))
    );

    let all = collector.text();
    assert!(
        !all.contains("@example.com") && !all.contains("Lovelace"),
        "somebody is named over OTLP"
    );
}

/// A mass is no trace without end: each step is linked to what it comes from.
#[tokio::test]
async fn r4_the_steps_of_a_mass_are_linked_to_what_they_come_from() {
    // more than are invited within the mutation
    let Told { spans, prefix, .. } = invited(101).await;
    let mutation = mutation(&spans);
    let (_, server) = call(&spans, mutation);
    let place = |span: &Span| (span.trace.clone(), span.id.clone());

    let chunk = only(&spans, "the chunk", |span| span.name == "work on batch");
    assert_eq!((&*chunk.parent, &chunk.links), ("", &vec![place(server)]));
    assert_ne!(chunk.trace, mutation.trace);
    let command = format!("{prefix}usher.work:notifications.deliver.bulk");
    let send = only(&spans, "the command is sent", |span| {
        span.name == format!("send {command}")
    });
    let process = only(&spans, "it is processed", |span| {
        span.name == format!("process {command}:notifications.deliver.bulk")
    });
    let mails: Vec<&Span> = spans.iter().filter(|span| span.name == "smtp").collect();
    assert_eq!(mails.len(), 101, "one for each");
    let steps: Vec<&Span> = [send, process].into_iter().chain(mails).collect();
    for step in &steps {
        assert_eq!(
            (&*step.parent, &step.links),
            ("", &vec![place(chunk)]),
            "{}",
            step.name
        );
    }
    let traces: std::collections::BTreeSet<&str> = steps.iter().map(|step| step.trace.as_str()).collect();
    assert_eq!(traces.len(), 103, "each is a trace of its own");
}

#[tokio::test]
async fn r5_whoever_collects_telemetry_may_have_an_authority_of_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new();
    let collector = Collector::start_with_certificate(&authority.identity("localhost")).await;
    let pem = |name: &str, authority: &Authority| {
        let path = folder.path().join(name);
        std::fs::write(&path, authority.pem()).expect("a file");
        path.display().to_string()
    };
    let (right, wrong) = (pem("right.pem", &authority), pem("wrong.pem", &Authority::new()));
    let endpoint = format!("https://localhost:{}", collector.port());
    let run = async |ca: &str, endpoint: &str| {
        let private = format!("127.0.0.1:{}", free_port());
        let mut system = System::launch_on(&[
            ("USHER_TELEMETRY__OTLP_ENDPOINT", endpoint),
            ("USHER_TLS__OTLP_CA", ca),
            ("USHER_PRIVATE_LISTEN", &private),
        ]);
        system.wait_until_ready().await;
        system.stop().await;
    };
    // a collector that cannot be trusted stops nobody, and gets nothing
    run(&wrong, &endpoint).await;
    assert_eq!(collector.text(), "");
    run(&right, &endpoint).await;
    assert!(!collector.spans().is_empty() && !collector.metrics_of("usher").is_empty());

    // an authority of a way that is not encrypted is a mistake
    let mut system = System::launch_on(&[
        ("USHER_TELEMETRY__OTLP_ENDPOINT", "http://localhost:4317"),
        ("USHER_TLS__OTLP_CA", &right),
    ]);
    let (code, log) = system.ended("usher").await;
    assert_eq!(
        (code, log.as_str()),
        (
            78,
            "usher: [tls]: otlp_ca: telemetry.otlp_endpoint must begin with https://\n"
        )
    );
}
