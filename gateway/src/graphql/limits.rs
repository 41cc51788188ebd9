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
/// Directives on one field.
const MOST_DIRECTIVES: usize = 20;
/// Fragments that a document defines.
const MOST_FRAGMENTS: usize = 50;
/// What a change costs besides what it answers with.
const CHANGE: u64 = 9;
/// Lists without pages, and how long they usually are.
const LISTS: [(&str, &str, u64); 3] = [
    ("Contact", "accounts", 4),
    ("PortalUser", "accounts", 4),
    ("Account", "contacts", 10),
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
            if item.node.directives().len() > MOST_DIRECTIVES {
                return Err(format!("at most {MOST_DIRECTIVES} directives in one place"));
            }
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
        if document.fragments.len() > MOST_FRAGMENTS {
            return Err(format!("at most {MOST_FRAGMENTS} fragments"));
        }
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
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    const LIMITS: Limits = Limits {
        depth: 12,
        aliases: 30,
        root_fields: 20,
        cost: 5_000,
    };

    fn first(document: &ExecutableDocument) -> &OperationDefinition {
        let mut operations = document.operations.iter();
        &operations.next().unwrap().1.node
    }

    fn check(document: &str) -> Result<(), String> {
        let document = parse_query(document).unwrap();
        LIMITS
            .measure(&Shapes::default(), &document, first(&document), &Given::new())
            .map(drop)
    }

    fn nested(levels: usize) -> String {
        format!("{}id{}", "{a".repeat(levels - 1) + "{", "}".repeat(levels))
    }

    #[test]
    fn depth_is_limited_and_introspection_apart() {
        assert_eq!(check(&nested(12)), Ok(()));
        assert_eq!(
            check(&nested(13)),
            Err("fields nest at most 12 levels deep".to_owned())
        );
        assert_eq!(check(&format!("{{ __schema {} }}", nested(20))), Ok(()));
        assert!(check(&format!("{{ __schema {} }}", nested(40))).is_err());
    }

    #[test]
    fn aliases_and_root_fields_are_limited_through_fragments_too() {
        let aliased = |count: usize| (0..count).map(|n| format!("a{n}: id ")).collect::<String>();
        assert_eq!(check(&format!("{{ c {{ {} }} }}", aliased(30))), Ok(()));
        assert_eq!(
            check(&format!("{{ c {{ {} }} }}", aliased(31))),
            Err("at most 30 aliases".to_owned())
        );
        let spread = format!(
            "{{ ...F ...F }} fragment F on Query {{ {} }}",
            "viewer ".repeat(11)
        );
        assert_eq!(check(&spread), Err("at most 20 fields at the root".to_owned()));
    }

    #[test]
    fn fragments_that_double_are_refused_at_once() {
        let mut document = "{ v { ...F0 } }".to_owned();
        for n in 0..20 {
            document.push_str(&format!(" fragment F{n} on T {{ ...F{0} ...F{0} }}", n + 1));
        }
        document.push_str(" fragment F20 on T { id }");
        assert_eq!(check(&document), Err(format!("at most {MOST_FIELDS} fields")));
    }

    #[test]
    fn a_fragment_that_contains_itself_is_refused() {
        assert!(check("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }").is_err());
    }

    #[test]
    fn fragments_that_spread_nothing_but_fragments_are_counted_too() {
        let mut document = "{ ...F0 }".to_owned();
        for n in 0..20 {
            document.push_str(&format!(" fragment F{n} on Query {{ ...F{0} ...F{0} }}", n + 1));
        }
        assert_eq!(check(&document), Err(format!("at most {MOST_FIELDS} fields")));
    }

    /// What this operation costs on our own schema.
    fn cost(query: &str, given: &[(&str, Value)]) -> Result<u32, String> {
        let document = parse_query(query).unwrap();
        let given = given
            .iter()
            .map(|(name, value)| (Name::new(name), value.clone()))
            .collect();
        LIMITS.measure(
            &Shapes::new(&crate::graphql::sdl()),
            &document,
            first(&document),
            &given,
        )
    }

    #[test]
    fn a_page_costs_its_length_times_its_fields_wherever_the_length_is_said() {
        let page = "{ contacts(first: 20) { nodes { id email } totalCount } }";
        // twenty times the list, its two fields and the total, and the page itself
        assert_eq!(cost(page, &[]), Ok(20 * 4 + 1));
        assert_eq!(
            cost("{ contacts { nodes { id email } totalCount } }", &[]),
            Ok(50 * 4 + 1)
        );
        assert_eq!(cost("{ contacts(last: 7) { totalCount } }", &[]), Ok(8));
        assert_eq!(cost("{ contacts(first: 99999) { totalCount } }", &[]), Ok(101));
        let asked = "query Q($n: Int = 3) { contacts(first: $n) { totalCount } }";
        assert_eq!(cost(asked, &[]), Ok(4));
        assert_eq!(cost(asked, &[("n", Value::from(30))]), Ok(31));
    }

    #[test]
    fn lists_without_pages_cost_their_usual_length_and_nodes_their_number() {
        let below = "{ contact(id: \"x\") { ...C } } fragment C on Contact { accounts { account { contacts { id } } } }";
        assert_eq!(cost(below, &[]), Ok(2 + 4 * (2 + 10)));
        let nodes = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id ... on Contact { email } } }";
        assert_eq!(
            cost(nodes, &[("ids", Value::from(vec!["a", "b", "c"]))]),
            Ok(3 * 2 + 1)
        );
        for (of, list, _) in LISTS {
            let shapes = Shapes::new(&crate::graphql::sdl());
            assert!(shapes.field(of, list).is_some(), "{of}.{list}");
        }
    }

    #[test]
    fn each_change_costs_ten_points_and_its_answer() {
        let change = "mutation { a: signOut(input: {}) { userErrors { code } } b: signOut(input: {}) { userErrors { code } } }";
        assert_eq!(cost(change, &[]), Ok(2 * (10 + 2)));
    }

    #[test]
    fn what_costs_too_much_is_told_its_cost() {
        let dear = "{ contacts(first: 100) { nodes { accounts { account { contacts { id } } } } } }";
        assert_eq!(
            cost(dear, &[]),
            Err(
                "the operation costs 5001 points, of at most 5000: ask for fewer fields or shorter pages"
                    .to_owned()
            )
        );
    }
}
