//! What a provider says of somebody.

use serde_json::{Map, Value};

/// The claims of an ID token that is trusted, and of the provider's answer about the same person.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// Who, for this issuer for ever (`sub`).
    pub subject: String,
    pub(crate) id_token: Map<String, Value>,
    pub(crate) user_info: Map<String, Value>,
}

impl Claims {
    /// A claim by its name, of the ID token where it stands there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.id_token.get(name).or_else(|| self.user_info.get(name))
    }

    /// The texts of a claim, which is a text or a list of texts. The name may be a path with dots, as in `realm_access.roles`, where
    /// no claim has the whole of it as its name.
    #[must_use]
    pub fn texts(&self, path: &str) -> Vec<&str> {
        let found = self.get(path).or_else(|| {
            let mut steps = path.split('.');
            let first = self.get(steps.next()?)?;
            steps.try_fold(first, |value, step| value.get(step))
        });
        match found {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The address, where whoever names it says that it is the person's. `verified` is the claim that says so.
    #[must_use]
    pub fn verified_email(&self, verified: &str) -> Option<&str> {
        [&self.id_token, &self.user_info]
            .into_iter()
            .find(|claims| is_true(claims.get(verified)))
            .and_then(|claims| claims.get("email"))
            .and_then(Value::as_str)
    }
}

/// Some providers write it as a text or a number.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => matches!(text.as_str(), "true" | "1"),
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    }
}

/// Names and addresses are not for logs.
impl std::fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Claims(…)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(id_token: Value, user_info: Value) -> Claims {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        Claims {
            subject: "s".to_owned(),
            id_token: map(id_token),
            user_info: map(user_info),
        }
    }

    #[test]
    fn i15_a_claim_is_a_text_or_a_list_and_may_lie_deeper() {
        let said = claims(
            json!({ "groups": ["a", 7, "b"], "https://firm.example/roles": "c" }),
            json!({ "groups": ["other"], "realm_access": { "roles": ["d"] }, "one": "e" }),
        );
        assert_eq!(said.texts("groups"), ["a", "b"]);
        assert_eq!(said.texts("https://firm.example/roles"), ["c"]);
        assert_eq!(said.texts("realm_access.roles"), ["d"]);
        assert_eq!(said.texts("one"), ["e"]);
        for nothing in ["two", "realm_access", "realm_access.groups", "one.more", ""] {
            assert_eq!(said.texts(nothing), Vec::<&str>::new(), "{nothing}");
        }
    }

    #[test]
    fn i15_an_address_counts_where_the_same_source_has_verified_it() {
        let of = |id: Value, info: Value| {
            claims(id, info)
                .verified_email("email_verified")
                .map(str::to_owned)
        };
        let ours = json!({ "email": "a@example.com", "email_verified": true });
        assert_eq!(of(ours.clone(), json!({})).as_deref(), Some("a@example.com"));
        assert_eq!(of(json!({}), ours.clone()).as_deref(), Some("a@example.com"));
        assert_eq!(
            of(
                json!({ "email": "a@example.com", "email_verified": "true" }),
                json!({})
            )
            .as_deref(),
            Some("a@example.com")
        );
        for unverified in [
            json!({ "email": "a@example.com" }),
            json!({ "email": "a@example.com", "email_verified": false }),
            json!({ "email": "a@example.com", "email_verified": "no" }),
            json!({ "email_verified": true }),
        ] {
            assert_eq!(of(unverified.clone(), json!({})), None, "{unverified}");
        }
        // one source's address is not verified by another's word
        let borrowed = of(
            json!({ "email": "victim@example.com" }),
            json!({ "email_verified": true }),
        );
        assert_eq!(borrowed, None);
        assert_eq!(
            claims(json!({ "email": "a@example.com", "xms_edov": 1 }), json!({})).verified_email("xms_edov"),
            Some("a@example.com")
        );
    }
}
