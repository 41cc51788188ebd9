//! Segments: named filters over contacts.

use async_graphql::{Context, ID, Json, Object};
use serde_json::{Map, Value, json};
use usher_auth::Operation;
use usher_proto::contacts::v1 as wire;
use usher_types::{AccountId, SegmentId};

use super::{Contact, ContactConnection, Moment, Window, count, required_moment};
use crate::fault::Fault;
use crate::graphql::input::ContactOrder;
use crate::graphql::scope::{Scope, answer};
use crate::ids::shown;

/// A named filter of the firm; who is in it is looked up whenever it is asked for.
#[derive(Clone, Debug)]
pub struct Segment(pub(crate) wire::Segment);

/// A named filter of the firm; who is in it is looked up whenever it is asked for.
#[Object]
impl Segment {
    /// The segment's id.
    #[graphql(name = "id")]
    pub(crate) async fn node_id(&self) -> ID {
        shown::<SegmentId>(&self.0.id)
    }

    /// The segment's name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Who is in it, in the shape of `ContactFilter`: what was left out there is left out here.
    async fn filter(&self) -> Json<Value> {
        Json(self.0.filter.as_ref().map_or_else(|| json!({}), filter))
    }

    /// Who is in it now, by last name unless ordered otherwise. Needs `contacts.read`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of a list of contacts")]
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many, from the beginning: 1 to 100. 50 where neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "A cursor: what comes after it.")] after: Option<String>,
        #[graphql(desc = "How many, from the end: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "A cursor: what comes before it.")] before: Option<String>,
        #[graphql(desc = "In which order.")] order_by: Option<ContactOrder>,
    ) -> Result<Option<ContactConnection>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListContacts)?;
        let window = Window {
            first,
            after,
            last,
            before,
        };
        let request = scope.ask(wire::ListContactsRequest {
            page: Some(window.request(ctx)?),
            filter: self.0.filter.clone(),
            order: order_by.map(ContactOrder::into_wire),
        });
        let reply = answer(scope.backends.contacts.clone().list_contacts(request).await)?;
        let nodes = reply.contacts.into_iter().map(|row| Contact::new(row, scope));
        Ok(Some(ContactConnection::new(nodes.collect(), reply.page)))
    }

    /// Goes up with every change; what an update may expect.
    async fn version(&self) -> i32 {
        count(self.0.version)
    }

    /// When the segment was made.
    async fn created_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.created_at)
    }

    /// When the segment last changed.
    async fn updated_at(&self) -> Result<Moment, Fault> {
        required_moment(self.0.updated_at)
    }
}

/// A filter as a client would write it.
fn filter(given: &wire::ContactFilter) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let list = |given: bool, values: &[String]| (given || !values.is_empty()).then(|| json!(values));
    let below = |filters: &[wire::ContactFilter]| Value::from_iter(filters.iter().map(filter));
    put("search", given.search.as_ref().map(|words| json!(words)));
    put("roles", list(given.roles_given, &given.roles));
    put("tags", list(given.tags_given, &given.tags));
    put("active", given.active.map(Value::from));
    put(
        "portalStatus",
        list(given.portal_status_given, &given.portal_status),
    );
    put("pendingActivation", given.pending_activation.map(Value::from));
    put("signedIn", given.signed_in.map(Value::from));
    let accounts: Vec<String> = given.account_ids.iter().map(|id| shown_account(id)).collect();
    put("accountIds", list(given.account_ids_given, &accounts));
    put("and", (!given.and.is_empty()).then(|| below(&given.and)));
    put(
        "or",
        (given.or_given || !given.or.is_empty()).then(|| below(&given.or)),
    );
    put("not", given.not.as_ref().map(|not| filter(not)));
    Value::Object(shown)
}

fn shown_account(id: &[u8]) -> String {
    shown::<AccountId>(id).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c9_a_filter_is_shown_as_it_was_written() {
        let written = wire::ContactFilter {
            search: Some("ada".to_owned()),
            roles_given: true,
            tags: vec!["vip".to_owned()],
            tags_given: true,
            active: Some(true),
            or_given: true,
            or: vec![
                wire::ContactFilter {
                    signed_in: Some(false),
                    ..Default::default()
                },
                wire::ContactFilter::default(),
            ],
            not: Some(Box::new(wire::ContactFilter {
                pending_activation: Some(true),
                ..Default::default()
            })),
            ..Default::default()
        };
        let expected = json!({
            "search": "ada", "roles": [], "tags": ["vip"], "active": true, "or": [{"signedIn": false}, {}],
            "not": {"pendingActivation": true},
        });
        assert_eq!(filter(&written), expected);
    }
}
