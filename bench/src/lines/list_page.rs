//! Pages of the contact list, over HTTP through separate processes, against PostgreSQL answering the same values itself.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Line;
use crate::failure::{Context, Failure, fail};
use crate::graphql::Connection;
use crate::loaded::Loaded;
use crate::measure::{Outcome, ROUND_SECONDS, Want, alternate};
use crate::note;
use crate::random::Random;
use crate::system::{ADMIN_EMAIL, ADMIN_PASSWORD, Plan};
use crate::workshop::{Workshop, runtime};

pub const LINE: Line = Line {
    name: "list_page_c16",
    what: "pages of 50 contacts, a million contacts in 10 organizations, 16 connections, random organization and cursor",
    run,
};

const CONNECTIONS: usize = 16;
const NODES: usize = 50;
const QUERY: &str = include_str!("../../list_page.graphql");
const WALK: &str = "query Walk($after: String) { contacts(first: 100, after: $after) { pageInfo { hasNextPage endCursor } } }";
const LIMIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/list_page.sql");

/// An organization as the load sees it.
struct Tenant {
    authorization: String,
    cursors: Vec<String>,
}

fn run(workshop: &Workshop) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::MILLION.database(workshop)?;
    // an access token lives five minutes, the rounds a little less
    let plan = Plan {
        workshop,
        database: cluster.url(&database),
        smtp: None,
        settings: crate::lines::raised(),
    };
    let runtime = runtime()?;
    let mut system = plan.start(&runtime, &["invitations", "contacts", "gateway"])?;
    let mut tenants = runtime.block_on(walk(&system.address))?;
    let address = system.address.clone();
    let mut pages = 0;
    let (limit, value) = alternate(
        || cluster.pgbench(&database, Path::new(LIMIT), CONNECTIONS, ROUND_SECONDS),
        |round| {
            system.check()?;
            runtime.block_on(sign_in_again(&address, &mut tenants))?;
            let (count, took) = runtime.block_on(load(&address, &tenants, round))?;
            pages += count;
            Ok(count as f64 / took.as_secs_f64())
        },
    )?;
    note(&format!(
        "{}: {pages} pages of {NODES} read and checked",
        LINE.name
    ));
    Ok(Outcome {
        name: LINE.name,
        unit: "pages/s",
        value,
        limit,
        want: Want::AtLeast(0.25),
    })
}

/// Walks every organization once from end to end and keeps the cursor of every page.
async fn walk(address: &str) -> Result<Vec<Tenant>, Failure> {
    let mut walks = JoinSet::new();
    for number in 1..=Loaded::MILLION.organizations {
        let address = address.to_owned();
        walks.spawn(async move { walk_one(&address, number).await.map(|tenant| (number, tenant)) });
    }
    let mut tenants = walks
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    tenants.sort_by_key(|(number, _)| *number);
    Ok(tenants.into_iter().map(|(_, tenant)| tenant).collect())
}

async fn walk_one(address: &str, number: usize) -> Result<Tenant, Failure> {
    let mut connection = Connection::open(address).await?;
    let authorization = connection
        .sign_in(&format!("bench-{number}"), ADMIN_EMAIL, ADMIN_PASSWORD)
        .await?;
    let mut cursors = Vec::new();
    loop {
        let data = connection
            .ask(Some(&authorization), WALK, json!({"after": cursors.last()}))
            .await?;
        let page = &data["contacts"]["pageInfo"];
        if page["hasNextPage"] != true {
            break;
        }
        let cursor = page["endCursor"]
            .as_str()
            .ok_or_else(|| fail(format!("no cursor in {data}")))?;
        cursors.push(cursor.to_owned());
    }
    let expected = Loaded::MILLION.contacts / 100 - 1;
    if cursors.len() != expected {
        return Err(fail(format!(
            "organization {number} has {} page ends, not {expected}",
            cursors.len()
        )));
    }
    Ok(Tenant {
        authorization,
        cursors,
    })
}

async fn sign_in_again(address: &str, tenants: &mut [Tenant]) -> Result<(), Failure> {
    let mut connection = Connection::open(address).await?;
    for (index, tenant) in tenants.iter_mut().enumerate() {
        let slug = format!("bench-{}", index + 1);
        tenant.authorization = connection.sign_in(&slug, ADMIN_EMAIL, ADMIN_PASSWORD).await?;
    }
    Ok(())
}

/// One round on all connections; pages and the time they took.
async fn load(address: &str, tenants: &[Tenant], round: usize) -> Result<(u64, Duration), Failure> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let started = Instant::now();
    let end = started + Duration::from_secs(ROUND_SECONDS);
    let readers = connections.into_iter().enumerate().map(|(number, connection)| {
        let random = Random::new((round * CONNECTIONS + number) as u64);
        read(connection, tenants, random, end)
    });
    let mut pages = 0;
    for count in join_all(readers).await {
        pages += count?;
    }
    Ok((pages, started.elapsed()))
}

/// Reads pages on one connection until the end. The first answer is looked at in full, every one for errors.
async fn read(
    mut connection: Connection,
    tenants: &[Tenant],
    mut random: Random,
    end: Instant,
) -> Result<u64, Failure> {
    let query = Value::from(QUERY).to_string();
    let mut pages = 0;
    while Instant::now() < end {
        let tenant = &tenants[random.below(tenants.len())];
        let cursor = &tenant.cursors[random.below(tenant.cursors.len())];
        let body = format!(r#"{{"query":{query},"variables":{{"after":"{cursor}"}}}}"#);
        let answer = connection.post(Some(&tenant.authorization), body.into()).await?;
        if pages == 0 {
            check(&answer)?;
        } else if answer.starts_with(br#"{"errors""#) || answer.len() < NODES * 100 {
            return Err(fail(format!("not a page: {}", String::from_utf8_lossy(&answer))));
        }
        pages += 1;
    }
    Ok(pages)
}

fn check(answer: &Bytes) -> Result<(), Failure> {
    let answer: Value = serde_json::from_slice(answer).context("a page")?;
    let nodes = answer["data"]["contacts"]["nodes"].as_array().map_or(0, Vec::len);
    let whole = |node: &Value| {
        node["portal"]["status"].is_string() && node["accounts"][0]["account"]["name"].is_string()
    };
    let all_whole = answer["data"]["contacts"]["nodes"]
        .as_array()
        .is_some_and(|nodes| nodes.iter().all(whole));
    if answer.get("errors").is_some() || nodes != NODES || !all_whole {
        return Err(fail(format!("not a whole page: {answer}")));
    }
    Ok(())
}
