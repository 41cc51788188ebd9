//! Lists of keys, and the ones that development makes for itself.

use std::os::unix::fs::PermissionsExt;

use usher_auth::Keyring;
use usher_service::{Keys, Settings, StartError};

#[test]
fn development_makes_keys_once() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data").display().to_string();
    let settings = Settings::with([("data_dir", data_dir.as_str())]).unwrap();
    let first = Keys::load(&settings.common).unwrap();
    let again = Keys::load(&settings.common).unwrap();
    assert_eq!(
        first.seal().unwrap().current().1,
        again.seal().unwrap().current().1
    );
    assert_ne!(
        first.seal().unwrap().current().1,
        first.field().unwrap().current().1
    );
    let file = std::path::Path::new(&data_dir).join("keys.toml");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&data_dir).unwrap().count(), 1);
}

#[test]
fn a_given_list_wins_over_the_development_keys() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().display().to_string();
    let list = Keyring::generate_text("mine");
    let settings = Settings::with([("data_dir", data_dir.as_str()), ("seal_keys", list.as_str())]).unwrap();
    let keys = Keys::load(&settings.common).unwrap();
    assert_eq!(keys.seal().unwrap().current().0, "mine");
    assert_eq!(keys.signing().unwrap().current().0, "dev");
}

#[test]
fn r5_production_without_keys_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().display().to_string();
    let settings = Settings::with([("mode", "production"), ("data_dir", data_dir.as_str())]).unwrap();
    let keys = Keys::load(&settings.common).unwrap();
    let Err(StartError::Settings(reason)) = keys.service() else {
        panic!("keys appeared from nowhere");
    };
    assert_eq!(
        reason,
        "USHER_SERVICE_KEYS is not given; production needs it: id:base64 of 32 random bytes"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn r5_a_list_that_is_no_list_is_refused_by_its_name() {
    let settings = Settings::with([("mode", "production"), ("field_keys", "a:hunter2")]).unwrap();
    let Err(StartError::Settings(reason)) = Keys::load(&settings.common).unwrap().field() else {
        panic!("it was taken");
    };
    assert!(
        reason.starts_with("USHER_FIELD_KEYS: ") && !reason.contains("hunter2"),
        "{reason}"
    );
}
