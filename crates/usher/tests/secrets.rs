//! What settings hold in confidence shows in the Debug output of nothing that is made of them.

use usher_notifications::settings::MailSettings;
use usher_parts::{database_settings, rabbit};
use usher_service::{Keys, Peers, Settings, Sources, Trust};

/// Base64 of 32 bytes, as in a list of keys.
const KEY: &str = "SHVudGVyMkh1bnRlcjJIdW50ZXIySHVudGVyMkh1bnQ=";
/// In every other secret.
const PASSWORD: &str = "Hunter2Hunter2Hunter2";

/// Every flat key that is a secret, with one in it.
fn secrets() -> Vec<(&'static str, String)> {
    let key = || format!("k1:{KEY}");
    vec![
        ("admin_password", PASSWORD.to_owned()),
        ("database_url", format!("postgres://usher:{PASSWORD}@db/usher")),
        ("amqp_url", format!("amqp://usher:{PASSWORD}@mq/usher")),
        ("smtp_url", format!("smtps://usher:{PASSWORD}@mail")),
        ("seal_keys", key()),
        ("field_keys", key()),
        ("service_keys", key()),
        ("signing_keys", key()),
    ]
}

#[test]
fn r5_the_secrets_of_the_default_file_are_those_that_are_looked_for() {
    let defaults = include_str!("../../service/usher.toml");
    let flat = defaults.split("\n[").next().unwrap();
    let named = flat
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .filter(|key| key.ends_with("_keys") || key.ends_with("password") || is_part(key));
    let mut named: Vec<&str> = named.collect();
    named.sort_unstable();
    let mut known: Vec<&str> = secrets().iter().map(|(key, _)| *key).collect();
    known.sort_unstable();
    assert_eq!(named, known);
}

/// The addresses that carry a password.
fn is_part(key: &str) -> bool {
    ["database_url", "amqp_url", "smtp_url"].contains(&key)
}

#[tokio::test]
async fn r5_secrets_show_in_no_debug_output() {
    let sources = secrets()
        .iter()
        .fold(Sources::default(), |sources, (key, value)| {
            sources.set(key, value)
        });
    let variables = secrets()
        .iter()
        .fold(Sources::default(), |sources, (key, value)| {
            sources.variable(&format!("USHER_{}", key.to_uppercase()), value)
        });
    let settings = Settings::load(sources.clone()).unwrap();
    let keys = Keys::load(&settings.common).unwrap();
    let shown = [
        format!("{sources:?}"),
        format!("{variables:?}"),
        format!("{settings:?}"),
        format!("{:?}", settings.common),
        format!("{keys:?}"),
        format!(
            "{:?}",
            [keys.seal(), keys.field(), keys.service(), keys.signing()].map(Result::unwrap)
        ),
        format!("{:?}", database_settings(&settings).unwrap()),
        format!("{:?}", rabbit(&settings, "usher-test").unwrap().unwrap()),
        format!("{:?}", MailSettings::of(&settings).unwrap()),
        format!("{:?}", Peers::of(&settings).unwrap()),
        format!("{:?}", Trust::of(&settings).unwrap()),
    ];
    for text in shown {
        for secret in [PASSWORD, KEY, "SHVudGVy", "72, 117, 110, 116, 101, 114"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
