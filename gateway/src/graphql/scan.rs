//! A first look at a document's text, before it is parsed: what would use up the stack or take long is refused by counting.

/// Bytes of a document.
const LONGEST_DOCUMENT: usize = 64 * 1024;
/// Names, numbers, strings and signs.
const MOST_TOKENS: usize = 5_000;
/// Brackets of any kind inside each other. The parser goes down the stack with them, and a stack that runs out ends the
/// process; the deepest filter in the deepest selection stays well below.
const DEEPEST_BRACKETS: usize = 100;

/// Whether a document is small enough to be parsed. What stands in strings and comments is not looked at.
///
/// # Errors
/// Which limit it breaks, for people.
pub(crate) fn scan(document: &str) -> Result<(), String> {
    if document.len() > LONGEST_DOCUMENT {
        return Err(format!("a document has at most {LONGEST_DOCUMENT} bytes"));
    }
    let (mut depth, mut tokens) = (0_usize, 0_usize);
    let mut rest = document.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = match first {
            '#' => after.find(['\n', '\r']).map_or("", |end| &after[end..]),
            '"' => after_string(after),
            first if is_word(first) => after.trim_start_matches(is_word),
            _ => after,
        };
        match first {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens += usize::from(first != '#');
        if depth > DEEPEST_BRACKETS {
            return Err("the document is nested too deep".to_owned());
        }
        if tokens > MOST_TOKENS {
            return Err(format!("a document has at most {MOST_TOKENS} tokens"));
        }
        rest = rest.trim_start_matches(is_space);
    }
    Ok(())
}

fn is_space(letter: char) -> bool {
    letter.is_ascii_whitespace() || letter == ',' || letter == '\u{feff}'
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_.+-".contains(letter)
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

#[cfg(test)]
mod tests {
    use super::*;

    const DEEP: &str = "the document is nested too deep";

    #[test]
    fn brackets_that_would_use_up_the_stack_are_refused_before_they_are_parsed() {
        let nested = |open: &str, close: &str, deep: usize| {
            format!("{{ a(x: {}1{}) }}", open.repeat(deep), close.repeat(deep))
        };
        for (open, close) in [("{b: ", "}"), ("[", "]")] {
            assert_eq!(scan(&nested(open, close, 98)), Ok(()));
            assert_eq!(scan(&nested(open, close, 99)), Err(DEEP.to_owned()));
        }
        assert_eq!(scan(&"{ a ".repeat(101)), Err(DEEP.to_owned()));
        assert_eq!(scan(&"{ a } ".repeat(1000)), Ok(()));
        let brackets = "[".repeat(1000);
        for hidden in [
            format!("# {brackets}\n{{ a }}"),
            format!("{{ a(x: \"\\\"{brackets}\") }}"),
            format!("{{ a(x: \"\"\"\"{brackets}\\\"\"\"{brackets}\"\"\") }}"),
        ] {
            assert_eq!(scan(&hidden), Ok(()), "{hidden}");
            assert_eq!(
                scan(&format!("{hidden}{brackets}")),
                Err(DEEP.to_owned()),
                "{hidden}"
            );
        }
    }

    #[test]
    fn tokens_are_counted_as_the_specification_does_and_comments_and_commas_are_none() {
        let most = Err("a document has at most 5000 tokens".to_owned());
        // an ellipsis, a name, a sign, a number, a string: five
        let five = "...,name! -1.5e3 \"a b\" # comment, more\n";
        assert_eq!(scan(&five.repeat(1000)), Ok(()));
        assert_eq!(scan(&format!("{}x", five.repeat(1000))), most);
        assert_eq!(scan(&"@".repeat(5001)), most);
        assert_eq!(scan(&"é".repeat(5001)), most);
    }

    #[test]
    fn a_document_has_at_most_64_kib() {
        assert_eq!(scan(&" ".repeat(64 * 1024)), Ok(()));
        assert_eq!(
            scan(&" ".repeat(64 * 1024 + 1)),
            Err("a document has at most 65536 bytes".to_owned())
        );
    }
}
