//! Which of the languages that we have a reader gets.

/// A language that mails and pages can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Language {
    /// Also the last resort.
    #[default]
    English,
    /// German.
    German,
    /// Spanish.
    Spanish,
    /// French.
    French,
}

impl Language {
    /// Every language, the last resort first.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::Spanish, Self::French];

    /// The primary subtag of BCP 47: the name of a folder of templates, and of `lang` in HTML.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Spanish => "es",
            Self::French => "fr",
        }
    }

    fn of(primary: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}

/// A language together with how its readers write dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Locale {
    /// The language.
    pub language: Language,
    /// Month before day and a clock of twelve hours, as English is written in the United States, Canada and the
    /// Philippines, and where no region is named.
    pub month_first: bool,
}

impl Locale {
    /// Reads a BCP 47 tag such as `de-AT`; none where we do not have its language.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let mut subtags = tag.trim().split(['-', '_']);
        let language = Language::of(subtags.next()?)?;
        let region = subtags.find(|subtag| subtag.len() == 2 || subtag.len() == 3);
        let month_first = language == Language::English
            && region.is_none_or(|region| {
                ["US", "CA", "PH"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(region))
            });
        Some(Self {
            language,
            month_first,
        })
    }

    /// The first wish whose language we have: the recipient's, then the organization's; otherwise English.
    #[must_use]
    pub fn choose<'a>(wishes: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        Self::choose_among(&Language::ALL, wishes)
    }

    /// As [`Locale::choose`], among `offered` languages only: a mail that exists in one language has its dates in it too.
    #[must_use]
    pub fn choose_among<'a>(offered: &[Language], wishes: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        wishes
            .into_iter()
            .flatten()
            .filter_map(Self::parse)
            .find(|locale| offered.contains(&locale.language))
            .unwrap_or(Self {
                language: Language::English,
                month_first: true,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n4_the_recipients_locale_comes_before_the_organizations() {
        let table: [(&[Option<&str>], Language); 8] = [
            (&[Some("de-AT"), Some("en")], Language::German),
            (&[Some("de_DE"), None], Language::German),
            (&[None, Some("fr-CA")], Language::French),
            (&[Some("ja"), Some("es")], Language::Spanish),
            (&[Some("zh-Hant-TW")], Language::English),
            (&[Some("ES-419")], Language::Spanish),
            (&[Some(""), None], Language::English),
            (&[], Language::English),
        ];
        for (wishes, language) in table {
            assert_eq!(
                Locale::choose(wishes.iter().copied()).language,
                language,
                "{wishes:?}"
            );
        }
    }

    #[test]
    fn n4_a_language_that_is_not_offered_is_passed_over() {
        let offered = [Language::English, Language::French];
        let locale = Locale::choose_among(&offered, [Some("de"), Some("fr")]);
        assert_eq!(locale.language, Language::French);
    }

    #[test]
    fn i5_english_puts_the_month_first_only_where_its_readers_do() {
        let table = [
            ("en", true),
            ("en-US", true),
            ("en-Latn-US", true),
            ("en-CA", true),
            ("en-GB", false),
            ("en-AU", false),
            ("de-US", false),
        ];
        for (tag, month_first) in table {
            assert_eq!(
                Locale::parse(tag).map(|locale| locale.month_first),
                Some(month_first),
                "{tag}"
            );
        }
    }
}
