//! No log tells of anybody: each is looked through when its process goes.

use std::collections::HashMap;

use usher_tests::Process;

#[tokio::test]
#[should_panic(expected = "the log of usher tells too much:\n\"ada@example.com.toml\"")]
async fn i9_a_log_that_names_somebody_ends_the_test() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = HashMap::from([(
        "USHER_CONFIG".to_owned(),
        "/nowhere/ada@example.com.toml".to_owned(),
    )]);
    let mut process = Process::start("usher", &[], &settings, folder.path());
    process.ended().await;
}
