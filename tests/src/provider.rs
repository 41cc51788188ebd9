//! A real OpenID Connect provider on this machine, and a browser without a screen that goes there and back.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

use crate::Client;

/// npm's `oidc-provider`; ends when it is dropped.
#[derive(Debug)]
pub struct IdentityProvider {
    issuer: String,
    client: Client,
    _process: Child,
    // it ends where nobody takes what it says
    _output: Lines<BufReader<ChildStdout>>,
}

impl IdentityProvider {
    /// What it knows Usher by, written so that encoding matters.
    pub const CLIENT_SECRET: &str = "the/secret+of us";

    /// Starts one that knows Usher as its client, and sends people back to these addresses.
    ///
    /// # Panics
    /// Where node or its packages are not to be had.
    pub async fn start(redirect_uris: &[String]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut process = Command::new(root.join("scripts/node"))
            .arg("tests/oidc/provider.mjs")
            .args(redirect_uris)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("scripts/node");
        let out = process.stdout.take().expect("its output");
        let mut lines = BufReader::new(out).lines();
        let issuer = lines.next_line().await.expect("its output");
        let issuer = issuer.expect("the provider says where it is");
        Self {
            client: Client::new(&issuer),
            issuer,
            _process: process,
            _output: lines,
        }
    }

    /// Who it is.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The entry of this provider in the file of the settings, for the organization of this slug.
    #[must_use]
    pub fn entry(&self, organization: &str, more: &str) -> String {
        format!(
            "[[provider]]\norganization = \"{organization}\"\nissuer = \"{}\"\nclient_id = \"usher\"\n\
             client_secret = \"{}\"\nscopes = \"openid email profile groups\"\n\
             grant = [{{ value = \"boss\", gives = \"ADMINISTRATOR\" }}, {{ value = \"staff\", gives = \"STAFF\" }}]\n{more}\n",
            self.issuer,
            Self::CLIENT_SECRET
        )
    }

    /// Somebody it knows, with what it says of them.
    pub async fn person(&self, name: &str, claims: Value) {
        self.tell(json!({ "people": { name: claims } })).await;
    }

    /// It signs with another key from now on.
    pub async fn rotate(&self) {
        self.tell(json!({ "rotate": true })).await;
    }

    async fn tell(&self, wish: Value) {
        let request = Request::post(format!("{}/test", self.issuer))
            .body(Full::from(wish.to_string()))
            .expect("a request");
        assert_eq!(self.client.exchange(request).await.status(), 200);
    }
}

/// A browser's memory: cookies by host and port, and no script.
#[derive(Clone, Debug)]
pub struct Browsing {
    client: Client,
    cookies: BTreeMap<(String, String), String>,
}

impl Browsing {
    /// Somebody at a browser of their own.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// One request, without following where it leads.
    ///
    /// # Panics
    /// Where the address is none, or nobody answers.
    pub async fn send(&mut self, method: Method, url: &Url, form: Option<&str>) -> Response<String> {
        let place = place(url);
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|((host, _), _)| *host == place)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let mut request = Request::builder().method(method).uri(url.as_str());
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body: Full<Bytes> = form.unwrap_or_default().to_owned().into();
        let response = self.client.exchange(request.body(body).expect("a request")).await;
        self.remember(&place, response.headers());
        response
    }

    fn remember(&mut self, place: &str, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("a cookie");
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            let key = (place.to_owned(), name.to_owned());
            let gone = attributes.contains("Max-Age=0") || attributes.contains("01 Jan 1970");
            if gone {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
    }

    /// A cookie that this browser keeps for the address.
    #[must_use]
    pub fn cookie(&self, url: &Url, name: &str) -> Option<&str> {
        let key = (place(url), name.to_owned());
        self.cookies.get(&key).map(String::as_str)
    }

    /// Goes from `start` to the provider and gives this name there, up to the address that it is sent back to, which is not opened.
    ///
    /// # Panics
    /// Where the way is another.
    pub async fn signed_in_there(&mut self, start: &Url, name: &str) -> Url {
        let mut here = start.clone();
        let mut response = self.send(Method::GET, &here, None).await;
        for _ in 0..10 {
            let Some(next) = next(&here, &response) else {
                assert_eq!(response.status(), 200, "{here}: {}", response.body());
                response = self
                    .send(Method::POST, &here, Some(&format!("login={name}")))
                    .await;
                continue;
            };
            if next.path().ends_with("/callback") {
                return next;
            }
            here = next;
            response = self.send(Method::GET, &here, None).await;
        }
        panic!("the way to the provider has no end");
    }
}

fn place(url: &Url) -> String {
    format!(
        "{}:{}",
        url.host_str().unwrap_or_default(),
        url.port().unwrap_or_default()
    )
}

fn next(here: &Url, response: &Response<String>) -> Option<Url> {
    let location = response.headers().get(LOCATION)?;
    here.join(location.to_str().ok()?).ok()
}

/// What the client library `oauth4webapi` says, a line for each way to show a secret.
///
/// # Panics
/// Where node or its packages are not to be had.
pub async fn oauth_client(arguments: &[&str]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(root.join("scripts/node"))
        .arg("tests/oidc/client.mjs")
        .args(arguments)
        .output()
        .await
        .expect("scripts/node");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let text = String::from_utf8(output.stdout).expect("lines");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("JSON")
}
