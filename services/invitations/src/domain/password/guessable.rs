//! Passwords made of what everybody knows of a person.

use usher_types::fold;

/// Shorter words are part of too many others.
const SHORTEST_WORD: usize = 3;
/// What may be left besides known words, digits and signs before a password counts as one's own.
const OWN: usize = 5;

/// A text as a whole, letters and digits only, and each of its words.
pub(super) fn words_of(text: &str) -> Vec<String> {
    let folded = fold(text);
    let parts = folded.split(|letter: char| !letter.is_alphanumeric());
    let whole: String = parts.clone().collect();
    std::iter::once(whole)
        .chain(parts.map(str::to_owned))
        .filter(|word| word.chars().count() >= SHORTEST_WORD)
        .collect()
}

/// Whether known words, digits and signs make up all but a few letters, read forwards or backwards.
pub(super) fn is_made_of(folded: &str, words: &[String]) -> bool {
    let backwards: String = folded.chars().rev().collect();
    [folded, &backwards]
        .into_iter()
        .any(|text| own_letters(text, words).is_some_and(|own| own < OWN))
}

/// How many letters are left when known words are taken out; none where there is no known word in it.
fn own_letters(text: &str, words: &[String]) -> Option<usize> {
    let mut rest: String = text.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let mut found = false;
    for word in words {
        if rest.contains(word.as_str()) {
            found = true;
            // a digit keeps what stood on both sides from growing together
            rest = rest.replace(word.as_str(), "0");
        }
    }
    found.then(|| rest.chars().filter(|letter| !letter.is_numeric()).count())
}
