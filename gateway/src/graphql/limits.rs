//! Limits on a document, counted before it is validated, since even validation can be made expensive; and what an operation
//! costs.

use std::collections::{BTreeMap, HashMap};

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Value};

use super::shapes::{Shapes, named, root};
use super::types::page_length;

/// Fields with everything that fragments bring in, and the fragments themselves, of all operations.
const MOST_FIELDS: u32 = 2_000;
/// Fields, fragments and inline fragments inside each other, introspection included: the stack.
const DEEPEST_NESTING: u32 = 30;
/// Directives on one field, fragment, operation or variable.
const MOST_DIRECTIVES: usize = 20;
/// Fragments that a document defines.
const MOST_FRAGMENTS: usize = 50;
/// What a change costs besides what it answers with.
const CHANGE: u64 = 9;
/// Lists without pages, and how long they usually are.
const LISTS: [(&str, &str, u64); 6] = [
    ("Contact", "accounts", 4),
    ("PortalUser", "accounts", 4),
    ("Account", "contacts", 10),
    // as many as were named, of at most a thousand
    ("SetPortalTogglesPayload", "accounts", 100),
    // a group for each reason at most, and each can have a page of contacts
    ("InvitationBatch", "skipped", 11),
    ("InvitationPreview", "ineligible", 11),
];

/// Variables by name.
pub(crate) type Given = BTreeMap<Name, Value>;

/// What an installation may choose.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Fields inside each other; introspection apart.
    pub depth: u32,
    /// Fields under another name.
    pub aliases: u32,
    /// Fields of the root type.
    pub root_fields: u32,
    /// Points of one operation: a field costs one, a page its length times its fields.
    pub cost: u32,
}

/// What a selection amounts to.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    depth: u32,
    fields: u32,
    aliases: u32,
    /// Fields directly in the selection, those of its fragments included.
    direct: u32,
    cost: u64,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            direct: self.direct.saturating_add(other.direct),
            cost: self.cost.saturating_add(other.cost),
        }
    }
}

/// Measures each fragment once, however often it is spread.
struct Ruler<'a> {
    shapes: &'a Shapes,
    document: &'a ExecutableDocument,
    /// The operation that is asked for, whose variables these are.
    chosen: &'a OperationDefinition,
    given: &'a Given,
    /// None while a fragment is being measured.
    fragments: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Ruler<'a> {
    fn set(&mut self, on: Option<&'a str>, set: &'a SelectionSet, nesting: u32) -> Result<Size, String> {
        if nesting > DEEPEST_NESTING {
            return Err("the document is nested too deep".to_owned());
        }
        let mut total = Size::default();
        for item in &set.items {
            few(item.node.directives().len())?;
            total = total.beside(self.item(on, &item.node, nesting)?);
        }
        Ok(total)
    }

    fn item(&mut self, on: Option<&'a str>, item: &'a Selection, nesting: u32) -> Result<Size, String> {
        match item {
            Selection::Field(field) => self.field(on, &field.node, nesting),
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(on, |condition| Some(condition.node.on.node.as_str()));
                self.set(on, &fragment.node.selection_set.node, nesting + 1)
            }
            Selection::FragmentSpread(spread) => {
                let mut size = self.fragment(&spread.node.fragment_name.node, nesting + 1)?;
                size.fields = size.fields.saturating_add(1);
                Ok(size)
            }
        }
    }

    fn field(&mut self, on: Option<&'a str>, field: &'a Field, nesting: u32) -> Result<Size, String> {
        let name = field.name.node.as_str();
        let shapes = self.shapes;
        let shape = on.and_then(|on| shapes.field(on, name));
        let of = shape.map(|shape| named(&shape.ty));
        let below = self.set(of, &field.selection_set.node, nesting + 1)?;
        let times = if shape.is_some_and(|shape| shape.is_page) {
            let asked = self.number(field, "first").or_else(|| self.number(field, "last"));
            page_length(asked)
        } else {
            self.usual_length(on, field)
        };
        let about_schema = matches!(name, "__schema" | "__type");
        Ok(Size {
            depth: if about_schema { 1 } else { below.depth + 1 },
            fields: below.fields.saturating_add(1),
            aliases: below.aliases.saturating_add(u32::from(field.alias.is_some())),
            direct: 1,
            cost: below.cost.saturating_mul(times).saturating_add(1),
        })
    }

    /// How often what is below a field that is no page is answered.
    fn usual_length(&self, on: Option<&str>, field: &Field) -> u64 {
        let name = field.name.node.as_str();
        if (on, name) == (Some("Query"), "nodes") {
            return match self.argument(field, "ids") {
                Some(Value::List(ids)) => ids.len() as u64,
                _ => 1,
            };
        }
        let known = LISTS
            .iter()
            .find(|(of, list, _)| on == Some(*of) && *list == name);
        known.map_or(1, |(_, _, length)| *length)
    }

    fn number(&self, field: &Field, name: &str) -> Option<i64> {
        match self.argument(field, name)? {
            Value::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let written = field.get_argument(name)?.node.clone();
        written
            .into_const_with(|name| self.variable(&name).ok_or(()))
            .ok()
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        self.given.get(name).cloned().or_else(|| {
            let mut known = self.chosen.variable_definitions.iter();
            let definition = known.find(|known| known.node.name.node == *name)?;
            Some(definition.node.default_value.as_ref()?.node.clone())
        })
    }

    fn fragment(&mut self, name: &'a Name, nesting: u32) -> Result<Size, String> {
        match self.fragments.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(format!("the fragment {name} contains itself")),
            None => {}
        }
        // an unknown one is validation's to report
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Size::default());
        };
        self.fragments.insert(name, None);
        let on = fragment.node.type_condition.node.on.node.as_str();
        let size = self.set(Some(on), &fragment.node.selection_set.node, nesting)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }
}

