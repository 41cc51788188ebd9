//! What other services may tell us, over the exchange of what is accepted (E2).
//!
//! A message changes only the fields that it carries, and each of them only where it is newer than what the same
//! publisher has said of that field before; so messages may be lost, doubled or overtake each other. Whose the contact or
//! account is follows from who published it, and stands in no payload.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use usher_types::{AccountKind, ContactRole};

/// The types that are accepted.
pub mod accepted {
    /// [`super::ContactUpserted`].
    pub const CONTACT_UPSERTED: &str = "usher.inbound.contact.upserted.v1";
    /// [`super::Deactivated`] of a contact.
    pub const CONTACT_DEACTIVATED: &str = "usher.inbound.contact.deactivated.v1";
    /// [`super::AccountUpserted`].
    pub const ACCOUNT_UPSERTED: &str = "usher.inbound.account.upserted.v1";
    /// [`super::Deactivated`] of an account.
    pub const ACCOUNT_DEACTIVATED: &str = "usher.inbound.account.deactivated.v1";
}

/// `usher.inbound.contact.upserted.v1`: a contact is made, or the fields that are here are changed. The first message about a
/// contact needs role and names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContactUpserted {
    /// The id that this contact has in the system that publishes it.
    #[schemars(length(min = 1, max = 200))]
    pub external_id: String,
    /// Grows with every change of the contact over there; a moment in microseconds will do.
    #[schemars(range(min = 1))]
    pub version: i64,
    /// What the contact is to the firm (C1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<ContactRole>,
    /// Given name, at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Family name, at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// The address; null takes it away. One that is malformed is kept, and marked INVALID until somebody mends it (C3).
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
    /// With the country's number; null takes it away.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub phone: Option<Option<String>>,
    /// Null takes them away.
    #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub notes: Option<Option<String>>,
    /// All of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// False has the same effect as a deactivation, true makes an inactive contact active again (C4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The publisher's ids of accounts of which it has spoken. Links that are missing are made, with login off; none is taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<String>>,
}

/// `usher.inbound.account.upserted.v1`: an account is made, or the fields that are here are changed. The first message about an
/// account needs name and kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountUpserted {
    /// The id that this account has in the system that publishes it.
    #[schemars(length(min = 1, max = 200))]
    pub external_id: String,
    /// Grows with every change of the account over there.
    #[schemars(range(min = 1))]
    pub version: i64,
    /// As shown, at most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the account stands for (C5). JOINT needs two contacts and cannot be had by a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<AccountKind>,
    /// All of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// `usher.inbound.contact.deactivated.v1`: the contact keeps history and address and loses access at once (C4).
/// `usher.inbound.account.deactivated.v1`: nobody signs in for the account any more; login goes off on all its links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deactivated {
    /// The id in the system that publishes it.
    #[schemars(length(min = 1, max = 200))]
    pub external_id: String,
    /// Grows with every change over there.
    #[schemars(range(min = 1))]
    pub version: i64,
}

/// What is there, be it null; what is not there is never asked for.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e2_what_is_absent_stays_and_null_takes_away() {
        let read = |text: &str| serde_json::from_str::<ContactUpserted>(text).unwrap();
        let upserted = read(r#"{"external_id": "4711", "version": 3, "email": null, "later": {}}"#);
        assert_eq!(
            (&upserted.email, &upserted.phone, &upserted.tags),
            (&Some(None), &None, &None)
        );
        assert_eq!(
            serde_json::to_string(&upserted).unwrap(),
            r#"{"external_id":"4711","version":3,"email":null}"#
        );
    }
}
