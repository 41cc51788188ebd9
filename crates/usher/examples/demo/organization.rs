//! The one setting that the sample needs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Client, text};
use crate::error::DemoError;

const READ: &str = "query Organization { organization { placeholderDomains } }";
const UPDATE: &str = "mutation Placeholder($input: UpdateOrganizationInput!) {
  updateOrganization(input: $input) { organization { placeholderDomains } userErrors { code message } }
}";

/// Lists `domain` as one whose addresses are no addresses: they may repeat and nobody is written to (C3).
///
/// # Errors
/// When the API fails or refuses.
pub async fn list_placeholder(client: &Client, domain: &str) -> Result<(), DemoError> {
    let answer = client.ask("Organization", READ, json!({})).await?;
    let mut domains: Vec<Value> = answer["organization"]["placeholderDomains"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if domains.iter().any(|known| known == domain) {
        return Ok(());
    }
    domains.push(json!(domain));
    let answer = client
        .ask(
            "Placeholder",
            UPDATE,
            json!({"input": {"placeholderDomains": domains}}),
        )
        .await?;
    if let Some(error) = answer["updateOrganization"]["userErrors"].get(0) {
        return Err(DemoError::Refused {
            operation: "updateOrganization".to_owned(),
            code: text("Placeholder", &error["code"])?,
            message: text("Placeholder", &error["message"])?,
        });
    }
    // The setting reaches the service that keeps the contacts as an event, within a second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}
