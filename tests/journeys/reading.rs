//! Every page in four languages, on a screen of 320 pixels, with the keyboard alone, as assistive technology reads it.

use fantoccini::Locator;
use serde_json::{Value, json};
use usher_tests::{Browser, Mail, Setting, System};

use crate::operations::{ACCEPT, CREATE_CONTACT, PASSWORD, SEND, status_becomes};

const LANGUAGES: [&str; 4] = ["en", "de", "es", "fr"];
const OTHER: &str = "Walnut-Saddle-Compass-71";
const FORGOT: &str = "mutation Forgot($input: RequestPasswordResetInput!) {
  requestPasswordReset(input: $input) { userErrors { code } }
}";

/// A reader with a language.
struct Reader<'a> {
    system: &'a System,
    browser: Browser,
    language: &'static str,
}

impl Reader<'_> {
    async fn open(&self, address: &str) {
        let base = self.system.nobody().base().to_owned();
        let address = if address.starts_with("http") {
            address.to_owned()
        } else {
            format!("{base}{address}")
        };
        self.browser.page.goto(&address).await.expect("a page");
    }

    /// Looks at the page; `focusable` is what the Tab key reaches, in order.
    async fn looks_at(&self, name: &str, focusable: &[&str]) {
        let (browser, language) = (&self.browser, self.language);
        let page = format!("{name} in {language}");
        browser.picture(&format!("{name}-{language}")).await;
        let facts = "({ lang: document.documentElement.lang, wide: document.documentElement.scrollWidth, \
                     screen: window.innerWidth, mains: document.querySelectorAll('main').length, \
                     headings: document.querySelectorAll('h1').length, \
                     nameless: [...document.querySelectorAll('input:not([type=hidden])')].filter(i => !i.labels.length).length, \
                     text: document.title + ' ' + document.body.innerText })";
        let facts = browser.finds(facts).await;
        assert_eq!(facts["lang"], language, "{page}");
        assert_eq!(
            (&facts["mains"], &facts["headings"], &facts["nameless"]),
            (&json!(1), &json!(1), &json!(0)),
            "{page}"
        );
        assert_eq!(facts["screen"], 320, "{page}");
        assert!(
            facts["wide"].as_i64() <= Some(320),
            "{page} is {} pixels wide",
            facts["wide"]
        );
        let text = facts["text"].as_str().expect("a text");
        let key = |word: &str| {
            word.split_once('.')
                .is_some_and(|(a, b)| !a.is_empty() && b.chars().next().is_some_and(char::is_alphabetic))
        };
        let keys: Vec<&str> = text
            .split_whitespace()
            .filter(|word| key(word) && !word.contains("example.com"))
            .collect();
        assert_eq!(keys, Vec::<&str>::new(), "{page}: texts that are missing");
        assert!(!text.contains('{'), "{page}: {text}");

        let spoken = browser.spoken().await;
        for node in &spoken {
            let named = ["textbox", "checkbox", "button", "link", "heading", "RootWebArea"]
                .contains(&node.role.as_str());
            assert!(!named || !node.name.is_empty(), "{page}: {node:?}");
        }
        let tabbed = browser.tabbed().await;
        assert_eq!(tabbed.len(), focusable.len(), "{page}: {tabbed:?}");
        for (reached, expected) in tabbed.iter().zip(focusable) {
            assert!(
                reached.contains(expected),
                "{page}: {tabbed:?}, not {focusable:?}"
            );
        }
    }

    /// The error is announced, belongs to its field, has the focus and stands in the title.
    async fn hears_the_error(&self, field: &str) {
        let focused = self.browser.finds("document.activeElement.id").await;
        assert_eq!(focused, field, "the focus");
        let title = self.browser.finds("document.title").await;
        let word = [
            ("en", "Error: "),
            ("de", "Fehler: "),
            ("es", "Error: "),
            ("fr", "Erreur"),
        ];
        let word = word
            .iter()
            .find(|(language, _)| *language == self.language)
            .map_or("", |(_, word)| word);
        assert!(
            title.as_str().is_some_and(|title| title.starts_with(word)),
            "{title}"
        );
        let spoken = self.browser.spoken().await;
        let alert = spoken
            .iter()
            .position(|node| node.role == "alert")
            .expect("an alert");
        let said = self
            .browser
            .finds("document.querySelector('[role=alert]').innerText")
            .await;
        let said = said.as_str().expect("a text");
        assert!(!said.is_empty(), "{:?}", spoken[alert]);
        let described = spoken.iter().any(|node| node.description.contains(said));
        assert!(described, "{said} is not read with its field: {spoken:?}");
    }

    async fn types(&self, text: &str) {
        let focused = self.browser.page.active_element().await.expect("a focus");
        focused.send_keys(text).await.expect("typed");
    }

    async fn focuses(&self, field: &str) {
        let found = self.browser.page.find(Locator::Id(field)).await.expect("a field");
        found.send_keys("").await.expect("focused");
    }

    /// Sends the form by the Enter key.
    async fn enters(&self) {
        self.types("\u{E007}").await;
    }

    async fn next(&self, element: &str) {
        let wait = self.browser.page.wait().for_element(Locator::Css(element)).await;
        wait.expect("the next page");
    }

    async fn invited(&self, email: &str) -> (Value, Mail) {
        let input = json!({ "role": "CLIENT", "firstName": "Zoë", "lastName": "Brown-Featherstonehaugh", "email": email,
            "accounts": [{ "newCompany": "Brown-Featherstonehaugh Vermögensverwaltungsgesellschaft" }], "invite": true });
        let created = self
            .system
            .admin()
            .done(CREATE_CONTACT, json!({ "input": input }))
            .await;
        (
            created["contact"].clone(),
            self.system.mailbox().only_mail_to(email).await,
        )
    }

    async fn strangers_pages(&self) {
        self.open("/sign-in").await;
        self.looks_at(
            "sign-in",
            &["email", "password", "submit", "/forgot", "as=member"],
        )
        .await;
        self.focuses("email").await;
        self.types("nobody@example.com").await;
        self.focuses("password").await;
        self.types("wrong").await;
        self.enters().await;
        self.next("#error").await;
        self.hears_the_error("password").await;
        self.looks_at(
            "sign-in-error",
            &["email", "password", "submit", "/forgot", "as=member"],
        )
        .await;
        self.open("/forgot").await;
        self.looks_at("forgot", &["email", "submit", "/sign-in"]).await;
        self.focuses("email").await;
        self.types("nobody@example.com").await;
        self.enters().await;
        self.next("a.button").await;
        self.looks_at("forgot-sent", &["/sign-in"]).await;
        self.open("/nothing").await;
        self.looks_at("not-found", &[]).await;
    }

    async fn way_in(&self, email: &str) {
        let (contact, mail) = self.invited(email).await;
        let resend = SEND.replace("sendInvitations", "resendInvitations");
        self.system
            .admin()
            .done(
                &resend,
                json!({ "input": { "contacts": { "ids": [contact["id"]] } } }),
            )
            .await;
        let newer = self
            .system
            .mailbox()
            .mails_to(email, 2)
            .await
            .pop()
            .expect("a mail");
        self.open(&mail.link()).await;
        self.looks_at("superseded", &["submit"]).await;
        self.open(&newer.link()).await;
        self.looks_at("activate", &["password", "submit", "/not-me"])
            .await;
        self.focuses("password").await;
        self.types("Password123456789").await;
        self.enters().await;
        self.next("#password-error").await;
        self.hears_the_error("password").await;
        self.looks_at("activate-error", &["password", "submit", "/not-me"])
            .await;
        self.focuses("password").await;
        self.types(PASSWORD).await;
        self.enters().await;
        self.next("a.button").await;
        self.looks_at("accepted", &["/sign-in"]).await;
        status_becomes(self.system, &contact["id"], "ACCEPTED").await;
        self.open(&newer.link()).await;
        self.looks_at("invalid", &["/sign-in"]).await;
        self.open("/sign-in").await;
        self.focuses("email").await;
        self.types(email).await;
        self.focuses("password").await;
        self.types(PASSWORD).await;
        self.enters().await;
        self.next("form[action='/sign-out']").await;
        self.looks_at("portal", &["submit"]).await;
    }

    /// The browser is signed in as somebody by now.
    async fn way_back(&self, email: &str) {
        let before = self.system.mailbox().to(email).len();
        let input = json!({ "input": { "email": email } });
        self.system.nobody().done(FORGOT, input.clone()).await;
        let older = self
            .system
            .mailbox()
            .mails_to(email, before + 1)
            .await
            .pop()
            .expect("a mail");
        self.system.nobody().done(FORGOT, input).await;
        let newer = self
            .system
            .mailbox()
            .mails_to(email, before + 2)
            .await
            .pop()
            .expect("a mail");
        let base = self.system.nobody().base().to_owned();
        self.open(&format!("{base}/reset/{}", older.token_of("reset")))
            .await;
        self.looks_at("reset-superseded", &[]).await;
        let link = format!("{base}/reset/{}", newer.token_of("reset"));
        self.open(&link).await;
        self.next(".note").await;
        self.looks_at("reset", &["password", "submit"]).await;
        self.focuses("password").await;
        self.types("Password123456789").await;
        self.enters().await;
        self.next("#password-error").await;
        self.hears_the_error("password").await;
        self.focuses("password").await;
        self.types(OTHER).await;
        self.enters().await;
        self.next("a.button").await;
        self.looks_at("reset-done", &["/sign-in"]).await;
        self.open(&link).await;
        self.looks_at("reset-invalid", &["/forgot"]).await;
    }

    async fn not_me(&self, email: &str) {
        let (contact, mail) = self.invited(email).await;
        self.open(&format!("{}/not-me", mail.link())).await;
        self.looks_at("not-me", &["confirm", "submit", "/activate/"])
            .await;
        self.system.expire_invitations().await;
        self.open(&mail.link()).await;
        self.looks_at("expired", &["submit", "/not-me"]).await;
        let button = self
            .browser
            .page
            .find(Locator::Css("form button"))
            .await
            .expect("a button");
        button.click().await.expect("clicked");
        self.next("main:not(:has(form))").await;
        self.looks_at("new-link-sent", &[]).await;
        let newer = self
            .system
            .mailbox()
            .mails_to(email, 2)
            .await
            .pop()
            .expect("a mail");
        self.open(&format!("{}/not-me", newer.link())).await;
        self.focuses("confirm").await;
        self.types(" ").await;
        let button = self
            .browser
            .page
            .find(Locator::Css("form button"))
            .await
            .expect("a button");
        button.click().await.expect("clicked");
        self.next("main:not(:has(form))").await;
        self.looks_at("declined", &[]).await;
        status_becomes(self.system, &contact["id"], "WAITING").await;
    }
}

