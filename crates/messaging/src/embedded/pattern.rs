//! Patterns of a topic exchange: `*` is one word, `#` any number of words.

/// Whether a routing key fits a pattern.
pub(crate) fn matches(pattern: &str, key: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('.').collect();
    let key: Vec<&str> = key.split('.').collect();
    fits(&pattern, &key)
}

fn fits(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern.split_first(), key.split_first()) {
        (None, None) => true,
        (Some((&"#", rest)), None) => fits(rest, key),
        (Some((&"#", rest)), Some((_, tail))) => fits(rest, key) || fits(pattern, tail),
        (Some((word, rest)), Some((first, tail))) => (*word == "*" || word == first) && fits(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_on_a_topic_exchange() {
        for (pattern, key, expected) in [
            ("contact.updated.v1", "contact.updated.v1", true),
            ("contact.*.v1", "contact.updated.v1", true),
            ("contact.*", "contact.updated.v1", false),
            ("#", "contact.updated.v1", true),
            ("contact.#", "contact", true),
            ("contact.#.bulk", "contact.updated.v1.bulk", true),
            ("contact.#.bulk", "contact.updated.v1.interactive", false),
            ("account.*.v1", "contact.updated.v1", false),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }
}
