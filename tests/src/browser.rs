//! A real browser: Debian's chromium, driven through its chromedriver.

use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use url::Url;

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
        // 2: blocked. Every page that people meet works without scripts.
        Self::launch(
            language,
            json!({ "profile.managed_default_content_settings.javascript": 2 }),
        )
        .await
    }

    /// One that runs scripts, for the page of developers.
    ///
    /// # Panics
    /// As [`Browser::start`].
    pub async fn start_with_scripts() -> Self {
        Self::launch("en", json!({})).await
    }

    async fn launch(language: &str, mut preferences: Value) -> Self {
        preferences["intl.accept_languages"] = json!(language);
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
        let capabilities = [
            (
                "goog:chromeOptions".to_owned(),
                json!({ "args": arguments, "prefs": preferences }),
            ),
            (
                "goog:loggingPrefs".to_owned(),
                json!({ "performance": "ALL", "browser": "ALL" }),
            ),
        ]
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

    /// Everything that pages have asked for so far, sockets too, but for what stands in an address itself and for the
    /// browser's own pages.
    ///
    /// # Panics
    /// Where the browser does not tell.
    pub async fn requests(&self) -> Vec<Url> {
        let asked = self.log("performance").await.into_iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(&entry).ok()?;
            let event = &event["message"];
            let address = match event["method"].as_str()? {
                "Network.requestWillBeSent" => &event["params"]["request"]["url"],
                "Network.webSocketCreated" => &event["params"]["url"],
                _ => return None,
            };
            Url::parse(address.as_str()?).ok()
        });
        asked
            .filter(|address| !matches!(address.scheme(), "data" | "chrome"))
            .collect()
    }

    /// What pages have complained of so far.
    ///
    /// # Panics
    /// Where the browser does not tell.
    pub async fn complaints(&self) -> Vec<String> {
        self.log("browser").await
    }

    async fn log(&self, kind: &'static str) -> Vec<String> {
        let entries = self.page.issue_cmd(Log(kind)).await.expect("a log");
        let entries = entries.as_array().expect("entries").iter();
        entries
            .map(|entry| entry["message"].as_str().expect("a message").to_owned())
            .collect()
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

/// What chromedriver has noted, besides what WebDriver asks of it.
#[derive(Debug)]
struct Log(&'static str);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}
