//! Placeholders: a closed list, refused when unknown, substituted once (N4).

/// What a template may name between brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// First and last name.
    ContactName,
    /// First name.
    FirstName,
    /// The firm.
    OrganizationName,
    /// The link with its token: never in a subject.
    CustomerPortalLink,
    /// The end of the link's life, with weekday, date, time and zone (I5).
    ExpiresAt,
    /// The member who invited, else the firm.
    InvitedBy,
    /// The personal message; empty where there is none.
    Message,
}

impl Placeholder {
    /// Every placeholder.
    pub const ALL: [Self; 7] = [
        Self::ContactName,
        Self::FirstName,
        Self::OrganizationName,
        Self::CustomerPortalLink,
        Self::ExpiresAt,
        Self::InvitedBy,
        Self::Message,
    ];

    /// As it is written between the brackets.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContactName => "ContactName",
            Self::FirstName => "FirstName",
            Self::OrganizationName => "OrganizationName",
            Self::CustomerPortalLink => "CustomerPortalLink",
            Self::ExpiresAt => "ExpiresAt",
            Self::InvitedBy => "InvitedBy",
            Self::Message => "Message",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// A name in brackets that is not on the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[{0}] is no placeholder")]
pub struct UnknownPlaceholder(pub String);

/// What stands for the placeholders of one letter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Values<'a> {
    /// `[ContactName]`.
    pub contact_name: &'a str,
    /// `[FirstName]`.
    pub first_name: &'a str,
    /// `[OrganizationName]`.
    pub organization_name: &'a str,
    /// `[CustomerPortalLink]`.
    pub link: &'a str,
    /// `[ExpiresAt]`.
    pub expires_at: &'a str,
    /// `[InvitedBy]`.
    pub invited_by: &'a str,
    /// `[Message]`.
    pub message: &'a str,
}

impl<'a> Values<'a> {
    const fn of(&self, placeholder: Placeholder) -> &'a str {
        match placeholder {
            Placeholder::ContactName => self.contact_name,
            Placeholder::FirstName => self.first_name,
            Placeholder::OrganizationName => self.organization_name,
            Placeholder::CustomerPortalLink => self.link,
            Placeholder::ExpiresAt => self.expires_at,
            Placeholder::InvitedBy => self.invited_by,
            Placeholder::Message => self.message,
        }
    }
}

/// How values are written into the text around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line, as a subject: line breaks and other control characters become spaces.
    Line,
    /// Plain text: control characters other than line breaks become spaces.
    Text,
    /// HTML, in text or between double quotes; line breaks become `<br>`.
    Html,
}

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
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('[') {
            let (before, from) = rest.split_at(open);
            literal.push_str(before);
            match name_at(from) {
                Some(name) => {
                    let known =
                        Placeholder::named(name).ok_or_else(|| UnknownPlaceholder(name.to_owned()))?;
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Value(known));
                    rest = &from[name.len() + 2..];
                }
                None => {
                    literal.push('[');
                    rest = &from[1..];
                }
            }
        }
        literal.push_str(rest);
        let size = text.len();
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { form, pieces, size })
    }

    /// Whether the placeholder stands in it.
    #[must_use]
    pub fn names(&self, placeholder: Placeholder) -> bool {
        self.pieces.contains(&Piece::Value(placeholder))
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

/// The name between the bracket that `text` begins with and the next one, if it has the shape of a placeholder.
fn name_at(text: &str) -> Option<&str> {
    let name = &text[1..text.find(']')?];
    let mut bytes = name.bytes();
    let shaped = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    shaped.then_some(name)
}

fn write_value(filled: &mut String, value: &str, form: Form) {
    match form {
        Form::Line => filled.extend(value.chars().map(|c| if is_break(c) { ' ' } else { c })),
        Form::Text => write_text(filled, value),
        Form::Html => write_html(filled, value),
    }
}

/// Control characters, and the two separators of Unicode that some programs break lines at.
fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn write_text(filled: &mut String, value: &str) {
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => filled.push('\n'),
            '\t' => filled.push('\t'),
            c if is_break(c) => filled.push(' '),
            c => filled.push(c),
        }
    }
}

fn write_html(filled: &mut String, value: &str) {
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => filled.push_str("&amp;"),
            '<' => filled.push_str("&lt;"),
            '>' => filled.push_str("&gt;"),
            '"' => filled.push_str("&quot;"),
            '\'' => filled.push_str("&#39;"),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => filled.push_str("<br>\n"),
            c if is_break(c) => filled.push(' '),
            c => filled.push(c),
        }
    }
}

/// The text on one line, as header values need it: control characters become spaces, spaces at the ends go.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    write_value(&mut line, text, Form::Line);
    line.trim().to_owned()
}

/// The text as HTML.
#[must_use]
pub fn escape_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    write_html(&mut html, text);
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values<'static> = Values {
        contact_name: "Ada Lovelace",
        first_name: "Ada",
        organization_name: "Müller & Söhne <Berlin>",
        link: "https://portal.example/activate/T",
        expires_at: "Friday",
        invited_by: "Max",
        message: "one\r\ntwo \"three\"",
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
