//! What the schema says of its fields, for those who look at documents and answers besides the executor.

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, OperationType, Type, TypeKind, TypeSystemDefinition,
};

/// A field of a type.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The type of its value.
    pub(crate) ty: Type,
    /// Whether it is a page of a list.
    pub(crate) is_page: bool,
}

/// The fields of all types with fields.
#[derive(Debug, Default)]
pub(crate) struct Shapes(HashMap<String, HashMap<String, Shape>>);

impl Shapes {
    /// Reads the schema definition language.
    pub(crate) fn new(sdl: &str) -> Self {
        let mut types = HashMap::new();
        for definition in parse_schema(sdl)
            .map(|document| document.definitions)
            .unwrap_or_default()
        {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => continue,
            };
            let fields = fields.into_iter().map(|field| shape(field.node));
            types.insert(definition.node.name.node.to_string(), fields.collect());
        }
        Self(types)
    }

    /// The field of that name, where the type has one.
    pub(crate) fn field(&self, on: &str, name: &str) -> Option<&Shape> {
        self.0.get(on)?.get(name)
    }
}

fn shape(field: FieldDefinition) -> (String, Shape) {
    let is_page = field
        .arguments
        .iter()
        .any(|argument| argument.node.name.node == "first");
    let ty = field.ty.node;
    (field.name.node.to_string(), Shape { ty, is_page })
}

/// The name of the root type.
pub(crate) const fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// The type's name without its lists and nulls.
pub(crate) fn named(mut ty: &Type) -> &str {
    loop {
        match &ty.base {
            BaseType::Named(name) => return name.as_str(),
            BaseType::List(item) => ty = item,
        }
    }
}

#[cfg(test)]
impl Shapes {
    /// Every field that answers with a list of objects, and the type that has it.
    pub(crate) fn lists_of_objects(&self) -> Vec<(&str, &str, &Shape)> {
        let fields = self.0.iter().flat_map(|(of, fields)| {
            let fields = fields.iter();
            fields.map(move |(field, shape)| (of.as_str(), field.as_str(), shape))
        });
        fields
            .filter(|(_, _, shape)| is_list(&shape.ty) && self.has_fields(named(&shape.ty)))
            .collect()
    }

    /// Whether something below this type is a list of objects or a page.
    pub(crate) fn leads_to_a_list(&self, of: &str) -> bool {
        let below = self.0.get(of).into_iter().flat_map(HashMap::values);
        below.into_iter().any(|shape| {
            let name = named(&shape.ty);
            let is_long = shape.is_page || is_list(&shape.ty);
            self.has_fields(name) && (is_long || self.leads_to_a_list(name))
        })
    }

    fn has_fields(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

#[cfg(test)]
fn is_list(ty: &Type) -> bool {
    matches!(ty.base, BaseType::List(_))
}
