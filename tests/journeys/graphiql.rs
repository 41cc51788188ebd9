//! GraphiQL in a real browser: signing in, asking, following, and nothing from any other host.

use fantoccini::Locator;
use serde_json::json;
use url::Url;
use usher_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Browser, Setting, System, eventually};

use crate::operations::CREATE_CONTACT;

async fn element(browser: &Browser, selector: &str) -> fantoccini::elements::Element {
    let wait = browser.page.wait();
    wait.for_element(Locator::Css(selector)).await.expect(selector)
}

async fn sign_in(browser: &Browser, password: &str) {
    for (field, text) in [("email", ADMIN_EMAIL), ("password", password)] {
        let field = element(browser, &format!("input[name={field}]")).await;
        field.clear().await.expect("cleared");
        field.send_keys(text).await.expect("typed");
    }
    element(browser, "header form button")
        .await
        .click()
        .await
        .expect("clicked");
}

/// Runs the operation in the editor until its answer, without what is blank in it, holds this.
async fn answers(system: &System, browser: &Browser, expected: &str) {
    element(browser, ".graphiql-execute-button")
        .await
        .click()
        .await
        .expect("clicked");
    eventually(expected, system.patience(), || async {
        let answer = browser.page.find(Locator::Css(".graphiql-response")).await.ok()?;
        let text = answer.text().await.ok()?;
        text.split_whitespace()
            .collect::<String>()
            .contains(expected)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_developer_signs_in_asks_and_follows_and_nothing_comes_from_elsewhere() {
    let system = System::start(Setting::Embedded).await;
    let contact = json!({ "input": { "role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace",
        "email": "ada@example.com", "invite": true } });
    system.admin().done(CREATE_CONTACT, contact).await;
    let batches = system
        .admin()
        .data("{ invitationBatches(first: 1) { nodes { id } } }", json!({}))
        .await;
    let batch = batches["invitationBatches"]["nodes"][0]["id"]
        .as_str()
        .expect("a batch");
    let browser = Browser::start_with_scripts().await;

    browser.page.goto(system.base()).await.expect("the page");
    sign_in(&browser, "not the password").await;
    let refusal = element(&browser, "header [role=alert]").await;
    assert_eq!(
        refusal.text().await.expect("its text"),
        "this address and password do not belong together"
    );
    sign_in(&browser, ADMIN_PASSWORD).await;
    let who = element(&browser, "header strong").await;
    assert_eq!(who.text().await.expect("a name"), "Administrator");
    answers(&system, &browser, "\"displayName\":\"Administrator\"").await;

    let mut followed = Url::parse(system.base()).expect("an address");
    let query = format!("subscription {{ invitationBatch(id: \"{batch}\") {{ state sent }} }}");
    followed.query_pairs_mut().append_pair("query", &query);
    browser.page.goto(followed.as_str()).await.expect("the page");
    sign_in(&browser, ADMIN_PASSWORD).await;
    element(&browser, "header strong").await;
    answers(
        &system,
        &browser,
        "{\"invitationBatch\":{\"state\":\"DONE\",\"sent\":1}}",
    )
    .await;

    let own = Url::parse(system.base()).expect("an address");
    let requests = browser.requests().await;
    for asked in [
        "/assets/graphiql/main.js",
        "/assets/graphiql/graphql.worker.js",
        "/graphql",
    ] {
        assert!(
            requests.iter().any(|url| url.path() == asked),
            "{asked}: {requests:?}"
        );
    }
    assert!(requests.iter().any(|url| url.scheme() == "ws"), "{requests:?}");
    let elsewhere: Vec<&Url> = requests
        .iter()
        .filter(|url| (url.host_str(), url.port()) != (own.host_str(), own.port()))
        .collect();
    assert_eq!(elsewhere, Vec::<&Url>::new());
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
    system.stop().await;
}