/// Whether one place has no more directives than it may.
fn few(directives: usize) -> Result<(), String> {
    if directives > MOST_DIRECTIVES {
        return Err(format!("at most {MOST_DIRECTIVES} directives in one place"));
    }
    Ok(())
}

/// Looks at the definitions themselves; what is selected in them is measured.
fn definitions(document: &ExecutableDocument) -> Result<(), String> {
    if document.fragments.len() > MOST_FRAGMENTS {
        return Err(format!("at most {MOST_FRAGMENTS} fragments"));
    }
    for fragment in document.fragments.values() {
        few(fragment.node.directives.len())?;
    }
    for (_, operation) in document.operations.iter() {
        few(operation.node.directives.len())?;
        for variable in &operation.node.variable_definitions {
            few(variable.node.directives.len())?;
        }
    }
    Ok(())
}

impl Limits {
    /// What the chosen operation costs.
    ///
    /// # Errors
    /// Which limit the document breaks, for people.
    pub(crate) fn measure(
        &self,
        shapes: &Shapes,
        document: &ExecutableDocument,
        chosen: &OperationDefinition,
        given: &Given,
    ) -> Result<u32, String> {
        definitions(document)?;
        let mut ruler = Ruler {
            shapes,
            document,
            chosen,
            given,
            fragments: HashMap::new(),
        };
        let (mut total, mut cost) = (Size::default(), 0);
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            let size = ruler.set(Some(root(operation.ty)), &operation.selection_set.node, 1)?;
            if size.direct > self.root_fields {
                return Err(format!("at most {} fields at the root", self.root_fields));
            }
            if std::ptr::eq(operation, chosen) {
                let changes = u64::from(operation.ty == OperationType::Mutation) * u64::from(size.direct);
                cost = size.cost.saturating_add(CHANGE * changes);
            }
            total = total.beside(size);
        }
        if total.depth > self.depth {
            return Err(format!("fields nest at most {} levels deep", self.depth));
        }
        if total.aliases > self.aliases {
            return Err(format!("at most {} aliases", self.aliases));
        }
        if total.fields > MOST_FIELDS {
            return Err(format!("at most {MOST_FIELDS} fields"));
        }
        match u32::try_from(cost) {
            Ok(cost) if cost <= self.cost => Ok(cost),
            _ => Err(format!(
                "the operation costs {cost} points, of at most {}: ask for fewer fields or shorter pages",
                self.cost
            )),
        }
    }
}

#[cfg(test)]
mod tests;
