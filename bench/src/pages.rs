//! The load of the contact list: pages behind random cursors, on sixteen connections, each answer looked at.

use std::time::{Duration, Instant};

use futures::future::join_all;
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::failure::{Context, Failure, fail};
use crate::graphql::Connection;
use crate::loaded::Loaded;
use crate::measure::ROUND_SECONDS;
use crate::random::Random;
use crate::system::{ADMIN_EMAIL, ADMIN_PASSWORD};

/// Connections at once.
pub const CONNECTIONS: usize = 16;
/// Contacts of a page.
pub const NODES: usize = 50;
const QUERY: &str = include_str!("../list_page.graphql");
const WALK: &str = "query Walk($after: String) { contacts(first: 100, after: $after) { pageInfo { hasNextPage endCursor } } }";

/// An organization as the load sees it.
pub struct Tenant {
    slug: String,
    authorization: String,
    cursors: Vec<String>,
}

/// Walks every organization once from end to end and keeps the cursor of every page.
///
/// # Errors
/// When one has not as many pages as were loaded.
pub async fn walk(address: &str, loaded: Loaded) -> Result<Vec<Tenant>, Failure> {
    let mut walks = JoinSet::new();
    for number in 1..=loaded.organizations {
        let address = address.to_owned();
        walks.spawn(async move {
            walk_one(&address, number, loaded)
                .await
                .map(|tenant| (number, tenant))
        });
    }
    let mut tenants = walks
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    tenants.sort_by_key(|(number, _)| *number);
    Ok(tenants.into_iter().map(|(_, tenant)| tenant).collect())
}

async fn walk_one(address: &str, number: usize, loaded: Loaded) -> Result<Tenant, Failure> {
    let mut connection = Connection::open(address).await?;
    let slug = format!("bench-{number}");
    let authorization = connection.sign_in(&slug, ADMIN_EMAIL, ADMIN_PASSWORD).await?;
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
    let expected = loaded.contacts / 100 - 1;
    if cursors.len() != expected {
        return Err(fail(format!(
            "organization {number} has {} page ends, not {expected}",
            cursors.len()
        )));
    }
    Ok(Tenant {
        slug,
        authorization,
        cursors,
    })
}

/// A fresh access token for each: one lives five minutes.
///
/// # Errors
/// When a sign-in is refused.
pub async fn sign_in_again(address: &str, tenants: &mut [Tenant]) -> Result<(), Failure> {
    let mut connection = Connection::open(address).await?;
    for tenant in tenants {
        let signed_in = connection.sign_in(&tenant.slug, ADMIN_EMAIL, ADMIN_PASSWORD);
        tenant.authorization = signed_in.await?;
    }
    Ok(())
}

/// One round on all connections: how long each page took.
///
/// # Errors
/// When an answer is not a page.
pub async fn load(address: &str, tenants: &[Tenant], round: usize) -> Result<Vec<Duration>, Failure> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let end = Instant::now() + Duration::from_secs(ROUND_SECONDS);
    let readers = connections.into_iter().enumerate().map(|(number, connection)| {
        let random = Random::new((round * CONNECTIONS + number) as u64);
        read(connection, tenants, random, end)
    });
    let mut took = Vec::new();
    for pages in join_all(readers).await {
        took.extend(pages?);
    }
    Ok(took)
}

/// Reads pages on one connection until the end. The first answer is looked at in full, every one for errors.
async fn read(
    mut connection: Connection,
    tenants: &[Tenant],
    mut random: Random,
    end: Instant,
) -> Result<Vec<Duration>, Failure> {
    let query = Value::from(QUERY).to_string();
    let mut took = Vec::new();
    while Instant::now() < end {
        let tenant = &tenants[random.below(tenants.len())];
        let cursor = &tenant.cursors[random.below(tenant.cursors.len())];
        let body = format!(r#"{{"query":{query},"variables":{{"after":"{cursor}"}}}}"#);
        let asked = Instant::now();
        let answer = connection.post(Some(&tenant.authorization), body.into()).await?;
        took.push(asked.elapsed());
        if took.len() == 1 {
            check(&answer)?;
        } else if answer.starts_with(br#"{"errors""#) || answer.len() < NODES * 100 {
            return Err(fail(format!("not a page: {}", String::from_utf8_lossy(&answer))));
        }
    }
    Ok(took)
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
