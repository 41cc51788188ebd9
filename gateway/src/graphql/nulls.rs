//! Puts nulls where the specification wants them.
//!
//! The executor leaves a field that failed out of its object. The specification wants null there, or, where the field
//! has no null, at the nearest ancestor that has one. Only answers with errors come here.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
    Type,
};
use async_graphql::{Name, PathSegment, ServerError, Value};

use super::shapes::{Shapes, named, root};

/// A selection and the type that it is made on.
type On<'a> = (&'a str, &'a SelectionSet);

impl Shapes {
    /// Mends the data of an answer with errors.
    pub(crate) fn mend(
        &self,
        query: &str,
        operation: Option<&str>,
        data: &mut Value,
        errors: &[ServerError],
    ) {
        let Ok(document) = parse_query(query) else {
            return;
        };
        let Some(operation) = chosen(&document, operation) else {
            return;
        };
        let failed = errors.iter().filter(|error| !error.path.is_empty());
        let mut ends: Vec<&[PathSegment]> = failed
            .map(
                |error| match self.nearest_null(&document, operation, &error.path) {
                    Some(end) => error.path.get(..=end).unwrap_or_default(),
                    None => &[],
                },
            )
            .collect();
        // from the leaves to the root, so that an ancestor that is null takes everything with it
        ends.sort_by_key(|end| std::cmp::Reverse(end.len()));
        for end in ends {
            put_null(data, end);
        }
    }

    /// The last place on the path that has a null; none means the whole answer.
    fn nearest_null(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        path: &[PathSegment],
    ) -> Option<usize> {
        let mut level: Vec<On<'_>> = vec![(root(operation.ty), &operation.selection_set.node)];
        let mut current: Option<&Type> = None;
        let mut nearest = None;
        for (place, segment) in path.iter().enumerate() {
            let found = match segment {
                PathSegment::Index(_) => current.and_then(item_type)?,
                PathSegment::Field(key) => {
                    let fields = selected(document, &level, key);
                    let (on, field) = fields.first()?;
                    let found = &self.field(on, &field.name.node)?.ty;
                    let name = named(found);
                    level = fields
                        .iter()
                        .map(|(_, field)| (name, &field.selection_set.node))
                        .collect();
                    found
                }
            };
            if found.nullable {
                nearest = Some(place);
            }
            current = Some(found);
        }
        nearest
    }
}

fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(&operation.node),
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|found| &found.node)
        }
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().map(|found| &found.node)
        }
    }
}

/// The fields with this key in the answer, each with the type it is selected on.
fn selected<'a>(document: &'a ExecutableDocument, level: &[On<'a>], key: &str) -> Vec<(&'a str, &'a Field)> {
    let mut found = Vec::new();
    let mut rest: Vec<On<'a>> = level.to_vec();
    while let Some((on, set)) = rest.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    if field.node.response_key().node.as_str() == key {
                        found.push((on, &field.node));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| condition.node.on.node.as_str());
                    rest.push((on, &fragment.node.selection_set.node));
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        rest.push((on, &fragment.node.selection_set.node));
                    }
                }
            }
        }
    }
    found
}

fn item_type(list: &Type) -> Option<&Type> {
    match &list.base {
        BaseType::List(item) => Some(item),
        BaseType::Named(_) => None,
    }
}

/// Sets the place to null. The executor makes null of an object that lost all its fields, so that is made an object
/// again on the way.
fn put_null(data: &mut Value, path: &[PathSegment]) {
    let mut place = data;
    for segment in path {
        if let (Value::Null, PathSegment::Field(_)) = (&*place, segment) {
            *place = Value::Object(IndexMap::new());
        }
        let next = match (place, segment) {
            (Value::Object(fields), PathSegment::Field(key)) => {
                fields.entry(Name::new(key)).or_insert(Value::Null)
            }
            (Value::List(items), PathSegment::Index(index)) => match items.get_mut(*index) {
                Some(item) => item,
                None => return,
            },
            _ => return,
        };
        place = next;
    }
    *place = Value::Null;
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    const SDL: &str =
        "type Query { contacts: Page many: [Contact]! must: Contact! } type Page { nodes: [Contact!]! }
        interface Node { id: ID! } type Contact implements Node { id: ID! name: String links: [Link!]! }
        type Link { id: ID! contact: Contact! }";

    fn field(name: &str) -> PathSegment {
        PathSegment::Field(name.to_owned())
    }

    fn mended(query: &str, mut data: Value, path: Vec<PathSegment>) -> Value {
        let error = ServerError::new("x", None).with_path(path);
        Shapes::new(SDL).mend(query, None, &mut data, &[error]);
        data
    }

    #[test]
    fn a_field_that_has_a_null_becomes_null() {
        let path = vec![field("many"), PathSegment::Index(0), field("title")];
        let data = value!({ "many": [{ "id": "1" }] });
        assert_eq!(
            mended("{ many { id title: name } }", data, path),
            value!({ "many": [{ "id": "1", "title": null }] })
        );
    }

    #[test]
    fn a_field_without_a_null_takes_its_ancestors_with_it() {
        let path = vec![
            field("contacts"),
            field("nodes"),
            PathSegment::Index(0),
            field("links"),
            PathSegment::Index(0),
            field("contact"),
        ];
        let data = value!({ "contacts": { "nodes": [{ "links": [{ "id": "1" }] }] } });
        let query = "{ contacts { ...P } } fragment P on Page { nodes { links { id contact { id } } } }";
        assert_eq!(mended(query, data, path), value!({ "contacts": null }));
        let path = vec![field("many"), PathSegment::Index(1), field("id")];
        let data = value!({ "many": [{ "id": "1" }, { "name": "2" }] });
        assert_eq!(
            mended("{ many { ... on Node { id } name } }", data, path),
            value!({ "many": [{ "id": "1" }, null] })
        );
    }

    #[test]
    fn an_object_that_lost_all_its_fields_is_still_an_object() {
        let path = vec![field("many"), PathSegment::Index(0), field("name")];
        let data = value!({ "many": [null] });
        assert_eq!(
            mended("{ many { name } }", data, path),
            value!({ "many": [{ "name": null }] })
        );
        assert_eq!(
            mended(
                "{ contacts { nodes { id } } }",
                Value::Null,
                vec![field("contacts")]
            ),
            value!({ "contacts": null })
        );
    }

    #[test]
    fn a_root_field_without_a_null_takes_everything_with_it() {
        let data = value!({ "many": [] });
        assert_eq!(
            mended("{ must { id } many { id } }", data, vec![field("must")]),
            Value::Null
        );
    }
}
