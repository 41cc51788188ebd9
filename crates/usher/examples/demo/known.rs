//! What an organization has already: the rows of earlier runs and the companies, walked page by page.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::client::{Client, number};
use crate::error::DemoError;

/// The id of each company by its folded name; empty until it is made.
pub type Companies = HashMap<String, Arc<OnceCell<String>>>;

const CONTACTS: &str = "query Contacts($after: String) {
  contacts(first: 100, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) {
    nodes { externalId } pageInfo { hasNextPage endCursor }
  }
}";
const COMPANIES: &str = "query Companies($after: String) {
  accounts(first: 100, after: $after, filter: {kinds: [COMPANY]}) {
    nodes { id name } pageInfo { hasNextPage endCursor }
  }
}";

/// How many contacts the organization has.
///
/// # Errors
/// When the API fails.
pub async fn count(client: &Client) -> Result<u64, DemoError> {
    let answer = client
        .ask(
            "Count",
            "query Count { contacts(first: 1) { totalCount } }",
            json!({}),
        )
        .await?;
    number("Count", &answer["contacts"]["totalCount"])
}

/// The rows that earlier runs loaded, by the external id that they gave them.
///
/// # Errors
/// When the API fails.
pub async fn rows(client: &Client) -> Result<HashSet<String>, DemoError> {
    let mut known = HashSet::new();
    walk(client, "Contacts", "contacts", CONTACTS, |node| {
        known.extend(node["externalId"].as_str().map(str::to_owned));
    })
    .await?;
    Ok(known)
}

/// The companies that there are.
///
/// # Errors
/// When the API fails.
pub async fn companies(client: &Client) -> Result<Companies, DemoError> {
    let mut known = Companies::new();
    walk(client, "Companies", "accounts", COMPANIES, |node| {
        if let (Some(name), Some(id)) = (node["name"].as_str(), node["id"].as_str()) {
            known.insert(name.to_lowercase(), Arc::new(OnceCell::from(id.to_owned())));
        }
    })
    .await?;
    Ok(known)
}

/// Every node of the connection `field`, page by page.
///
/// # Errors
/// When the API fails.
pub async fn walk(
    client: &Client,
    operation: &str,
    field: &str,
    query: &str,
    mut visit: impl FnMut(&Value),
) -> Result<(), DemoError> {
    let mut after = Value::Null;
    loop {
        let answer = client.ask(operation, query, json!({"after": after})).await?;
        let connection = &answer[field];
        connection["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .for_each(&mut visit);
        if connection["pageInfo"]["hasNextPage"] != true {
            return Ok(());
        }
        after = connection["pageInfo"]["endCursor"].clone();
    }
}
