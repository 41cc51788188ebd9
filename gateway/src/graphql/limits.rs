//! Limits on a document, counted before anything else looks at it: even validation can be made expensive.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

/// Bytes of a document.
pub(crate) const LONGEST_DOCUMENT: usize = 64 * 1024;
/// Fields with everything that fragments bring in, of all operations.
const MOST_FIELDS: u32 = 5_000;
/// Fields, fragments and inline fragments inside each other, introspection included: the stack.
const DEEPEST_NESTING: u32 = 30;
/// Directives on one field.
const MOST_DIRECTIVES: usize = 20;
/// Fragments that a document defines.
const MOST_FRAGMENTS: usize = 50;

/// Brackets of any kind inside each other. The parser goes down the stack with them, and a stack that runs out ends the
/// process; the deepest filter in the deepest selection stays well below.
const DEEPEST_BRACKETS: usize = 100;

/// Whether a document has brackets too deep inside each other to be parsed. Those in strings and comments do not count.
pub(crate) fn is_too_deep(document: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = document;
    while let Some(at) = rest.find(['{', '[', '(', '}', ']', ')', '"', '#']) {
        let (found, after) = (rest.as_bytes()[at], &rest[at + 1..]);
        rest = match found {
            b'"' => after_string(after),
            b'#' => after.find(['\n', '\r']).map_or("", |end| &after[end..]),
            b'{' | b'[' | b'(' => {
                depth += 1;
                after
            }
            _ => {
                depth = depth.saturating_sub(1);
                after
            }
        };
        if depth > DEEPEST_BRACKETS {
            return true;
        }
    }
    false
}

/// What follows a string whose first quote is taken.
fn after_string(text: &str) -> &str {
    if let Some(block) = text.strip_prefix("\"\"") {
        let mut rest = block;
        while let Some(end) = rest.find("\"\"\"") {
            let is_escaped = rest[..end].ends_with('\\');
            rest = &rest[end + 3..];
            if !is_escaped {
                return rest;
            }
        }
        return "";
    }
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            // a string ends with its line; what follows is the parser's to refuse
            '\n' | '\r' => return &text[at..],
            '"' if !escaped => return &text[at + 1..],
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    ""
}

/// What an installation may choose.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Fields inside each other; introspection apart.
    pub depth: u32,
    /// Fields under another name.
    pub aliases: u32,
    /// Fields of the root type.
    pub root_fields: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 12,
            aliases: 30,
            root_fields: 20,
        }
    }
}

/// What a selection amounts to.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    depth: u32,
    fields: u32,
    aliases: u32,
    /// Fields directly in the selection, those of its fragments included.
    direct: u32,
}

impl Size {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            fields: self.fields.saturating_add(other.fields),
            aliases: self.aliases.saturating_add(other.aliases),
            direct: self.direct.saturating_add(other.direct),
        }
    }
}

/// Measures each fragment once, however often it is spread.
struct Ruler<'a> {
    document: &'a ExecutableDocument,
    /// None while a fragment is being measured.
    fragments: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Ruler<'a> {
    fn set(&mut self, set: &'a SelectionSet, nesting: u32) -> Result<Size, String> {
        if nesting > DEEPEST_NESTING {
            return Err("the document is nested too deep".to_owned());
        }
        let mut total = Size::default();
        for item in &set.items {
            if item.node.directives().len() > MOST_DIRECTIVES {
                return Err(format!("at most {MOST_DIRECTIVES} directives in one place"));
            }
            total = total.beside(self.item(&item.node, nesting)?);
        }
        Ok(total)
    }

    fn item(&mut self, item: &'a Selection, nesting: u32) -> Result<Size, String> {
        match item {
            Selection::Field(field) => {
                let field = &field.node;
                let below = self.set(&field.selection_set.node, nesting + 1)?;
                let about_schema = matches!(field.name.node.as_str(), "__schema" | "__type");
                Ok(Size {
                    depth: if about_schema { 1 } else { below.depth + 1 },
                    fields: below.fields.saturating_add(1),
                    aliases: below.aliases.saturating_add(u32::from(field.alias.is_some())),
                    direct: 1,
                })
            }
            Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set.node, nesting + 1),
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, nesting + 1),
        }
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
        let size = self.set(&fragment.node.selection_set.node, nesting)?;
        self.fragments.insert(name, Some(size));
        Ok(size)
    }
}

impl Limits {
    /// Whether the document stays within the limits.
    ///
    /// # Errors
    /// Which limit it breaks, for people.
    pub(crate) fn check(&self, document: &ExecutableDocument) -> Result<(), String> {
        if document.fragments.len() > MOST_FRAGMENTS {
            return Err(format!("at most {MOST_FRAGMENTS} fragments"));
        }
        let mut ruler = Ruler {
            document,
            fragments: HashMap::new(),
        };
        let mut total = Size::default();
        for (_, operation) in document.operations.iter() {
            let size = ruler.set(&operation.node.selection_set.node, 1)?;
            if size.direct > self.root_fields {
                return Err(format!("at most {} fields at the root", self.root_fields));
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn check(document: &str) -> Result<(), String> {
        Limits::default().check(&parse_query(document).unwrap())
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
        assert_eq!(check(&document), Err("at most 5000 fields".to_owned()));
    }

    #[test]
    fn a_fragment_that_contains_itself_is_refused() {
        assert!(check("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }").is_err());
    }

    #[test]
    fn brackets_that_would_use_up_the_stack_are_refused_before_they_are_parsed() {
        let nested = |open: &str, close: &str, deep: usize| {
            format!("{{ a(x: {}1{}) }}", open.repeat(deep), close.repeat(deep))
        };
        for (open, close) in [("{b: ", "}"), ("[", "]")] {
            assert!(!is_too_deep(&nested(open, close, 98)));
            assert!(is_too_deep(&nested(open, close, 99)));
        }
        assert!(is_too_deep(&"{ a ".repeat(101)));
        assert!(!is_too_deep(&"{ a } ".repeat(1000)));
        let brackets = "[".repeat(1000);
        for hidden in [
            format!("# {brackets}\n{{ a }}"),
            format!("{{ a(x: \"\\\"{brackets}\") }}"),
            format!("{{ a(x: \"\"\"\"{brackets}\\\"\"\"{brackets}\"\"\") }}"),
        ] {
            assert!(!is_too_deep(&hidden), "{hidden}");
            assert!(is_too_deep(&format!("{hidden}{brackets}")), "{hidden}");
        }
    }
}
