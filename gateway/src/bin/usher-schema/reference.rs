//! The reference: everything in the schema with its description, in Markdown, by name, so that a change of the schema is
//! a small change of the page.

use std::collections::BTreeMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    BaseType, ConstDirective, EnumValueDefinition, FieldDefinition, InputValueDefinition, Type,
    TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{Error, parse_schema};

const HEAD: &str = "# The GraphQL reference

Written by `make schema` from [gateway/schema.graphql](../gateway/schema.graphql); what a schema cannot tell stands in
[graphql.md](graphql.md).
";
const OPERATIONS: [(&str, &str); 3] = [
    ("Query", "Queries"),
    ("Mutation", "Mutations"),
    ("Subscription", "Subscriptions"),
];
const KINDS: [&str; 6] = ["Objects", "Inputs", "Enums", "Interfaces", "Unions", "Scalars"];

type Described<'a> = Option<&'a Positioned<String>>;

/// The page.
///
/// # Errors
/// Where the schema is none.
pub(crate) fn page(sdl: &str) -> Result<String, Error> {
    let mut types = BTreeMap::new();
    for definition in parse_schema(sdl)?.definitions {
        if let TypeSystemDefinition::Type(definition) = definition {
            types.insert(definition.node.name.node.to_string(), definition.node);
        }
    }
    let mut parts = vec![HEAD.to_owned()];
    for (root, title) in OPERATIONS {
        if let Some(TypeKind::Object(object)) = types.remove(root).map(|definition| definition.kind) {
            parts.push(format!("## {title}\n"));
            let mut fields: Vec<&FieldDefinition> = object.fields.iter().map(|field| &field.node).collect();
            fields.sort_by(|one, other| one.name.node.cmp(&other.name.node));
            parts.extend(fields.into_iter().map(|field| operation(root, field, &types)));
        }
    }
    for kind in KINDS {
        parts.push(format!("## {kind}\n"));
        let of_kind = types.values().filter(|definition| kind_of(definition) == kind);
        parts.extend(of_kind.map(|definition| type_of_its_own(definition, &types)));
    }
    Ok(parts.join("\n"))
}

type Types = BTreeMap<String, TypeDefinition>;

const fn kind_of(definition: &TypeDefinition) -> &'static str {
    match definition.kind {
        TypeKind::Object(_) => "Objects",
        TypeKind::InputObject(_) => "Inputs",
        TypeKind::Enum(_) => "Enums",
        TypeKind::Interface(_) => "Interfaces",
        TypeKind::Union(_) => "Unions",
        TypeKind::Scalar => "Scalars",
    }
}

fn operation(root: &str, field: &FieldDefinition, types: &Types) -> String {
    let mut text = format!(
        "### {root}.{}\n\n{}{}\n\nAnswers {}.\n",
        field.name.node,
        said(field.description.as_ref()),
        deprecated(&field.directives),
        link(&field.ty.node, types),
    );
    if !field.arguments.is_empty() {
        text.push('\n');
    }
    for argument in &field.arguments {
        text.push_str(&format!("- {}\n", input(&argument.node, types)));
    }
    text
}

fn type_of_its_own(definition: &TypeDefinition, types: &Types) -> String {
    let mut text = format!(
        "### {}\n\n{}\n",
        definition.name.node,
        said(definition.description.as_ref())
    );
    let lines: Vec<String> = match &definition.kind {
        TypeKind::Object(object) => {
            if !object.implements.is_empty() {
                let names = object.implements.iter().map(|name| named(&name.node, types));
                text.push_str(&format!("\nIs {}.\n", names.collect::<Vec<_>>().join(", ")));
            }
            object
                .fields
                .iter()
                .map(|field| output(&field.node, types))
                .collect()
        }
        TypeKind::Interface(interface) => {
            let fields = interface.fields.iter();
            fields.map(|field| output(&field.node, types)).collect()
        }
        TypeKind::InputObject(object) => {
            if object_is_one_of(definition) {
                text.push_str("\nExactly one of these is given.\n");
            }
            object
                .fields
                .iter()
                .map(|field| input(&field.node, types))
                .collect()
        }
        TypeKind::Enum(values) => values.values.iter().map(|value| choice(&value.node)).collect(),
        TypeKind::Union(union) => union
            .members
            .iter()
            .map(|name| named(&name.node, types))
            .collect(),
        TypeKind::Scalar => Vec::new(),
    };
    if !lines.is_empty() {
        text.push('\n');
    }
    for line in lines {
        text.push_str(&format!("- {line}\n"));
    }
    text
}

fn object_is_one_of(definition: &TypeDefinition) -> bool {
    let mut directives = definition.directives.iter();
    directives.any(|directive| directive.node.name.node == "oneOf")
}

fn output(field: &FieldDefinition, types: &Types) -> String {
    let mut text = format!(
        "`{}` {}: {}{}",
        field.name.node,
        link(&field.ty.node, types),
        said(field.description.as_ref()),
        deprecated(&field.directives),
    );
    for argument in &field.arguments {
        text.push_str(&format!("\n  - {}", input(&argument.node, types)));
    }
    text
}

fn input(value: &InputValueDefinition, types: &Types) -> String {
    let default = value.default_value.as_ref();
    let default = default.map_or_else(String::new, |default| format!(" `= {}`", default.node));
    format!(
        "`{}` {}{default}: {}{}",
        value.name.node,
        link(&value.ty.node, types),
        said(value.description.as_ref()),
        deprecated(&value.directives),
    )
}

fn choice(value: &EnumValueDefinition) -> String {
    let description = said(value.description.as_ref());
    format!(
        "`{}`: {description}{}",
        value.value.node,
        deprecated(&value.directives)
    )
}

/// A description in one line, however it was wrapped.
fn said(description: Described<'_>) -> String {
    description.map_or_else(String::new, |text| {
        text.node.split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

fn deprecated(directives: &[Positioned<ConstDirective>]) -> String {
    let found = directives
        .iter()
        .find(|directive| directive.node.name.node == "deprecated");
    let reason = found.and_then(|directive| directive.node.get_argument("reason"));
    reason.map_or_else(String::new, |reason| format!(" **Deprecated:** {}", reason.node))
}

/// The type as it is written, leading to where it is described.
fn link(of: &Type, types: &Types) -> String {
    let mut base = of;
    while let BaseType::List(inner) = &base.base {
        base = inner;
    }
    match &base.base {
        BaseType::Named(name) if types.contains_key(name.as_str()) => {
            format!("[`{of}`](#{})", name.to_lowercase())
        }
        _ => format!("`{of}`"),
    }
}

fn named(name: &str, types: &Types) -> String {
    Type::new(name).map_or_else(|| name.to_owned(), |name| link(&name, types))
}
