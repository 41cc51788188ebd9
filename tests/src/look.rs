//! What a reader of a page meets who uses a narrow screen, a keyboard, or a screen reader.

use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde_json::{Value, json};

use crate::Browser;

/// A command of Chrome's DevTools.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

/// A node of the tree that assistive technology reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Such as "textbox".
    pub role: String,
    /// What is read out.
    pub name: String,
    /// What is read out after it.
    pub description: String,
}

impl Browser {
    async fn devtools(&self, command: &'static str, parameters: Value) -> Value {
        let asked = self.page.issue_cmd(DevTools { command, parameters }).await;
        asked.expect("the browser takes the command")
    }

    /// Makes the screen so many CSS pixels wide.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn narrow(&self, width: u32) {
        let screen = json!({ "width": width, "height": 900, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// What a script on the page would find.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn finds(&self, script: &str) -> Value {
        let found = self.page.execute(&format!("return {script};"), Vec::new()).await;
        found.expect("an answer")
    }

    /// Everything that assistive technology reads, in order.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn spoken(&self) -> Vec<Spoken> {
        let tree = self.devtools("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().trim().to_owned();
        nodes
            .iter()
            .filter(|node| node["ignored"] != true)
            .map(|node| Spoken {
                role: text(&node["role"]),
                name: text(&node["name"]),
                description: text(&node["description"]),
            })
            .collect()
    }

    /// What the Tab key reaches from the top of the page, one after the other: the name or address of each.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn tabbed(&self) -> Vec<String> {
        // taking the focus away would leave the next Tab where it was: an error's field has it already
        let top = "(document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), true)";
        self.finds(top).await;
        let mut reached: Vec<String> = Vec::new();
        loop {
            self.press("Tab", 9).await;
            let focus = "document.activeElement === document.body ? null : \
                         document.activeElement.id || document.activeElement.getAttribute('href') || document.activeElement.type";
            match self.finds(focus).await.as_str() {
                Some(name) if reached.first().is_none_or(|first| first != name) => {
                    reached.push(name.to_owned())
                }
                _ => return reached,
            }
        }
    }

    /// Presses and lets go a key.
    ///
    /// # Panics
    /// Where the browser refuses.
    pub async fn press(&self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.devtools("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Writes a picture of the page into the folder `USHER_TEST_PICTURES`, where there is one.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("USHER_TEST_PICTURES") else {
            return;
        };
        let png = self.page.screenshot().await.expect("a picture");
        std::fs::create_dir_all(&folder).expect("the folder");
        let file = std::path::Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(file, png).expect("written");
    }
}
