//! The pages' words, language by language. A language is there once it has every text.

use std::collections::HashMap;

use usher_service::StartError;
use usher_text::{Language, Locale};

/// What has been translated.
const FILES: [(Language, &str); 4] = [
    (Language::English, include_str!("../../templates/texts/en.json")),
    (Language::German, include_str!("../../templates/texts/de.json")),
    (Language::Spanish, include_str!("../../templates/texts/es.json")),
    (Language::French, include_str!("../../templates/texts/fr.json")),
];

/// The words of all languages.
#[derive(Debug)]
pub(super) struct Texts(HashMap<&'static str, HashMap<String, String>>);

impl Texts {
    pub(super) fn new() -> Result<Self, StartError> {
        let read = |(language, text): (Language, &str)| {
            let texts = serde_json::from_str(text).map_err(|error| StartError::failed("texts", &error))?;
            Ok((language.tag(), texts))
        };
        FILES
            .into_iter()
            .map(read)
            .collect::<Result<_, StartError>>()
            .map(Self)
    }

    /// The locale for a reader, among those that we have words for: the first wish that can be met, else English.
    pub(super) fn choose<'a>(wishes: impl IntoIterator<Item = Option<&'a str>>) -> Locale {
        Locale::choose_among(&FILES.map(|(language, _)| language), wishes)
    }

    /// A text with its `{names}` filled in; the key itself where there is none.
    pub(super) fn get(&self, language: &str, key: &str, names: &[(&str, String)]) -> String {
        let texts = self.0.get(language);
        let Some(text) = texts.and_then(|texts| texts.get(key)) else {
            return key.to_owned();
        };
        fill(text, names)
    }

    pub(super) fn has(&self, language: &str, key: &str) -> bool {
        self.0.get(language).is_some_and(|texts| texts.contains_key(key))
    }
}

/// Fills in each name once; what is filled in is not looked at again.
fn fill(text: &str, names: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        if let Some((_, value)) = names.iter().find(|(known, _)| *known == name) {
            filled.push_str(value);
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_looked_at_again() {
        let names = [("a", "{b}".to_owned()), ("b", "no".to_owned())];
        assert_eq!(fill("x {a} y {b}.", &names), "x {b} y no.");
        assert_eq!(fill("no names", &[]), "no names");
    }

    #[test]
    fn every_language_has_every_text() {
        let texts = Texts::new().unwrap();
        let english: std::collections::BTreeSet<_> = texts.0["en"].keys().collect();
        for (language, found) in &texts.0 {
            assert_eq!(
                found.keys().collect::<std::collections::BTreeSet<_>>(),
                english,
                "{language}"
            );
        }
    }

    /// The names between braces, in order.
    fn names(text: &str) -> Vec<&str> {
        let parts = text.split('{').skip(1);
        let mut names: Vec<&str> = parts.filter_map(|part| Some(part.split_once('}')?.0)).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_translation_names_what_the_english_text_names_and_is_one() {
        let texts = Texts::new().unwrap();
        for (key, english) in &texts.0["en"] {
            for language in ["de", "es", "fr"] {
                let text = &texts.0[language][key];
                assert_eq!(names(text), names(english), "{key} in {language}");
                assert!(!text.trim().is_empty(), "{key} in {language}");
                // what is a sentence was translated
                assert!(
                    english.split(' ').count() < 3 || text != english,
                    "{key} in {language}"
                );
            }
        }
    }

    /// Those of development are for developers, in English.
    const OURS: [&str; 3] = ["graphiql.html", "mail.html", "mail_list.html"];

    fn templates() -> impl Iterator<Item = (String, String)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
        let read = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().unwrap();
            let page = name.ends_with(".html") && !OURS.contains(&name.as_str());
            page.then(|| (name, std::fs::read_to_string(entry.path()).unwrap()))
        };
        entries.filter_map(read)
    }

    /// What is left of a template without what stands between two marks.
    fn without(text: &str, open: &str, close: &str) -> String {
        let mut parts = text.split(open);
        let mut left = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            left.push_str(part.split_once(close).map_or("", |(_, after)| after));
        }
        left
    }

    #[test]
    fn no_page_has_words_of_its_own() {
        let mut seen = 0;
        for (name, template) in templates() {
            let plain = without(&without(&template, "{%", "%}"), "{{", "}}");
            for attribute in ["aria-label=", "title=", "alt=", "placeholder="] {
                assert!(!plain.contains(attribute), "{name}: {attribute}");
            }
            let words = without(&plain, "<", ">");
            assert!(!words.contains(char::is_alphabetic), "{name}: {}", words.trim());
            seen += 1;
        }
        assert!(seen >= 8, "{seen} pages");
    }

    #[test]
    fn every_text_that_a_page_names_is_there() {
        let texts = Texts::new().unwrap();
        for (name, template) in templates() {
            for part in template.split("t(\"").skip(1) {
                let (key, _) = part.split_once('"').unwrap();
                assert!(texts.has("en", key), "{name}: {key}");
            }
        }
    }
}
