//! Texts with placeholders: refused when one is unknown, filled in once (N4).

use super::placeholder::{Form, Placeholder, UnknownPlaceholder, Values, write_value};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Value(Placeholder),
}

/// A text with its placeholders found, ready to be filled in many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    form: Form,
    pieces: Vec<Piece>,
    /// Bytes of the literals, to size the result.
    size: usize,
}

impl Pattern {
    /// Finds the placeholders: a letter, then letters, digits or `_`, between brackets. `[1]` and `[see there]` are plain text.
    ///
    /// # Errors
    /// The first name in brackets that is not on the list.
    pub fn parse(text: &str, form: Form) -> Result<Self, UnknownPlaceholder> {
        let mut pieces = Pieces::default();
        let mut rest = text;
        while let Some(open) = rest.find('[') {
            let (before, from) = rest.split_at(open);
            pieces.literal.push_str(before);
            match name_at(from) {
                Some(name) => {
                    let known = Placeholder::named(name);
                    pieces.value(known.ok_or_else(|| UnknownPlaceholder(name.to_owned()))?);
                    rest = &from[name.len() + 2..];
                }
                None => {
                    pieces.literal.push('[');
                    rest = &from[1..];
                }
            }
        }
        pieces.literal.push_str(rest);
        Ok(pieces.pattern(form))
    }

    /// Whether the placeholder stands in it.
    #[must_use]
    pub fn names(&self, placeholder: Placeholder) -> bool {
        self.pieces.contains(&Piece::Value(placeholder))
    }

    /// The same with the values of these placeholders written in: what all letters of a mailing have in common.
    #[must_use]
    pub fn settled(&self, placeholders: &[Placeholder], values: &Values<'_>) -> Self {
        let mut pieces = Pieces::default();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => pieces.literal.push_str(text),
                Piece::Value(known) if placeholders.contains(known) => {
                    write_value(&mut pieces.literal, values.of(*known), self.form);
                }
                Piece::Value(other) => pieces.value(*other),
            }
        }
        pieces.pattern(self.form)
    }

    /// Its lines, each with the break at its end. A value may have further ones.
    #[must_use]
    pub fn lines(&self) -> Vec<Self> {
        let mut lines = Vec::new();
        let mut line = Pieces::default();
        for piece in &self.pieces {
            match piece {
                Piece::Value(known) => line.value(*known),
                Piece::Literal(text) => {
                    for part in text.split_inclusive('\n') {
                        line.literal.push_str(part);
                        if part.ends_with('\n') {
                            lines.push(std::mem::take(&mut line).pattern(self.form));
                        }
                    }
                }
            }
        }
        lines.push(line.pattern(self.form));
        lines
    }

    /// The text itself where there is nothing to fill in.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match &self.pieces[..] {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Fills the values in, once: brackets inside a value stay text.
    #[must_use]
    pub fn fill(&self, values: &Values<'_>) -> String {
        let mut filled = String::with_capacity(self.size + 256);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Value(placeholder) => write_value(&mut filled, values.of(*placeholder), self.form),
            }
        }
        filled
    }
}

/// A pattern that is being put together.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    literal: String,
    size: usize,
}

