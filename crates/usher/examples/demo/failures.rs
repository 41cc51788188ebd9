//! Why mails failed: what the API says at each contact, by the mail server's own words.

use std::collections::HashMap;

use serde_json::Value;

use crate::client::Client;
use crate::error::DemoError;
use crate::invite::Reasons;
use crate::known;

const INVITED: &str = "query Invited($after: String) {
  contacts(first: 100, after: $after, filter: {portalStatus: [INVITED, EXPIRED]}) {
    nodes { id portal { delivery deliveryError } } pageInfo { hasNextPage endCursor }
  }
}";

/// Contacts whose newest mail failed, with the reason.
pub struct Failures(HashMap<String, String>);

impl Failures {
    /// Looks at everybody who is invited.
    ///
    /// # Errors
    /// When the API fails.
    pub async fn look(client: &Client) -> Result<Self, DemoError> {
        let mut found = HashMap::new();
        known::walk(client, "Invited", "contacts", INVITED, |node| {
            if let (Some(id), Some(reason)) = (node["id"].as_str(), reason(&node["portal"])) {
                found.insert(id.to_owned(), reason);
            }
        })
        .await?;
        Ok(Self(found))
    }

    /// Those that were not there before, counted by reason.
    pub fn since(&self, before: &Self) -> Reasons {
        let mut counts = Reasons::new();
        for (id, reason) in &self.0 {
            if !before.0.contains_key(id) {
                *counts.entry(reason.clone()).or_default() += 1;
            }
        }
        counts
    }
}

fn reason(portal: &Value) -> Option<String> {
    let delivery = portal["delivery"].as_str()?;
    if !matches!(delivery, "FAILED" | "BOUNCED" | "SUPPRESSED") {
        return None;
    }
    Some(match portal["deliveryError"].as_str() {
        Some(words) => alike(words),
        None => delivery.to_owned(),
    })
}

/// Servers put the address into what they say; without it those who say the same are counted together.
fn alike(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    let without = line
        .split_whitespace()
        .map(|word| if word.contains('@') { "…" } else { word });
    without.collect::<Vec<_>>().join(" ").chars().take(50).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn those_who_say_the_same_are_counted_together() {
        let portal =
            |error: Value, delivery: &str| reason(&json!({"delivery": delivery, "deliveryError": error}));
        let ada = portal(json!("550 5.1.1 <ada@example.org>: no such user"), "FAILED");
        let bob = portal(json!("550 5.1.1 <bob@example.org>: no such user\nbye"), "BOUNCED");
        assert_eq!(ada.as_deref(), Some("550 5.1.1 … no such user"));
        assert_eq!(ada, bob);
        assert_eq!(portal(Value::Null, "SUPPRESSED").as_deref(), Some("SUPPRESSED"));
        assert_eq!(portal(json!("451 later"), "DEFERRED"), None);
    }
}
