//! Puts the fields of an answer into the order of the document.
//!
//! The executor adds each field when its value is there. The specification wants the order in which they were asked for.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Name, Value};

/// The keys of an object in the answer, in the order of the document, each with those below it.
///
/// Fields of a union's members stand in one order here. Where two of its fragments ask for the same fields in different orders
/// the first decides for both.
#[derive(Debug, Default)]
pub(crate) struct Order(Vec<(Name, Order)>);

impl Order {
    /// The order that this operation asks for. The document has been measured: fragments end.
    pub(crate) fn of(document: &ExecutableDocument, operation: &OperationDefinition) -> Self {
        Self::below(document, &[&operation.selection_set.node])
    }

    fn below(document: &ExecutableDocument, sets: &[&SelectionSet]) -> Self {
        let mut fields = IndexMap::new();
        for set in sets {
            gather(document, set, &mut fields);
        }
        let fields = fields.into_iter();
        Self(
            fields
                .map(|(key, sets)| (key.clone(), Self::below(document, &sets)))
                .collect(),
        )
    }

    /// Puts the fields of `data` into order. What stands right already is only looked at.
    pub(crate) fn arrange(&self, data: &mut Value) {
        match data {
            Value::List(items) => items.iter_mut().for_each(|item| self.arrange(item)),
            Value::Object(fields) => {
                if !self.holds(fields) {
                    self.reorder(fields);
                }
                for (key, below) in &self.0 {
                    // a scalar has nothing below it
                    if !below.0.is_empty()
                        && let Some(value) = fields.get_mut(key)
                    {
                        below.arrange(value);
                    }
                }
            }
            _ => {}
        }
    }

    fn holds(&self, fields: &IndexMap<Name, Value>) -> bool {
        let mut asked = self.0.iter();
        fields.keys().all(|key| asked.any(|(other, _)| other == key))
    }

    fn reorder(&self, fields: &mut IndexMap<Name, Value>) {
        let mut rest = std::mem::take(fields);
        for (key, _) in &self.0 {
            if let Some(value) = rest.swap_remove(key) {
                fields.insert(key.clone(), value);
            }
        }
        fields.extend(rest);
    }
}

/// The names of the operation's fields at the root, each as often as it is asked for.
pub(crate) fn root_fields<'a>(
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut rest = vec![&operation.selection_set.node];
    while let Some(set) = rest.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => names.push(field.node.name.node.as_str()),
                Selection::InlineFragment(fragment) => rest.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let fragment = document.fragments.get(&spread.node.fragment_name.node);
                    rest.extend(fragment.map(|fragment| &fragment.node.selection_set.node));
                }
            }
        }
    }
    names
}

/// The fields of a selection by their key in the answer, with everything that is selected below each.
fn gather<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    fields: &mut IndexMap<&'a Name, Vec<&'a SelectionSet>>,
) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                fields
                    .entry(key)
                    .or_default()
                    .push(&field.node.selection_set.node);
            }
            Selection::InlineFragment(fragment) => {
                gather(document, &fragment.node.selection_set.node, fields);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    gather(document, &fragment.node.selection_set.node, fields);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::DocumentOperations;
    use async_graphql::value;

    use super::*;

    fn arranged(query: &str, mut data: Value) -> String {
        let document = parse_query(query).unwrap();
        let DocumentOperations::Single(operation) = &document.operations else {
            unreachable!("one operation");
        };
        Order::of(&document, &operation.node).arrange(&mut data);
        data.to_string()
    }

    #[test]
    fn fields_stand_in_the_order_of_the_document_at_every_level() {
        let query = "{ b a: x { d ... on T { c } ...F } } fragment F on T { e d }";
        assert_eq!(
            arranged(query, value!({ "a": [{ "e": 1, "c": 2, "d": 3 }, null], "b": 4 })),
            r#"{b: 4, a: [{d: 3, c: 2, e: 1}, null]}"#
        );
    }

    #[test]
    fn a_field_that_is_asked_for_twice_stands_where_it_was_asked_for_first() {
        let query = "{ a { y } b a { x } }";
        assert_eq!(
            arranged(query, value!({ "b": 1, "a": { "x": 2, "y": 3 } })),
            r#"{a: {y: 3, x: 2}, b: 1}"#
        );
    }
}
