//! What makes a password (I10): long, not common, not made of what everybody knows. Nothing about its composition.

mod common;
mod guessable;

use unicode_normalization::UnicodeNormalization;
use usher_types::fold;

/// The shortest password, in code points after NFKC, that any organization may accept.
pub const MIN_LENGTH: usize = 15;
/// Longer ones are refused, not cut: in bytes, before and after NFKC.
pub const MAX_BYTES: usize = 1024;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Shorter than the organization's least length, which stands beside.
    TooShort(usize),
    /// Longer than anybody types.
    TooLong,
    /// Among the common ones, or put together from them by rule.
    Common,
    /// Made of the person's or the firm's name or address.
    Guessable,
}

/// What everybody knows of whoever chooses.
#[derive(Clone, Debug, Default)]
pub struct Known {
    words: Vec<String>,
}

impl Known {
    /// From names and addresses of person and firm. Each counts as a whole and by its words, folded.
    #[must_use]
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words: Vec<String> = texts.into_iter().flat_map(guessable::words_of).collect();
        // the longest first, so that a name is not left over from a shorter one inside it
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        Self { words }
    }
}

/// An acceptable password in the form that is hashed: NFKC. It is not printed by `Debug`.
pub struct Password(String);

impl Password {
    /// Checks a new password.
    ///
    /// # Errors
    /// The first reason that holds.
    pub fn choose(typed: &str, min_length: usize, known: &Known) -> Result<Self, Refused> {
        let normal = Self::typed(typed).ok_or(Refused::TooLong)?;
        let least = min_length.max(MIN_LENGTH);
        if normal.0.chars().count() < least {
            return Err(Refused::TooShort(least));
        }
        let folded = fold(&normal.0);
        if common::is_common(&folded) {
            return Err(Refused::Common);
        }
        if guessable::is_made_of(&folded, &known.words) {
            return Err(Refused::Guessable);
        }
        Ok(normal)
    }

    /// What somebody types to sign in, in the same form; none where it is longer than any password.
    #[must_use]
    pub fn typed(typed: &str) -> Option<Self> {
        if typed.len() > MAX_BYTES {
            return None;
        }
        let normal: String = typed.nfkc().collect();
        (normal.len() <= MAX_BYTES).then_some(Self(normal))
    }

