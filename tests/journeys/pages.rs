//! The pages in a real browser, without scripts.

use fantoccini::Locator;
use fantoccini::elements::Element;
use hyper::Method;
use serde_json::json;
use usher_tests::{Browser, Setting, System};

use crate::operations::{CREATE_CONTACT, LANDING, PASSWORD, status_becomes};

/// Waits for what only the next page has.
async fn next_page(browser: &Browser, element: Locator<'_>) -> Element {
    browser
        .page
        .wait()
        .for_element(element)
        .await
        .expect("the next page")
}

async fn text_of(browser: &Browser) -> String {
    let body = browser
        .page
        .find(Locator::Css("main"))
        .await
        .expect("a main part");
    body.text().await.expect("its text")
}

async fn fill(browser: &Browser, field: &str, value: &str) {
    let field = browser
        .page
        .find(Locator::Css(&format!("input[name={field}]")))
        .await
        .expect("a field");
    field.send_keys(value).await.expect("typed");
}

async fn submit(browser: &Browser) {
    let button = browser
        .page
        .find(Locator::Css("main form button"))
        .await
        .expect("a button");
    button.click().await.expect("clicked");
}

#[tokio::test]
async fn i1_a_person_gets_in_with_a_browser_and_no_script() {
    let system = System::start(Setting::Embedded).await;
    let contact = system
        .admin()
        .done(
            CREATE_CONTACT,
            json!({ "input": { "role": "CLIENT", "firstName": "Zoë", "lastName": "Brown", "email": "zoe@example.com",
                    "accounts": [{ "newCompany": "Brown & Sons" }], "invite": true } }),
        )
        .await["contact"]
        .clone();
    let link = system.mailbox().only_mail_to("zoe@example.com").await.link();
    let browser = Browser::start().await;
    browser
        .page
        .set_window_size(320, 640)
        .await
        .expect("a narrow window");
    browser.page.goto(&link).await.expect("the page of the link");
    assert!(text_of(&browser).await.contains("z…@example.com"));

    fill(&browser, "password", "Password123456789").await;
    submit(&browser).await;
    let alert = next_page(&browser, Locator::Css("#password-error")).await;
    let text = alert.text().await.expect("its text");
    assert!(text.contains("among the first to be tried"), "{text}");
    let field = browser
        .page
        .find(Locator::Css("input[name=password]"))
        .await
        .expect("the field");
    assert_eq!(
        field
            .attr("aria-describedby")
            .await
            .expect("an attribute")
            .as_deref()
            .map(|ids| ids.contains("password-error")),
        Some(true)
    );

    fill(&browser, "password", PASSWORD).await;
    submit(&browser).await;
    status_becomes(&system, &contact["id"], "ACCEPTED").await;
    next_page(&browser, Locator::LinkText("Sign in"))
        .await
        .click()
        .await
        .expect("clicked");
    next_page(&browser, Locator::Css("input[name=email]")).await;
    fill(&browser, "email", "zoe@example.com").await;
    fill(&browser, "password", PASSWORD).await;
    submit(&browser).await;
    next_page(&browser, Locator::Css("form[action='/sign-out']")).await;
    assert!(text_of(&browser).await.contains("Brown & Sons"));
    status_becomes(&system, &contact["id"], "ACTIVE").await;
    browser.close().await;
    system.stop().await;
}

#[tokio::test]
async fn i7_a_scanner_that_gets_and_heads_the_link_changes_nothing() {
    let system = System::start(Setting::Embedded).await;
    let input = json!({ "input": { "role": "CLIENT", "firstName": "Ida", "lastName": "Rhodes",
        "email": "ida@example.com", "invite": true } });
    system.admin().done(CREATE_CONTACT, input).await;
    let token = system
        .mailbox()
        .only_mail_to("ida@example.com")
        .await
        .link_token();
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let page = system.nobody().page(method, &format!("/activate/{token}")).await;
        assert_eq!(page.status(), 200);
        let header = |name: &str| {
            page.headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        assert!(header("content-security-policy").contains("default-src 'none'"));
    }
    assert_eq!(
        system.nobody().payload(LANDING, json!({ "token": token })).await["state"],
        "OPEN"
    );
    system.stop().await;
}
