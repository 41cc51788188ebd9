//! The schema as a whole.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use async_graphql::registry::SDLExportOptions;

use super::mutation::Mutation;
use super::query::Query;
use super::subscription::Subscription;
use super::types::UserError;

/// The executable schema.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// Builds the schema. Whoever may not ask what it holds is not told by suggestions either.
#[must_use]
pub fn build(introspection: bool) -> Schema {
    let builder = async_graphql::Schema::build(Query::default(), Mutation::new(), Subscription)
        .register_output_type::<UserError>();
    if introspection {
        builder.finish()
    } else {
        builder.disable_introspection().disable_suggestions().finish()
    }
}

/// The schema in the schema definition language, as it is committed.
#[must_use]
pub fn sdl() -> String {
    build(true).sdl_with_options(SDLExportOptions::new().include_specified_by())
}

/// Of which root type an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A question.
    Query,
    /// A change.
    Mutation,
    /// A stream.
    Subscription,
}

/// A field of a root type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// Of which root type.
    pub kind: Kind,
    /// Its name, such as "createContact".
    pub name: String,
}

/// Every operation that the schema has, for tests that must not miss one.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let document = parse_schema(sdl())
        .map(|document| document.definitions)
        .unwrap_or_default();
    let mut found = Vec::new();
    for definition in document {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let kind = match definition.node.name.node.as_str() {
            "Query" => Kind::Query,
            "Mutation" => Kind::Mutation,
            "Subscription" => Kind::Subscription,
            _ => continue,
        };
        if let TypeKind::Object(object) = definition.node.kind {
            found.extend(object.fields.into_iter().map(|field| Operation {
                kind,
                name: field.node.name.node.to_string(),
            }));
        }
    }
    found
}
