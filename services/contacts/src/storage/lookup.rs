//! How those are found whom a list holds: by words of their documents or accounts' names, or by tags.

use std::cmp::Reverse;

use usher_database::Dialect;

use super::filter::{contains, json_texts};
use super::params::Params;
use crate::domain::filter::{Condition, Filter};

/// Letters that the index takes at a time; shorter words are not in it.
const LETTERS: usize = 3;
/// Words that the index is asked for at once, which is as many as PostgreSQL's functions take.
const WORDS: usize = 3;

/// How many rows a walk in the order of a list looks at before words are looked up. Where fewer of them match than a page
/// holds, a twentieth at most has the words, and so few are soon collected.
pub(super) const NEXT: u64 = 1_000;

/// A way to some contacts, everyone who matches a filter among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// By words, three letters at a time.
    Words(Vec<String>),
    /// Who has one of these tags.
    Tags(Vec<String>),
    /// By reading all documents of the organization, for words that the index does not hold.
    Documents(Vec<String>),
}

impl Lookup {
    /// The shortest way to everyone who matches, where there is one.
    pub(super) fn of(filter: &Filter) -> Option<Self> {
        let required = filter.required();
        let searches = required.iter().filter_map(|condition| match condition {
            Condition::Search(words) => Some(words.iter().map(String::as_str)),
            _ => None,
        });
        let words: Vec<&str> = searches.flatten().collect();
        let indexed = indexed(&words);
        if !indexed.is_empty() {
            return Some(Self::Words(indexed));
        }
        let tags = required.iter().find_map(|condition| match condition {
            Condition::Tags(tags) => Some(Self::Tags(tags.clone())),
            _ => None,
        });
        let documents = || Self::Documents(words.iter().map(|word| (*word).to_owned()).collect());
        tags.or_else(|| (!words.is_empty()).then(documents))
    }

    /// The words that those who are found are known to have.
    pub(super) fn words(&self) -> &[String] {
        match self {
            Self::Words(words) | Self::Documents(words) => words,
            Self::Tags(_) => &[],
        }
    }

    /// The contacts of `$1` who are found, each once, as `f` with their `id`.
    pub(super) fn contacts(&self, dialect: Dialect, params: &mut Params) -> String {
        match (self, dialect) {
            (Self::Words(words), Dialect::Postgres) => {
                format!("contacts_like($1, {}) AS f(id)", patterns(words, params))
            }
            (Self::Words(words), Dialect::Sqlite) => {
                let quoted: Vec<String> = words
                    .iter()
                    .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
                    .collect();
                let number = params.add(quoted.join(" AND "));
                format!(
                    "(SELECT d.contact_id AS id FROM contact_fts CROSS JOIN contact_search d ON d.rowid = contact_fts.rowid \
                     WHERE contact_fts MATCH ${number} AND +d.organization_id = $1) AS f"
                )
            }
            (Self::Tags(tags), _) => {
                let number = params.add(serde_json::Value::from(tags.clone()).to_string());
                format!(
                    "(SELECT DISTINCT d.contact_id AS id FROM contact_tag d WHERE d.organization_id = $1 AND d.tag IN {}) AS f",
                    json_texts(dialect, number)
                )
            }
            (Self::Documents(words), _) => {
                let holds = |word: &String| contains(dialect, "d.document", params.add(word.clone()));
                let hold: Vec<String> = words.iter().map(holds).collect();
                // By itself: PostgreSQL guesses that a third has the words, and would rather meet them in the list's order.
                format!(
                    "(SELECT d.contact_id AS id FROM contact_search d WHERE d.organization_id = $1 AND {} \
                     LIMIT {} OFFSET 0) AS f",
                    hold.join(" AND "),
                    i64::MAX
                )
            }
        }
    }
}

/// The words that the index is asked for: the longest, which are likely those of the fewest.
pub(super) fn indexed(words: &[&str]) -> Vec<String> {
    let length = |word: &str| word.chars().count();
    let mut words: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| length(word) >= LETTERS)
        .collect();
    words.sort_by_key(|word| (Reverse(length(word)), *word));
    words.dedup();
    words.truncate(WORDS);
    words.into_iter().map(str::to_owned).collect()
}

/// On PostgreSQL: the accounts of `$1` whose names hold these words, as `f` with their `id`.
pub(super) fn accounts(words: &[String], params: &mut Params) -> String {
    format!("accounts_like($1, {}) AS f(id)", patterns(words, params))
}

/// Always as many; those left over match everything.
fn patterns(words: &[String], params: &mut Params) -> String {
    let mut words = words.iter();
    let patterns = (0..WORDS).map(|_| {
        let pattern = words.next().map_or_else(|| "%".to_owned(), |word| like(word));
        format!("${}", params.add(pattern))
    });
    patterns.collect::<Vec<_>>().join(", ")
}

/// The LIKE pattern of texts that contain a word.
fn like(word: &str) -> String {
    let mut pattern = String::from("%");
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn search(words: &[&str]) -> Filter {
        Filter::Is(Condition::Search(texts(words)))
    }

    #[test]
    fn c8_the_longest_words_are_looked_up() {
        let longest = Lookup::Words(texts(&["lovelace", "engines", "acme"]));
        let filter = search(&["acme", "lovelace", "ab", "ada", "engines"]);
        assert_eq!(Lookup::of(&filter), Some(longest));
        let twice = Filter::All(vec![search(&["acme"]), search(&["ada", "acme"])]);
        assert_eq!(Lookup::of(&twice), Some(Lookup::Words(texts(&["acme", "ada"]))));
        assert_eq!(
            Lookup::of(&search(&["ab", "李雷"])),
            Some(Lookup::Documents(texts(&["ab", "李雷"])))
        );
        assert_eq!(Lookup::of(&search(&[])), None);
    }

    #[test]
    fn c8_tags_are_looked_up_where_no_word_leads_the_way() {
        let vips = Filter::Is(Condition::Tags(texts(&["vip", "uk"])));
        let tags = Some(Lookup::Tags(texts(&["vip", "uk"])));
        assert_eq!(
            Lookup::of(&Filter::All(vec![search(&["ab"]), vips.clone()])),
            tags
        );
        let words = Filter::All(vec![vips.clone(), search(&["ada"])]);
        assert_eq!(Lookup::of(&words), Some(Lookup::Words(texts(&["ada"]))));
        assert_eq!(Lookup::of(&Filter::Not(Box::new(vips.clone()))), None);
        assert_eq!(Lookup::of(&Filter::Any(vec![vips])), None);
    }

    #[test]
    fn c8_signs_of_patterns_mean_themselves() {
        assert_eq!(like(r"50%_a\b"), r"%50\%\_a\\b%");
    }
}
