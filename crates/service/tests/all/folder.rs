//! The data folder has one owner.

use usher_service::{DataDir, StartError};

fn refusal(result: Result<DataDir, StartError>) -> String {
    match result {
        Err(StartError::Unavailable(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn r1_a_folder_in_use_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/on the way");
    let first = DataDir::lock_all(&path).unwrap();
    assert_eq!(
        refusal(DataDir::lock_all(&path)),
        format!(
            "the data folder {} is in use by another process; stop it or set USHER_DATA_DIR",
            path.display()
        )
    );
    drop(first);
    assert!(DataDir::lock_all(&path).is_ok());
}

#[test]
fn services_share_a_folder_but_not_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let _contacts = DataDir::lock_part(folder.path(), "contacts").unwrap();
    let _invitations = DataDir::lock_part(folder.path(), "invitations").unwrap();
    assert!(refusal(DataDir::lock_part(folder.path(), "contacts")).contains("in use for contacts"));
    assert!(refusal(DataDir::lock_all(folder.path())).contains("is in use by another process"));
}