impl Pieces {
    fn value(&mut self, placeholder: Placeholder) {
        self.flush();
        self.done.push(Piece::Value(placeholder));
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.size += self.literal.len();
            self.done.push(Piece::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn pattern(mut self, form: Form) -> Pattern {
        self.flush();
        Pattern {
            form,
            pieces: self.done,
            size: self.size,
        }
    }
}

/// The name between the bracket that `text` begins with and the next one, if it has the shape of a placeholder.
fn name_at(text: &str) -> Option<&str> {
    let name = &text[1..text.find(']')?];
    let mut bytes = name.bytes();
    let shaped = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    shaped.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::super::placeholder::{escape_html, is_break};
    use super::*;

    const VALUES: Values<'static> = Values {
        contact_name: "Ada Lovelace",
        first_name: "Ada",
        organization_name: "Müller & Söhne <Berlin>",
        link: "https://portal.example/activate/T",
        expires_at: "Friday",
        invited_by: "Max",
        message: "one\r\ntwo \"three\"",
        account_names: "Engines Ltd",
    };

    fn filled(text: &str, form: Form) -> String {
        Pattern::parse(text, form).unwrap().fill(&VALUES)
    }

    #[test]
    fn n4_placeholders_are_filled_in() {
        let table = [
            ("", Form::Text, ""),
            ("plain", Form::Text, "plain"),
            ("[FirstName]", Form::Text, "Ada"),
            ("Dear [ContactName],", Form::Line, "Dear Ada Lovelace,"),
            ("[FirstName][FirstName]", Form::Text, "AdaAda"),
            (
                "[OrganizationName]",
                Form::Html,
                "Müller &amp; Söhne &lt;Berlin&gt;",
            ),
            ("[OrganizationName]", Form::Text, "Müller & Söhne <Berlin>"),
            ("[Message]", Form::Line, "one  two \"three\""),
            ("[Message]", Form::Text, "one\ntwo \"three\""),
            ("[Message]", Form::Html, "one<br>\ntwo &quot;three&quot;"),
        ];
        for (text, form, expected) in table {
            assert_eq!(filled(text, form), expected, "{text:?}");
        }
    }

    #[test]
    fn n4_brackets_that_are_no_placeholder_stay() {
        for text in ["[1]", "[]", "[see there]", "a [", "a ] b", "[[", "[ü]", "[a-b]"] {
            assert_eq!(filled(text, Form::Text), text);
        }
        assert_eq!(filled("[[FirstName]]", Form::Text), "[Ada]");
    }

    #[test]
    fn n4_unknown_placeholders_are_refused_by_name() {
        let table = [
            ("[Nickname]", "Nickname"),
            ("[firstname]", "firstname"),
            ("a [FirstName] b [X_1]", "X_1"),
        ];
        for (text, name) in table {
            assert_eq!(
                Pattern::parse(text, Form::Text),
                Err(UnknownPlaceholder(name.to_owned()))
            );
        }
    }

    #[test]
    fn n4_what_is_settled_is_filled_in_once_and_for_all() {
        let pattern = Pattern::parse("[Message] [FirstName],\n[InvitedBy]", Form::Html).unwrap();
        let settled = pattern.settled(&[Placeholder::Message, Placeholder::InvitedBy], &VALUES);
        let ada = Values {
            first_name: "[Message]",
            ..Values::default()
        };
        assert_eq!(
            settled.fill(&ada),
            "one<br>\ntwo &quot;three&quot; [Message],\nMax"
        );
        let lines: Vec<_> = settled
            .lines()
            .iter()
            .map(|line| line.literal().map(str::to_owned))
            .collect();
        assert_eq!(
            lines,
            [Some("one<br>\n".to_owned()), None, Some("Max".to_owned())]
        );
    }

    #[test]
    fn n4_a_value_that_looks_like_a_placeholder_is_not_filled_in_again() {
        let values = Values {
            first_name: "[CustomerPortalLink]",
            link: "secret",
            ..VALUES
        };
        let pattern = Pattern::parse("Dear [FirstName]", Form::Text).unwrap();
        assert_eq!(pattern.fill(&values), "Dear [CustomerPortalLink]");
    }

    proptest::proptest! {
        #[test]
        fn n4_substitution_happens_once(first in ".*", message in ".*", text in ".{0,20}") {
            let values = Values { first_name: &first, message: &message, ..VALUES };
            let plain = text.replace('[', "");
            let pattern = Pattern::parse(&format!("{plain}[FirstName]|[Message]"), Form::Html).unwrap();
            let expected = format!("{plain}{}|{}", escape_html(&first), escape_html(&message));
            proptest::prop_assert_eq!(pattern.fill(&values), expected);
        }

        #[test]
        fn n4_lines_together_are_the_whole(text in "(\\[FirstName\\]|\\[Message\\]|\n|[a-z ]){0,20}", message in ".*") {
            let values = Values { message: &message, ..VALUES };
            let pattern = Pattern::parse(&text, Form::Text).unwrap();
            let lines: String = pattern.lines().iter().map(|line| line.fill(&values)).collect();
            proptest::prop_assert_eq!(lines, pattern.fill(&values));
        }

        #[test]
        fn n5_a_line_has_no_break_whatever_the_value(value in ".*", breaks in "[\r\n\u{0}\u{2028}\u{85}]{1,3}") {
            let value = format!("{value}{breaks}Bcc: x@example.com");
            let values = Values { first_name: &value, ..VALUES };
            let line = Pattern::parse("Hi [FirstName]", Form::Line).unwrap().fill(&values);
            proptest::prop_assert!(!line.chars().any(is_break), "{:?}", line);
        }

        #[test]
        fn n4_html_values_hold_no_markup(value in ".*") {
            let html = escape_html(&value).replace("<br>", "");
            proptest::prop_assert!(!html.contains(['<', '>', '"', '\'']));
        }

        #[test]
        fn n4_parsing_never_panics_and_plain_text_survives(text in "\\PC*") {
            if let Ok(pattern) = Pattern::parse(&text, Form::Text)
                && !Placeholder::ALL.into_iter().any(|known| pattern.names(known))
            {
                proptest::prop_assert_eq!(pattern.fill(&VALUES), text);
            }
        }
    }
}