    /// The bytes, for hashing.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(typed: &str) -> Result<(), Refused> {
        let known = Known::new([
            "Ada",
            "Lovelace",
            "ada.lovelace@example.com",
            "Birch & Partners LLP",
        ]);
        Password::choose(typed, 15, &known).map(|_| ())
    }

    #[test]
    fn i10_length_counts_code_points_after_nfkc() {
        assert_eq!(choose("kestrel-orchid"), Err(Refused::TooShort(15)));
        assert_eq!(choose("kestrel-orchid!"), Ok(()));
        // 15 code points, 60 bytes
        assert_eq!(choose("🦊🌳🎈🚲🎻🌵🧊🪁🛶🧭🌋🦉🪴🎲🧵"), Ok(()));
        // NFKC makes one letter of e and its accent
        assert_eq!(choose("kestrel-orchie\u{301}"), Err(Refused::TooShort(15)));
        assert_eq!(
            Password::choose("kestrel-orchid!", 20, &Known::default()).unwrap_err(),
            Refused::TooShort(20)
        );
        assert_eq!(
            Password::choose("short", 3, &Known::default()).unwrap_err(),
            Refused::TooShort(15)
        );
    }

    #[test]
    fn i10_nothing_is_cut() {
        let phrase: String = (0..64).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect();
        assert_eq!(choose(&phrase), Ok(()));
        let long: String = "kestrel orchid lantern ".chars().cycle().take(1024).collect();
        assert_eq!(Password::typed(&long).unwrap().bytes().len(), 1024);
        assert_eq!(choose(&format!("{long}x")), Err(Refused::TooLong));
        assert!(Password::typed(&format!("{long}x")).is_none());
        // 342 ligatures of three bytes become 1,026 letters
        assert_eq!(choose(&"ﬃ".repeat(342)), Err(Refused::TooLong));
    }

    #[test]
    fn i10_no_rule_of_composition() {
        for typed in [
            "correct horse battery staple",
            "lanternorchidkestrel",
            "пурпурный ёж на луне",
            "847105936281744",
        ] {
            assert_eq!(choose(typed), Ok(()), "{typed}");
        }
    }

    #[test]
    fn i10_common_ones_are_refused() {
        for typed in [
            "123456789012345",
            "987654321098765",
            "aaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "passwordpassword",
            "Password1234567",
            "P@ssw0rd1234567",
            "qwertyuiopasdfgh",
            "1qaz2wsx3edc4rfv",
            "abcdefghijklmnop",
            "password-password-password",
            "iloveyou12345678",
            "!!!!!!!!!!!!!!!!",
            "111222333444555",
            "welcome welcome welcome",
            "password20242025",
            "Sunshine!1987-1988",
            "123456789987654321",
            "momsanaladventure",
            "qazwsxedcrfvtgb",
            "1q2w3e4r5t6y7u8i",
            "147258369147258369",
            "dragon1dragon2dragon3",
            "monkey00001monkey00002",
            "Football.84710593",
        ] {
            assert_eq!(choose(typed), Err(Refused::Common), "{typed}");
        }
    }

    #[test]
    fn i10_what_everybody_knows_is_refused() {
        for typed in [
            "adalovelace1843",
            "Ada.Lovelace@Example.com",
            "lovelace-ada-1815",
            "BirchPartners2026",
            "birch & partners llp",
            "ecalevol.ada.1815",
        ] {
            assert_eq!(choose(typed), Err(Refused::Guessable), "{typed}");
        }
        assert_eq!(choose("lovelace kestrel orchid"), Ok(()));
    }

    #[test]
    fn a_password_hides_from_logs() {
        let password = Password::typed("kestrel-orchid!").unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    /// Of the kind that dice choose; some of them are somebody's passwords by themselves.
    const WORDS: [&str; 48] = [
        "abacus",
        "acorn",
        "bagpipe",
        "banana",
        "cactus",
        "canopy",
        "dandelion",
        "dragon",
        "easel",
        "ember",
        "falcon",
        "flannel",
        "gazelle",
        "gravel",
        "harbor",
        "hammock",
        "igloo",
        "ivory",
        "jasmine",
        "jigsaw",
        "kestrel",
        "kettle",
        "lantern",
        "lilac",
        "magnet",
        "monkey",
        "nectar",
        "nugget",
        "orchid",
        "otter",
        "pebble",
        "pumpkin",
        "quartz",
        "quill",
        "raven",
        "ribbon",
        "saddle",
        "sunshine",
        "tangent",
        "thimble",
        "umbrella",
        "urchin",
        "velvet",
        "violet",
        "walnut",
        "willow",
        "yogurt",
        "zeppelin",
    ];

    proptest::proptest! {
        #[test]
        fn i10_phrases_of_different_words_are_taken(
            picked in proptest::sample::subsequence(WORDS.to_vec(), 4), glue in "[ .-]", digits in 0_u32..100
        ) {
            let phrase = picked.join(&glue);
            proptest::prop_assert_eq!(choose(&phrase), Ok(()), "{}", phrase);
            let phrase = format!("{}{}{}", picked[0], digits, picked[1..].join(&glue));
            proptest::prop_assert_eq!(choose(&phrase), Ok(()), "{}", phrase);
        }

        #[test]
        fn i10_random_letters_and_digits_are_taken(typed in "[a-z]{3}[a-z0-9]{13,20}") {
            // chance makes a run or a name once in a very long while, and then the answer is right
            let own: std::collections::BTreeSet<char> = typed.chars().collect();
            proptest::prop_assume!(own.len() >= 9);
            proptest::prop_assert_eq!(choose(&typed), Ok(()), "{}", typed);
        }

        #[test]
        fn i10_a_common_word_with_a_counter_or_years_is_refused(
            word in proptest::sample::select(vec!["password", "dragon", "letmein", "football", "sunshine"]),
            year in 1950_u32..2030, sign in "[-_.! ]?", times in 2_usize..4
        ) {
            let counted: String = (1..=times).map(|n| format!("{word}{sign}{n}")).collect();
            let padded = format!("{word}{sign}{year}{sign}{}", year + 1);
            for typed in [counted, padded] {
                let typed: String = if typed.chars().count() < 15 { format!("{typed}{typed}") } else { typed };
                proptest::prop_assert_eq!(choose(&typed), Err(Refused::Common), "{}", typed);
            }
        }

        #[test]
        fn i10_any_text_gets_an_answer(typed in "\\PC{0,80}") {
            let known = Known::new(["Ada", "Lovelace"]);
            if let Ok(password) = Password::choose(&typed, 15, &known) {
                proptest::prop_assert!(password.0.chars().count() >= 15);
            }
        }
    }
}
