//! Folding of text, so that both databases sort and search alike.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The form in which text is searched and sorted: decomposed, without marks, lower-cased, single spaces.
#[must_use]
pub fn fold(text: &str) -> String {
    let lower: String = text
        .nfkd()
        .filter(|&letter| !is_combining_mark(letter))
        .flat_map(char::to_lowercase)
        .collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn c8_case_marks_and_spaces_do_not_matter() {
        assert_eq!(fold("  Élodie   MÜLLER "), "elodie muller");
        assert_eq!(fold("ＡＢＣ"), "abc");
        assert_eq!(fold("李 雷"), "李 雷");
    }
}
