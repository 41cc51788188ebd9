//! What search looks through, and what it looks for (C8).

use usher_types::fold;

/// Words of one search; further ones are not looked at.
pub(crate) const WORDS: usize = 10;

/// The text that a contact is found by: name, address, phone and the names of linked accounts, folded, a line each.
pub(crate) fn document<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<String> = parts
        .into_iter()
        .map(fold)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}

/// The words of a search, folded. All of them must be found, each anywhere.
pub(crate) fn words(search: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    // NUL is in no document, and no database takes it
    for word in fold(&search.replace('\0', " ")).split_whitespace() {
        if words.len() < WORDS && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c8_text_and_search_are_folded_alike() {
        let document = document(["Zoë", "MÜLLER", "zoe@Example.com", "", "Acme Ltd"]);
        assert_eq!(document, "zoe\nmuller\nzoe@example.com\nacme ltd");
        assert_eq!(words("  Müller   ACME müller "), ["muller", "acme"]);
        assert!(
            words("müller acme")
                .iter()
                .all(|word| document.contains(word.as_str()))
        );
    }

    #[test]
    fn a_search_of_blanks_looks_for_nothing() {
        assert_eq!(words(" \t "), Vec::<String>::new());
        assert_eq!(words("a\0b"), ["a", "b"]);
    }
}