#[tokio::test]
async fn i8_every_page_in_every_language_at_320_pixels_by_keyboard() {
    let system = System::start(Setting::Embedded).await;
    for language in LANGUAGES {
        let reader = Reader {
            system: &system,
            browser: Browser::start_in(language).await,
            language,
        };
        reader.browser.narrow(320).await;
        reader.strangers_pages().await;
        let email = format!("zoe.{language}@example.com");
        reader.way_in(&email).await;
        reader.way_back(&email).await;
        reader.not_me(&format!("ida.{language}@example.com")).await;
        reader.browser.close().await;
    }
    system.stop().await;
}

/// Somebody else is signed in with the browser: that ends nothing, and whoever accepts signs in as themself.
#[tokio::test]
async fn i8_two_people_with_one_browser() {
    let system = System::start(Setting::Embedded).await;
    let reader = Reader {
        system: &system,
        browser: Browser::start().await,
        language: "en",
    };
    let (_, mail) = reader.invited("ada@example.com").await;
    let accept = json!({ "input": { "token": mail.link_token(), "password": PASSWORD } });
    system.nobody().done(ACCEPT, accept).await;
    reader.open("/sign-in").await;
    for (field, text) in [("email", "ada@example.com"), ("password", PASSWORD)] {
        reader.focuses(field).await;
        reader.types(text).await;
    }
    reader.enters().await;
    reader.next("form[action='/sign-out']").await;

    let (grace, mail) = reader.invited("grace@example.com").await;
    reader.open(&mail.link()).await;
    let said = reader
        .browser
        .finds("document.querySelector('.note').innerText")
        .await;
    assert!(
        said.as_str().is_some_and(|text| text.contains("g…@example.com")),
        "{said}"
    );
    reader.focuses("password").await;
    reader.types(OTHER).await;
    reader.enters().await;
    reader.next("a.button").await;
    status_becomes(&system, &grace["id"], "ACCEPTED").await;
    // Ada is signed in as before, and Grace is not
    reader.open("/portal").await;
    reader.next("form[action='/sign-out']").await;
    status_becomes(&system, &grace["id"], "ACCEPTED").await;
    reader.browser.close().await;
    system.stop().await;
}
