//! A real browser: Debian's chromium, driven through its chromedriver.

use std::process::Stdio;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::outside::kill_now;
use crate::{eventually, free_port};

const START: Duration = Duration::from_secs(30);

/// One browser with an empty profile and a window of its own.
#[derive(Debug)]
pub struct Browser {
    /// The page that it shows.
    pub page: Client,
    driver: Child,
    profile: TempDir,
}

/// A driver that is killed, as by a failed test, leaves its browser's processes behind; the folder of the profile on their
/// command lines tells which they are.
impl Drop for Browser {
    fn drop(&mut self) {
        let profile = self.profile.path().display().to_string();
        for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&command).contains(&profile) {
                kill_now(&process.file_name().to_string_lossy());
            }
        }
    }
}

impl Browser {
    /// Starts one without scripts: the pages need none.
    ///
    /// # Panics
    /// Where chromium or chromedriver is missing or does not start.
    pub async fn start() -> Self {
        Self::start_in("en").await
    }

    /// The same, asking for pages in this language.
    ///
    /// # Panics
    /// As [`Browser::start`].
    pub async fn start_in(language: &str) -> Self {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts: install Debian's packages chromium and chromium-driver (make test does)");
        let profile = tempfile::tempdir().expect("a folder");
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &format!("--accept-lang={language}"),
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({
            "args": arguments,
            // 2: blocked. Every page of ours works without scripts.
            "prefs": {
                "profile.managed_default_content_settings.javascript": 2,
                "intl.accept_languages": language,
            },
        });
        let capabilities = [("goog:chromeOptions".to_owned(), capabilities)]
            .into_iter()
            .collect();
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities);
        let address = format!("http://127.0.0.1:{port}");
        let page = eventually("a browser", START, || async {
            builder.connect(&address).await.ok()
        })
        .await;
        Self {
            page,
            driver,
            profile,
        }
    }

    /// Closes window and driver.
    ///
    /// # Panics
    /// Where the driver cannot be ended.
    pub async fn close(mut self) {
        self.page.clone().close().await.expect("the browser closes");
        self.driver.kill().await.expect("chromedriver ends");
    }
}
