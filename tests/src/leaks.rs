//! What must stand in no log: addresses, tokens, passwords and keys (I9, R4).
//!
//! Every process of every journey logs at the level DEBUG, and its log is read when the process goes, whatever the journey was about.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Shorter texts are no secrets, and would be found everywhere.
const SHORTEST: usize = 12;
/// A token of 256 bits in base64url.
const TOKEN: usize = 43;
/// Leaks that are shown.
const SHOWN: usize = 10;

/// Passwords and keys that this test has used.
static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// From now on this text must stand in no log.
pub fn keep_secret(text: &str) {
    if text.len() >= SHORTEST {
        let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(text.to_owned());
    }
}

/// The passwords that a client sends are secrets.
pub(crate) fn keep_passwords(sent: &Value) {
    match sent {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name.to_ascii_lowercase().contains("password") => {
                        keep_secret(text)
                    }
                    other => keep_passwords(other),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(keep_passwords),
        _ => {}
    }
}

/// The lines with something that must not be there, and what it is.
#[must_use]
pub fn leaks(log: &str) -> Vec<String> {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = log.lines().filter_map(|line| {
        let found = address(line).or_else(|| token(line)).or_else(|| {
            secrets
                .iter()
                .find(|secret| line.contains(secret.as_str()))
                .map(String::as_str)
        })?;
        Some(format!("{found:?} in: {line}"))
    });
    lines.take(SHOWN).collect()
}

/// Ends the test where a log says what it must not; not where it has failed already.
pub(crate) fn look_through(name: &str, log: &str) {
    if std::thread::panicking() {
        return;
    }
    let leaks = leaks(log);
    assert!(
        leaks.is_empty(),
        "the log of {name} tells too much:\n{}",
        leaks.join("\n")
    );
}

/// An e-mail address, or the user and password of a URL.
fn address(line: &str) -> Option<&str> {
    let own = |c: char| c.is_alphanumeric() || "._%+-:".contains(c);
    let mut from = 0;
    while let Some(found) = line[from..].find('@') {
        let at = from + found;
        let before = line[..at].rfind(|c| !own(c)).map_or(0, |end| {
            end + line[end..].chars().next().map_or(1, char::len_utf8)
        });
        let after = line[at + 1..]
            .find(|c| !own(c))
            .map_or(line.len(), |end| at + 1 + end);
        if before < at && at + 1 < after {
            return Some(line[before..after].trim_end_matches(['.', ':']));
        }
        from = at + 1;
    }
    None
}

/// A word of letters of both cases and digits that is as long as a token, which no name or id is.
fn token(line: &str) -> Option<&str> {
    let mut words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    words.find(|word| {
        let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
        word.len() >= TOKEN
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i9_a_log_that_tells_too_much_is_found_out() {
        keep_secret("Otter-Lantern-Quarry-58");
        let token = format!("sent /activate/{}", "aB3_".repeat(11));
        for told in [
            "INFO mail to ada@example.com",
            "to=<ädа@exämple.com>",
            "amqp://guest:secret@127.0.0.1:5672",
            &token,
            "{\"password\":\"Otter-Lantern-Quarry-58\"}",
        ] {
            assert_eq!(leaks(&format!("fine\n{told}\nfine")).len(), 1, "{told}");
        }
        for fine in [
            "batch 0192f0c1-2b3a-7c4d-8e5f-60718293a4b5",
            "a…@… and x @ y",
            "trace_id 0af7651916cd43dd8448eb211c80319c0af7651916cd43dd8448eb211c80319c",
            "usher_notifications::sender::dispatch::dispatch_lane_of_some_organizations",
        ] {
            assert_eq!(leaks(fine), Vec::<String>::new());
        }
    }

    #[test]
    fn i9_passwords_that_are_sent_are_secrets() {
        keep_passwords(
            &serde_json::json!({ "variables": { "input": { "newPassword": "Copper-Meadow-Sextant-4" } } }),
        );
        assert_eq!(leaks("x Copper-Meadow-Sextant-4 y").len(), 1);
    }
}
